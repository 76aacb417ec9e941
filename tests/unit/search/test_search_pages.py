"""The search page as people use it: without JavaScript, in their own units only, with what to do when it fails."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.search import finding
from dekhang.apps.search.models import SavedSearch
from dekhang.pipeline.stores.search import TooBusy
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, officer_of
from tests.factories.sources import LogSourceFactory
from tests.stored import DAY, HOUR, NOON, store

pytestmark = pytest.mark.django_db
PAGE = "/tim-kiem/"


@pytest.fixture
def place(data, client):
    """An officer at noon of 10 December 2019, with a day of events of their unit and of another."""
    own, other = UnitFactory(version__name="Xã Mẫu"), UnitFactory(version__name="Xã Khác")
    source = LogSourceFactory(unit=own, name="Máy chủ web")
    officer = officer_of(own)
    client.force_login(officer)
    base = {"unit_id": own.pk, "source_id": source.pk}
    store(
        data,
        [
            {**base, "event_id": n, "time": NOON - n * HOUR, "host": f"may-{n % 2}", "user": "root",
             "raw": f"Đăng nhập thất bại lần {n} của root", "fields": {"lần": n, "program": "sshd"}}
            for n in range(1, 21)
        ]
        + [{"event_id": 99, "unit_id": other.pk, "time": NOON - HOUR, "raw": "bí mật của xã khác: thất bại"}],
    )  # fmt: skip
    with clock.at(datetime.fromtimestamp(NOON / 1000, UTC)):
        yield {"own": own, "other": other, "source": source, "officer": officer}


def said(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_the_newest_day_is_shown_before_anything_is_asked(place, client):
    page = said(client.get(PAGE))
    assert "20 sự kiện" in page
    assert "bí mật" not in page
    assert page.index("lần 1 ") < page.index("lần 2 ")


def test_words_without_accents_are_marked_where_they_are_written_with(place, client):
    page = said(client.get(PAGE, {"q": '"dang nhap that bai" lần:3'}))
    assert "1 sự kiện" in page
    assert "<mark>Đăng nhập thất bại</mark> lần 3" in page


def test_what_attackers_wrote_is_shown_and_not_obeyed(place, client, data):
    raw = '<script>alert("xâm nhập")</script> \u202egnp.exe'
    store(data, [{"event_id": 700, "unit_id": place["own"].pk, "time": NOON - HOUR, "host": "<b>may</b>", "raw": raw}])
    for path in (PAGE, f"{PAGE}su-kien/700/"):
        page = client.get(path, {"q": "xam script gnp"}).content.decode()
        assert "&lt;<mark>script</mark>&gt;" in page
        assert ("<script>alert" in page, "<b>may" in page, "\u202e" in page) == (False, False, False)
        assert "\\u202e" in page


def test_a_range_of_ones_own_shows_where_to_type_it_with_javascript_too(place, client):
    part = said(client.get(PAGE, {"trong": "khoang"}, headers={"HX-Request": "true"}))
    assert 'name="tu"' in part


def test_a_fault_of_the_query_is_a_sentence_with_its_place(place, client):
    answer = client.get(PAGE, {"q": "root (a OR"})
    assert answer.status_code == 422
    assert "Sau OR cần có một điều kiện." in said(answer)
    assert 'value="root (a OR"' in said(answer)
    assert client.get(PAGE, {"q": "root (a OR"}, headers={"HX-Request": "true"}).status_code == 200


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"tu": "hôm qua"}, "không phải là ngày giờ"),
        ({"tu": "2019-12-10T08:00", "den": "2019-12-10T07:00"}, "Lúc bắt đầu phải trước lúc kết thúc."),
        ({"q": "user:"}, "Thiếu giá trị"),
    ],
)
def test_what_cannot_be_read_is_said(place, client, query, sentence):
    assert sentence in said(client.get(PAGE, query))


def test_bars_lead_to_their_range_and_values_narrow_the_query(place, client):
    answer = client.get(PAGE, {"q": "root"})
    found = answer.context["finding"]
    full = [bar for bar in found.bars if bar.count]
    assert sum(bar.count for bar in full) == 20
    assert "1 sự kiện" in said(client.get(f"{PAGE}?{full[-1].query}"))
    host = next(group for group in found.facets if group.label == "Máy").values[0]
    assert (host.shown, host.count) == ("may-0", 10)
    assert "10 sự kiện" in said(client.get(f"{PAGE}?{host.only}"))
    rest = client.get(f"{PAGE}?{host.without}").context["finding"]
    assert {row.event.host for row in rest.rows} == {"may-1"}


def test_a_long_list_goes_on_where_it_ended(place, client, monkeypatch):
    monkeypatch.setattr(finding, "ROWS_A_PAGE", 8)
    seen, query = [], "q=root"
    while query:
        found = client.get(f"{PAGE}?{query}").context["finding"]
        seen += [row.event.event_id for row in found.rows]
        query = found.next
    assert seen == list(range(1, 21))


def test_when_time_is_over_the_page_says_what_was_looked_through_and_goes_on(place, client, monkeypatch, data):
    store(data, [{"event_id": 500, "unit_id": place["own"].pk, "time": NOON - 9 * DAY, "raw": "cũ"}])
    monkeypatch.setattr(finding, "BUDGET_SECONDS", 0.0)
    page = client.get(PAGE, {"trong": "30d"})
    assert "Mới xem hết" in said(page)
    on = page.context["finding"].on
    monkeypatch.setattr(finding, "BUDGET_SECONDS", 60.0)
    assert "21 sự kiện" in said(client.get(f"{PAGE}?{on}"))


def test_a_busy_machine_is_said_and_is_no_fault_of_the_person(place, client, monkeypatch):
    def busy(*_args, **_more):
        raise TooBusy

    monkeypatch.setattr(finding, "look_up", busy)
    answer = client.get(PAGE)
    assert (answer.status_code, "Máy đang bận" in said(answer)) == (503, True)


def test_nothing_found_for_a_whole_value_offers_to_look_inside_values(place, client):
    page = said(client.get(PAGE, {"q": "program:ssh"}))
    assert "Không tìm thấy" in page
    assert "program%3A%2Assh%2A" in page


def test_an_event_has_all_fields_each_with_its_links_and_its_own_words(place, client):
    page = said(client.get(f"{PAGE}su-kien/3/", {"q": "root"}))
    assert "program" in page
    assert "root+program%3A%22sshd%22" in page
    assert "của <mark>root</mark>" in page
    part = said(client.get(f"{PAGE}su-kien/3/", headers={"HX-Request": "true"}))
    assert part in said(client.get(f"{PAGE}su-kien/3/"))


def test_around_an_event_is_the_same_machine_in_the_minutes_beside(place, client):
    answer = client.get(f"{PAGE}quanh/3/", follow=True)
    assert answer.context["asked"].text == 'host:"may-1"'
    assert [row.event.event_id for row in answer.context["finding"].rows] == [3]
    assert answer.context["finding"].bars[-1].until - answer.context["finding"].bars[0].since <= timedelta(minutes=25)


def test_other_pages_lead_to_the_half_hours_beside_a_moment(place, client):
    found = client.get(PAGE, {"quanh": (NOON - 2 * HOUR) // 1000, "don-vi": place["own"].pk}).context["finding"]
    assert [row.event.event_id for row in found.rows] == [2]


def test_another_unit_s_event_does_not_exist(place, client):
    assert client.get(f"{PAGE}su-kien/99/").status_code == 404
    assert client.get(f"{PAGE}quanh/99/").status_code == 404
    assert "bí mật" not in said(client.get(PAGE, {"q": f"id:99 OR unit:#{place['other'].pk} OR bi"}))
    assert "Không có sự kiện" in said(client.get(PAGE, {"don-vi": place["other"].pk}))


def test_exports_hold_what_was_asked_cannot_run_and_are_recorded(place, client, data):
    store(data, [{"event_id": 600, "unit_id": place["own"].pk, "time": NOON - HOUR, "user": "=cmd|x", "raw": "=1+1"}])
    rows = list(csv.reader(io.StringIO(client.post(f"{PAGE}xuat/csv/", {"q": "id:600"}).content.decode("utf-8-sig"))))
    assert (rows[1][6], rows[1][11]) == ("'=cmd|x", "'=1+1")
    lines = client.post(f"{PAGE}xuat/jsonl/", {"q": "root"}).content.splitlines()
    assert len(lines) == 20
    assert json.loads(lines[0])["fields"] == {"lần": 1, "program": "sshd"}
    assert client.post(f"{PAGE}xuat/xlsx/", {"q": "root"}).content[:2] == b"PK"
    events = AuditEvent.objects.filter(action="events_exported").order_by("pk")
    assert [(e.actor, e.unit_id, e.detail["form"], e.detail["rows"]) for e in events] == [
        (place["officer"], place["own"].pk, form, rows) for form, rows in (("csv", 1), ("jsonl", 20), ("xlsx", 20))
    ]
    assert "q=root" in events[1].detail["query"]
    assert client.post(f"{PAGE}xuat/exe/").status_code == 404


def test_a_cut_export_says_so_in_the_file(place, client, monkeypatch):
    from dekhang.apps.search import exports

    monkeypatch.setattr(exports, "ROWS_MOST", 5)
    lines = client.post(f"{PAGE}xuat/jsonl/", {"q": "root"}).content.splitlines()
    assert len(lines) == 6
    assert "thu hẹp" in json.loads(lines[-1])["incomplete"]


def test_an_export_of_huge_records_is_bounded_by_their_size_and_says_so(place, client, monkeypatch):
    from dekhang.apps.search import exports

    monkeypatch.setattr(exports, "BYTES_MOST", 200)
    lines = client.post(f"{PAGE}xuat/jsonl/", {"q": "root"}).content.splitlines()
    assert 2 < len(lines) < 20
    assert "quá lớn" in json.loads(lines[-1])["incomplete"]


def test_a_spreadsheet_whose_cells_were_shortened_says_so(place, client, data):
    store(data, [{"event_id": 700, "unit_id": place["own"].pk, "time": NOON - HOUR, "raw": "x" * 40_000}])
    rows = list(csv.reader(io.StringIO(client.post(f"{PAGE}xuat/csv/", {"q": "id:700"}).content.decode("utf-8-sig"))))
    assert len(rows[1][11]) == 32_000
    assert "bị cắt bớt" in rows[2][0]
    assert client.post(f"{PAGE}xuat/csv/", {"q": "id:1"}).content.count(b"\r\n") == 2


def test_a_search_too_long_to_be_kept_is_refused_with_a_sentence(place, client):
    answer = client.post(f"{PAGE}da-luu/moi/", {"q": "ệ" * 1_900, "name": "Dài"})
    assert answer.status_code == 403 and "quá dài" in said(answer)
    assert not SavedSearch.objects.exists()


def test_searches_are_kept_shared_renamed_removed_and_brought_back(place, client):
    client.post(f"{PAGE}da-luu/moi/", {"q": "root", "trong": "7d", "name": "Đăng nhập root", "shared": "on"})
    kept = SavedSearch.objects.get()
    assert (kept.query, kept.unit, kept.shared) == ("q=root&trong=7d", place["own"], True)
    colleague, stranger = officer_of(place["own"]), officer_of(place["other"])
    client.force_login(colleague)
    assert "Đăng nhập root" in said(client.get(PAGE))
    assert client.post(f"{PAGE}da-luu/{kept.pk}/xoa/").status_code == 403
    client.force_login(stranger)
    assert "Đăng nhập root" not in said(client.get(f"{PAGE}da-luu/"))
    assert client.post(f"{PAGE}da-luu/{kept.pk}/xoa/").status_code == 404
    client.force_login(place["officer"])
    client.post(f"{PAGE}da-luu/{kept.pk}/", {"name": "Root"})
    client.post(f"{PAGE}da-luu/{kept.pk}/xoa/")
    page = said(client.get(f"{PAGE}da-luu/"))
    assert ("Root" in page, "Khôi phục" in page) == (True, True)
    client.post(f"{PAGE}da-luu/{kept.pk}/khoi-phuc/")
    kept.refresh_from_db()
    assert (kept.name, kept.shared, kept.removed_at) == ("Root", False, None)
    assert [e.action for e in AuditEvent.objects.order_by("pk")][-4:] == [
        *("search_saved", "search_renamed", "search_removed", "search_restored")
    ]


def test_the_page_asks_the_database_a_fixed_number_of_times(place, client, django_assert_num_queries):
    client.get(PAGE)
    for _ in range(3):
        LogSourceFactory(unit=place["own"])
    with django_assert_num_queries(9):
        client.get(PAGE, {"q": "root"})
    client.force_login(UserFactory(coordinator=True))
    client.get(PAGE)
    with django_assert_num_queries(6):
        client.get(PAGE, {"q": "root"})


def test_the_part_is_in_the_page(place, client):
    part = said(client.get(PAGE, {"q": "root"}, headers={"HX-Request": "true"}))
    assert part.split("csrfmiddlewaretoken")[0] in said(client.get(PAGE, {"q": "root"}))


def test_the_navigation_leads_there(place, client):
    assert f'href="{reverse("search:page")}"' in said(client.get("/tim-kiem/da-luu/"))
