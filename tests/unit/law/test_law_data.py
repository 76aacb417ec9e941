"""The law's data: every entry has a basis, both regimes answer, and faults name file and line."""

import re
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from dekhang.apps.duties.enums import DocumentKind, EvidenceKind, ReasonCode
from dekhang.law import LawError, UnknownKey, deadline, load
from dekhang.law.book import DATA, Law

REPOSITORY = Path(__file__).parents[3]


def copy_with(tmp_path: Path, file: str, old: str, new: str) -> Path:
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text, f"{file} no longer contains {old!r}"
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def line_of(folder: Path, file: str, text: str) -> int:
    lines = (folder / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


# --- faults ---


def test_an_unknown_key_is_refused_with_file_line_and_name(tmp_path):
    folder = copy_with(tmp_path, "duties.yml", "    short: Quy chế\n", "    shortt: Quy chế\n")
    with pytest.raises(LawError) as caught:
        Law(folder)
    (fault,) = caught.value.faults
    assert fault.path.name == "duties.yml"
    assert fault.line == line_of(folder, "duties.yml", "shortt:")
    assert "shortt" in fault.reason


def test_an_unknown_key_deep_in_a_list_names_its_own_line(tmp_path):
    folder = copy_with(tmp_path, "clocks.yml", "{unit: hours, amount: 72}", "{unit: hours, hours: 72}")
    with pytest.raises(LawError) as caught:
        Law(folder)
    assert caught.value.faults[0].line == line_of(folder, "clocks.yml", "hours: 72")


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        # a basis nobody has written down
        ("duties.yml", "basis: [CT14-2019, QD2273-2019, ND85-2016/20.2d]", "basis: [CT15-2019]", "CT15-2019"),
        # no basis at all
        ("clocks.yml", "    basis: [TT20-2017/6]\n", "", "thiếu căn cứ"),
        # an event that does not exist
        ("clocks.yml", "    anchor: beyond_capacity\n", "    anchor: beyond_capcity\n", "beyond_capcity"),
        # a proof that does not exist
        ("duties.yml", "proofs: [awareness_check_days]", "proofs: [awareness_days]", "awareness_days"),
        # a wrong type, a missing key, a wrong enumeration, broken YAML, one key twice
        ("proofs.yml", "value: 90, unit: days", "value: many, unit: days", "sai kiểu"),
        ("roles.yml", "    title: Lãnh đạo tỉnh\n", "", "title"),
        ("clocks.yml", "regime: R2016", "regime: R2015", "R2015"),
        ("roles.yml", "roles:", "roles: [", "YAML"),
        ("roles.yml", "    scope: province\n", "    scope: province\n    scope: unit\n", "hai lần"),
        # a period that ends before it begins
        ("instruments.yml", "valid_to: 2020-07-01", "valid_to: 1999-07-01", "valid_to"),
    ],
)
def test_a_faulty_file_is_refused_with_the_reason_and_the_line(tmp_path, file, old, new, reason):
    with pytest.raises(LawError, match=re.escape(reason)) as caught:
        Law(copy_with(tmp_path, file, old, new))
    assert all(fault.path.name == file and fault.line > 0 for fault in caught.value.faults)


def test_all_cross_faults_are_reported_at_once(tmp_path):
    folder = copy_with(tmp_path, "duties.yml", "proofs: [awareness_check_days]", "proofs: [nothing_days]")
    text = (folder / "roles.yml").read_text(encoding="utf-8")
    (folder / "roles.yml").write_text(text.replace("source: [OURS]", "source: [HEARSAY]"), encoding="utf-8")
    with pytest.raises(LawError) as caught:
        Law(folder)
    assert {fault.path.name for fault in caught.value.faults} == {"duties.yml", "roles.yml"}


@pytest.mark.parametrize("ask", ["duty", "instrument", "role", "proof", "regime"])
def test_asking_for_an_unknown_key_is_a_sentence(ask):
    with pytest.raises(UnknownKey, match="khong_co"):
        getattr(load(), ask)("khong_co")


# --- completeness ---


def test_every_entry_has_a_source_and_a_basis_or_says_it_is_ours():
    for file, entry in load().entries():
        assert entry.source, f"{file}: {entry.key}"
        if file != "instruments.yml":
            assert entry.basis or entry.worded_by_us, f"{file}: {entry.key}"


def test_the_eleven_duties_are_there_in_order():
    assert [duty.key for duty in load().duties_on(date(2019, 12, 10))] == [
        "awareness", "officer", "level", "regulation", "record_attacks", "sop",
        "respond", "four_layers", "budget", "isp", "secrets",
    ]  # fmt: skip


def test_no_duty_was_in_force_before_the_directive():
    assert load().duties_on(date(2019, 6, 6)) == ()


@pytest.mark.parametrize(("key", "percent"), [("record_attacks", 25.3), ("sop", 35.7)])
def test_the_2019_reference_line_stands_beside_the_two_shares(key, percent):
    (figure,) = load().duty(key).references
    assert (figure.percent, figure.year, figure.scope) == (percent, 2019, "national")


@pytest.mark.parametrize(
    ("on", "minimum"),
    [(date(2019, 12, 10), 10), (date(2026, 6, 30), 10), (date(2026, 7, 1), 15), (date(2019, 1, 1), None)],
)
def test_the_budget_share_follows_the_date(on, minimum):
    target = load().duty("budget").target_on(on)
    assert (target.minimum if target else None) == minimum


def test_short_titles_fit_a_table_head():
    assert [duty.short for duty in load().duties if len(duty.short) > 28] == []


def test_what_was_not_read_is_marked():
    law = load()
    assert "fields" in law.report("end", regime="R2016").from_memory
    assert not any(report.layout_known for report in law.all_reports)
    assert "valid_from" in law.instrument("ND85-2016").from_memory
    assert law.instrument("TT31-2017").from_memory == ("issued",)


# --- regimes ---


@pytest.mark.parametrize(
    ("on", "regime"),
    [
        (date(2019, 12, 10), "R2016"),
        (date(2026, 6, 30), "R2016"),
        (date(2026, 7, 1), "R2026"),
        (date(2030, 1, 1), "R2026"),
    ],
)
def test_the_regime_follows_the_date(on, regime):
    assert load().regime_on(on).key == regime


def test_a_date_before_all_regimes_is_a_sentence():
    with pytest.raises(UnknownKey, match="01/01/2010"):
        load().regime_on(date(2010, 1, 1))


@pytest.mark.parametrize("key", ["notice", "initial_report", "end_report", "secret_leak"])
def test_both_regimes_answer_for_the_clocks_that_an_incident_needs(key):
    law = load()
    assert {law.clock(key, regime=regime).regime for regime in ("R2016", "R2026")} == {"R2016", "R2026"}


def test_both_regimes_know_the_same_stages():
    law = load()
    keys = [stage.key for stage in law.stages("R2016")]
    assert keys == ["1a", "1b", "1c", "1d", "1đ", "1e", "2", "3a", "3b", "3c", "4"]
    assert [stage.key for stage in law.stages("R2026")] == keys


def test_parties_change_their_names_with_the_regime():
    law = load()
    assert "VNCERT" in law.party("coordinator_national", regime="R2016")
    assert "Bộ Công an" in law.party("coordinator_national", regime="R2026")


# --- deadlines ---

ANCHOR = datetime(2019, 12, 10, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("regime", "key", "due", "says"),
    [
        # QĐ 05/2017 Điều 11, TT 20/2017 Điều 9
        ("R2016", "notice", datetime(2019, 12, 15, 2, 0, tzinfo=UTC), "trong 5 ngày"),
        ("R2016", "initial_report", ANCHOR, "ngay lập tức"),
        ("R2016", "end_report", datetime(2019, 12, 15, 2, 0, tzinfo=UTC), "trong 5 ngày"),
        # TT 20/2017 Điều 6
        ("R2016", "contact_change", datetime(2019, 12, 11, 2, 0, tzinfo=UTC), "trong 24 giờ"),
        # before 15 December, local time
        ("R2016", "year_summary", datetime(2019, 12, 14, 17, 0, tzinfo=UTC), "trước ngày 15/12 hằng năm"),
        ("R2016", "half_year_summary", datetime(2020, 6, 19, 17, 0, tzinfo=UTC), "trước ngày 20/06 hằng năm"),
        # NĐ 331/2026 Điều 31.2.d; Luật 91/2025 Điều 23
        ("R2026", "notice", datetime(2019, 12, 11, 2, 0, tzinfo=UTC), "trong 24 giờ"),
        ("R2026", "cause_report", datetime(2019, 12, 13, 2, 0, tzinfo=UTC), "trong 72 giờ"),
        ("R2026", "data_breach", datetime(2019, 12, 13, 2, 0, tzinfo=UTC), "trong 72 giờ"),
        ("R2026", "end_report", None, "chưa có thời hạn bằng số"),
    ],
)
def test_a_deadline_is_counted_as_the_text_says(regime, key, due, says):
    clock = load().clock(key, regime=regime)
    assert deadline(clock, ANCHOR) == due
    assert clock.says == says


def test_a_yearly_deadline_on_its_own_day_is_next_years():
    clock = load().clock("year_summary", regime="R2016")
    on_the_day = datetime(2019, 12, 14, 17, 0, tzinfo=UTC)  # 15 December 00:00 in Viet Nam
    assert deadline(clock, on_the_day) == datetime(2020, 12, 14, 17, 0, tzinfo=UTC)


def test_an_anchor_without_time_zone_is_refused():
    with pytest.raises(ValueError, match="múi giờ"):
        deadline(load().clock("notice", regime="R2016"), datetime(2019, 12, 10))


def test_clocks_of_an_event_are_found():
    assert {clock.key for clock in load().clocks("R2026", anchor="detected")} == {"notice", "cause_report"}


# --- citations ---


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("ND85-2016", "Nghị định 85/2016/NĐ-CP"),
        ("ND85-2016/9", "Điều 9 Nghị định 85/2016/NĐ-CP"),
        ("QD05-2017/11.4", "khoản 4 Điều 11 Quyết định 05/2017/QĐ-TTg"),
        ("ND30-2020/PL1", "Phụ lục I Nghị định 30/2020/NĐ-CP"),
        ("TT20-2017/9.3a", "điểm a khoản 3 Điều 9 Thông tư 20/2017/TT-BTTTT"),
    ],
)
def test_a_key_is_cited_as_officials_write_it(key, text):
    assert load().cite(key) == text


@pytest.mark.parametrize(
    ("citation", "fault"),
    [
        ("R2016 ND85-2016/9", None),
        ("QD05-2017/11", None),
        ("R2016 ND85-2016/99", "ND85-2016/99"),
        ("R2026 ND85-2016/9", "không thuộc chế độ"),
        ("nghị định nào đó", "không có dạng"),
    ],
)
def test_a_wrong_citation_is_told_from_a_right_one(citation, fault):
    answer = load().citation_fault(citation)
    assert answer is None if fault is None else fault in (answer or "")


LOOKS_CITED = re.compile(r"^(R\d{4} )?[A-ZĐ]{1,5}\d+-\d+|^dekhang/law/data/\S+$")
DATA_FILE = re.compile(r"dekhang/law/data/\w+\.yml")
CITED = re.compile(r"(?:^|[\s#(\"])Law: +(?P<what>\S[^\n]*)")


def citations_in(text: str) -> list[str]:
    """`Law: R2016 ND85-2016/9; R2026 ND331-2026/31.2d (why)` → the two keys. A file of dekhang/law/data also counts."""
    found = []
    for match in CITED.finditer(text):
        stated = re.split(r"\s[(–—]|: |\"\"\"|\. |\.$", match["what"])[0]
        first, *others = [part.strip(" .`\"'") for part in re.split(r"[;,]", stated)]
        if not LOOKS_CITED.match(first) and (file := DATA_FILE.search(match["what"])):
            first = file[0]  # a sentence that points to a data file
        # the first is always meant as a citation; prose may follow it
        found += [first, *(part for part in others if LOOKS_CITED.match(part))]
    return found


def test_every_law_key_in_the_code_exists():
    law = load()
    faults = []
    for path in sorted((REPOSITORY / "dekhang").rglob("*.py")):
        for citation in citations_in(path.read_text(encoding="utf-8")):
            if citation.startswith("dekhang/law/data/"):
                reason = None if (REPOSITORY / citation).is_file() else f"không có tệp {citation}"
            else:
                reason = law.citation_fault(citation)
            if reason:
                faults.append(f"{path.relative_to(REPOSITORY)}: {reason}")
    assert faults == [], "write `Law: R2016 ND85-2016/9: why`, with a key of instruments.yml or the path of a data file"


def test_the_search_for_law_keys_finds_a_wrong_one():
    text = (
        '"""Do it.\n\n    Law: R2016 QD05-2017/11; ND1-2000/3 (never passed)\n    """\ndef f(law: Law) -> Law:\n    ...'
    )
    assert citations_in(text) == ["R2016 QD05-2017/11", "ND1-2000/3"]


def test_entries_are_frozen():
    with pytest.raises(AttributeError):
        load().duty("sop").title = "khác"  # type: ignore[misc]
    assert isinstance(load().duty("sop"), msgspec.Struct)


# --- bands, efforts, GCI ---


def test_every_reason_has_an_effort_and_every_duty_weighs_something():
    on = date(2019, 12, 10)
    assert set(load().efforts(on)) == set(ReasonCode.values)
    assert set(load().points(on)) == {duty.key for duty in load().duties}
    assert sum(one.points for key, one in load().points(on).items()) > 0


def test_bands_go_down_to_nothing_so_that_every_index_has_one():
    bands = load().bands(date(2019, 12, 10))
    assert [band.key for band in bands] == ["A", "B", "C", "D", "E"]
    assert bands[-1].minimum == 0
    assert load().bands(date(2019, 1, 1)) == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        # two versions of one band on the same day
        ("bands.yml", "  - {key: E, title: Chưa, minimum: 0, valid_from: 2019-06-07",
         "  - {key: D, title: Thấp, minimum: 10, valid_from: 2020-01-01, source: [OURS], worded_by_us: true}\n"
         "  - {key: E, title: Chưa, minimum: 0, valid_from: 2019-06-07", "cùng có hiệu lực"),
        ("bands.yml", "{key: secrets, points: 6", "{key: secret, points: 6", "nghĩa vụ “secret”"),
        ("efforts.yml", "{key: silent, hours: 1", "{key: silent, hours: 0", "lớn hơn 0"),
        ("gci.yml", "    why_none: Do Nhà nước ký kết.\n", "", "why_none"),
        ("gci.yml", "duty: regulation}", "duty: regulation, document: regulation}", "đúng một"),
        ("gci.yml", "    pillar: legal\n", "    pillar: law\n", "trụ cột"),
    ],
)  # fmt: skip
def test_a_fault_in_bands_efforts_or_the_index_is_refused_with_its_reason(tmp_path, file, old, new, reason):
    with pytest.raises(LawError, match=re.escape(reason)) as caught:
        Law(copy_with(tmp_path, file, old, new))
    assert all(fault.path.name == file and fault.line > 0 for fault in caught.value.faults)


def test_a_later_version_of_a_weight_follows_the_earlier_one(tmp_path):
    ended = "{key: secrets, points: 6, risk: 4, valid_from: 2019-06-07"
    folder = copy_with(
        tmp_path,
        "bands.yml",
        ended,
        "{key: secrets, points: 9, risk: 4, valid_from: 2021-01-01, source: [OURS], worded_by_us: true}\n"
        f"  - {ended}, valid_to: 2021-01-01",
    )
    law = Law(folder)
    assert [law.points(date(year, 6, 30))["secrets"].points for year in (2020, 2021)] == [6, 9]


def test_the_index_has_twenty_indicators_in_five_pillars_of_which_none_claims_to_be_sourced():
    law = load()
    assert len(law.gci_indicators) == 20
    assert [sum(i.pillar == p.key for i in law.gci_indicators) for p in law.gci_pillars] == [2, 4, 3, 6, 5]
    assert all("title" in i.from_memory and i.worded_by_us for i in law.gci_indicators)
    assert [law.gci_edition_on(date(year, 12, 10)).key for year in (2019, 2021, 2026)] == ["v3", "v4", "v5"]
    assert law.gci_edition_on(date(2018, 1, 1)) is None


def test_what_contributes_to_an_indicator_exists_in_the_duties_app():
    for indicator in load().gci_indicators:
        for one in indicator.contributions:
            assert not one.evidence or one.evidence in EvidenceKind.values
            assert not one.document or one.document in DocumentKind.values
