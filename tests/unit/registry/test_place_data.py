"""The province's units through time: counts on any date, reused codes, who followed whom."""

import csv
import os
import shutil
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from dekhang.apps.registry.data import DATA, RECORD_BEGINS, PlacesError, load_places
from dekhang.law import load

PROVINCE = "tinh-tay-ninh"
ARTICLE = date(2019, 12, 10)
FIRST_CHANGE = date(2020, 2, 1)
TWO_LEVELS = date(2025, 7, 1)


@pytest.fixture(scope="module")
def places():
    return load_places()


# --- counts ---


@pytest.mark.parametrize(
    ("on", "types"),
    [
        (ARTICLE, {"Xã": 80, "Thị trấn": 8, "Phường": 7}),
        (date(2020, 1, 31), {"Xã": 80, "Thị trấn": 8, "Phường": 7}),
        (FIRST_CHANGE, {"Xã": 71, "Thị trấn": 6, "Phường": 17}),
        (date(2025, 6, 30), {"Xã": 71, "Thị trấn": 6, "Phường": 17}),
        (TWO_LEVELS, {"Xã": 82, "Phường": 14}),
    ],
)
def test_communes_by_type_on_each_side_of_every_change(places, on, types):
    assert Counter(version.subtype for version in places.in_force(on, "commune")) == types


@pytest.mark.parametrize(
    ("on", "types"),
    [
        (ARTICLE, {"Thành phố": 1, "Huyện": 8}),
        (FIRST_CHANGE, {"Thành phố": 1, "Thị xã": 2, "Huyện": 6}),
        (TWO_LEVELS, {}),
    ],
)
def test_nine_districts_until_there_are_none(places, on, types):
    assert Counter(version.subtype for version in places.in_force(on, "district")) == types


def test_nineteen_provincial_bodies_in_2019(places):
    bodies = places.in_force(ARTICLE, "department")
    assert len(bodies) == 19
    assert {body.parent_key for body in bodies} == {PROVINCE}


def test_the_ict_department_goes_into_science_and_technology_on_1_march_2025(places):
    before, after = date(2025, 2, 28), date(2025, 3, 1)
    assert places.version("so-thong-tin-va-truyen-thong", before).name == "Sở Thông tin và Truyền thông"
    assert places.version("so-thong-tin-va-truyen-thong", after) is None
    (heir,) = places.successors("so-thong-tin-va-truyen-thong")
    assert places.version(heir.successor_key, after).name == "Sở Khoa học và Công nghệ"
    assert len(places.in_force(after, "department")) == 18


@pytest.mark.parametrize("on", [ARTICLE, date(2024, 1, 1), date(2025, 3, 1), TWO_LEVELS])
def test_exactly_one_body_coordinates_on_any_date(places, on):
    assert sum(version.is_coordinator for version in places.in_force(on)) == 1


def test_communes_of_each_district_in_2019(places):
    counts = {d.code: len(places.children(d.unit_key, ARTICLE)) for d in places.in_force(ARTICLE, "district")}
    assert counts == {
        "703": 10, "705": 10, "706": 12, "707": 11, "708": 15, "709": 8, "710": 9, "711": 9, "712": 11,
    }  # fmt: skip


def test_since_2025_communes_stand_directly_under_the_province(places):
    assert {version.parent_key for version in places.in_force(TWO_LEVELS, "commune")} == {PROVINCE}


# --- names, codes, identity ---


def test_the_province_keeps_its_key_and_changes_its_code(places):
    assert places.version(PROVINCE, date(2025, 6, 30)).code == "72"
    assert places.version(PROVINCE, TWO_LEVELS).code == "80"


def test_two_communes_were_called_tan_binh_in_2019(places):
    found = [version for version in places.in_force(ARTICLE) if version.name == "Xã Tân Bình"]
    assert [version.code for version in found] == ["25474", "25495"]
    assert len({version.unit_key for version in found}) == 2


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("25645", ["Xã Long Thành Trung", "Phường Long Thành Trung", "Phường Hòa Thành"]),
        ("25729", ["Xã Bình Thạnh", "Xã Phước Bình", "Xã Phước Chỉ"]),
        ("25711", ["Xã Đôn Thuận", "Xã Đôn Thuận", "Xã Hưng Thuận"]),
    ],
)
def test_codes_are_reused_with_new_names(places, code, names):
    assert [places.by_code(code, on).name for on in (ARTICLE, FIRST_CHANGE, TWO_LEVELS)] == names


def test_a_retyped_commune_is_still_the_same_unit(places):
    town = places.by_code("25630", ARTICLE)
    ward = places.by_code("25630", FIRST_CHANGE)
    assert (town.name, ward.name) == ("Thị trấn Hòa Thành", "Phường Long Hoa")
    assert town.unit_key == ward.unit_key
    kinds = [event.kind for event in places.events if event.unit_key == town.unit_key and event.date == FIRST_CHANGE]
    assert sorted(kinds) == ["rename", "retype"]


def test_a_merged_commune_is_a_new_unit_even_under_the_same_name_and_code(places):
    old, new = places.by_code("25525", ARTICLE), places.by_code("25525", TWO_LEVELS)
    assert old.name == new.name == "Xã Tân Hội"
    assert old.unit_key != new.unit_key
    assert {s.predecessor_key for s in places.predecessors(new.unit_key)} == {"xa-tan-hoi-25525", "xa-tan-hiep-25537"}


def test_keys_are_slugs_and_unique(places):
    keys = [unit.key for unit in places.units]
    assert len(set(keys)) == len(keys)
    assert all(key.isascii() and key == key.lower() and len(key) <= 120 and " " not in key for key in keys)


# --- events ---


def test_every_event_has_a_basis_and_a_source(places):
    assert [event for event in places.events if not event.basis or not event.source] == []


def test_what_the_events_of_2025_were(places):
    kinds = Counter(event.kind for event in places.events if event.date == TWO_LEVELS)
    assert kinds == {"create": 60, "merge": 36, "split": 10, "abolish": 9}


def test_long_ans_communes_come_from_outside_the_record(places):
    created = [event for event in places.events if event.kind == "create"]
    assert len(created) == 60
    assert {s.predecessor_key for event in created for s in event.successions} == {None}
    assert all(int(places.version(event.unit_key, TWO_LEVELS).code) >= 27694 for event in created)


def test_every_commune_of_2020_has_a_successor_and_every_new_one_an_origin(places):
    for version in places.in_force(date(2025, 6, 30), "commune"):
        heirs = places.successors(version.unit_key)
        assert heirs
        assert [heir.main for heir in heirs] == [True] + [False] * (len(heirs) - 1)
    for version in places.in_force(TWO_LEVELS, "commune"):
        assert places.predecessors(version.unit_key)


def test_a_split_commune_names_both_heirs(places):
    heirs = places.successors("xa-suoi-da-25555")
    assert [(heir.successor_key, heir.extent) for heir in heirs] == [
        ("xa-duong-minh-chau-25552-2025", "part"),
        ("phuong-binh-minh-25480-2025", "part"),
    ]


def test_only_the_name_first_seen_in_2023_has_an_inexact_date(places):
    assert [event.unit_key for event in places.events if not event.exact] == ["van-phong-ubnd-tinh"]


def test_every_end_and_every_beginning_is_an_event(places):
    told = {(event.date, event.unit_key) for event in places.events}
    told |= {(s.date, key) for s in places.successions for key in (s.predecessor_key, s.successor_key) if key}
    for version in places.versions:
        if version.valid_from != RECORD_BEGINS:
            assert (version.valid_from, version.unit_key) in told
        if version.valid_to is not None:
            assert (version.valid_to, version.unit_key) in told


# --- tiles ---


@pytest.mark.parametrize("on", [ARTICLE, FIRST_CHANGE, date(2025, 3, 1), TWO_LEVELS])
def test_every_unit_below_the_province_has_a_tile_of_its_own(places, on):
    versions = [version for version in places.in_force(on) if version.kind != "province"]
    tiles = [version.tile for version in versions]
    assert None not in tiles
    assert len(set(tiles)) == len(tiles)


def test_the_picture_is_roughly_right(places):
    def centre(district_key):
        tiles = [version.tile for version in places.children(district_key, ARTICLE)]
        return sum(t.column for t in tiles) / len(tiles), sum(t.row for t in tiles) / len(tiles)

    city = centre("thanh-pho-tay-ninh")
    assert all(centre(north)[1] < city[1] for north in ("huyen-tan-bien", "huyen-tan-chau"))
    assert all(centre(south)[1] > city[1] for south in ("huyen-go-dau", "huyen-ben-cau", "huyen-trang-bang"))
    assert centre("huyen-chau-thanh")[0] < city[0] < centre("huyen-duong-minh-chau")[0]


def test_long_an_lies_south_of_old_tay_ninh(places):
    rows = {True: [], False: []}
    for version in places.in_force(TWO_LEVELS, "commune"):
        rows[int(version.code) >= 27694].append(version.tile.row)
    assert min(rows[True]) > max(rows[False])


def test_a_version_that_lasts_through_both_pictures_keeps_its_tile(places):
    for version in places.in_force(date(2025, 6, 30), "department"):
        later = places.version(version.unit_key, TWO_LEVELS)
        assert later is not None
        assert later.tile == version.tile


# --- posts ---


def test_posts_are_kinds_with_a_basis_not_people(places):
    assert [post.key for post in places.posts] == ["head", "officer", "duty_contact"]
    assert {post.basis for post in places.posts} <= load().keys()


# --- faults ---


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("versions.csv", "2020-02-01,2025-07-01", "2020-02-31,2025-07-01", "không phải ngày"),
        ("versions.csv", "2020-02-01,2025-07-01", "2020-03-01,2025-07-01", "khoảng trống hoặc chồng nhau"),
        ("versions.csv", ",commune,25459,", ",commune,25456,", "mã 25456"),
        ("versions.csv", ",commune,", ",village,", "loại “village”"),
        ("events.csv", "2020-02-01,merge,", "2020-02-01,swallow,", "loại (kind)"),
        ("successions.csv", "xa-phuoc-luu-25726", "xa-khong-co", "xa-khong-co"),
        ("successions.csv", "2020-02-01,", "2020-02-02,", "đúng một sự kiện"),
        ("posts.csv", ",CT14-2019", "", "số cột"),
        ("tiles_2019.txt", "25495", "25489", "hai ô"),
    ],
)
def test_files_that_contradict_each_other_are_refused(tmp_path, file, old, new, reason):
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PlacesError) as caught:
        load_places(folder)
    assert reason in str(caught.value)


@pytest.mark.shared
def test_the_copy_says_the_same_as_the_material_it_was_built_from(places):
    folder = Path(os.environ.get("DEKHANG_SHARED", Path(__file__).parents[4] / "shared")) / "data" / "places"
    if not folder.is_dir():
        pytest.skip(f"places not found in {folder}; set DEKHANG_SHARED")
    with (folder / "admin_units.csv").open(encoding="utf-8", newline="") as file:
        theirs = {(row["code"], row["valid_from"], row["valid_to"], row["name"]) for row in csv.DictReader(file)}
    ours = {
        (
            version.code,
            "" if version.valid_from == RECORD_BEGINS else version.valid_from.isoformat(),
            version.valid_to.isoformat() if version.valid_to else "",
            version.name,
        )
        for version in places.versions
        if version.kind != "department"
    }
    assert ours == theirs
