from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.duties import timelines
from dekhang.apps.duties.enums import ClaimState, EvidenceKind, ReasonCode
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.states import Measure
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.selectors import counted_units
from dekhang.apps.registry.services import load_places
from dekhang.apps.scoreboard import jobs, selectors, services
from dekhang.apps.scoreboard.models import Snapshot
from dekhang.apps.scoreboard.selectors import BOARD_DUTIES
from tests.factories.core import UserFactory
from tests.factories.duties import CONFERENCE, claim, evidence, proves_recording
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db
BOARD = "/bang-diem/"


@pytest.fixture
def leader(client, frozen_now):
    user = UserFactory(leader=True)
    client.force_login(user)
    return user


def text_of(response):
    return response.content.decode()


def test_shares_are_units_that_count_over_units_in_force(frozen_now):
    proven, declared, _silent, gone = UnitFactory.create_batch(4)
    gone.versions.update(valid_to=date(2019, 6, 1))
    UnitFactory(version__kind=UnitKind.PROVINCE)  # counts the others, is not counted
    proves_recording(proven)
    claim(declared)
    proves_recording(gone)
    board = selectors.board("record_attacks")
    assert (board.units, board.declared, board.proven) == (3, 2, 1)
    assert board.proven_share == pytest.approx(1 / 3)


def test_a_share_of_nothing_is_not_zero_percent(frozen_now):
    assert selectors.board("sop").proven_share is None


@pytest.mark.parametrize(
    ("day", "units"),
    [
        ("2019-12-10", 19 + 9 + 95),
        ("2020-02-01", 19 + 9 + 94),
        ("2025-06-30", 18 + 9 + 94),
        ("2025-07-01", 18 + 96),  # no district level; Sở TT&TT went into Sở KH&CN
    ],
)
def test_any_date_is_asked_with_the_units_of_that_date(day, units):
    load_places()
    with clock.at(datetime(2026, 11, 23, tzinfo=UTC)):
        assert selectors.board("sop", date.fromisoformat(day)).units == units


def test_the_past_is_answered_with_the_evidence_of_then(frozen_now):
    unit = UnitFactory()
    proves_recording(unit, at=CONFERENCE - timedelta(days=5))
    evidence(unit, EvidenceKind.SOURCE_DELIVERING, "source:1", at=CONFERENCE - timedelta(hours=1), ok=False)
    days = [selectors.board("record_attacks", date(2019, 12, day)).proven for day in (4, 5, 9, 10)]
    assert days == [0, 1, 1, 0]


def test_a_frozen_day_keeps_its_number_when_late_evidence_arrives(frozen_now):
    unit = UnitFactory()
    claim(unit, at=CONFERENCE - timedelta(days=3))
    services.freeze_day(date(2019, 12, 9))
    proves_recording(unit, at=CONFERENCE - timedelta(days=2))
    frozen, live = selectors.board("record_attacks", date(2019, 12, 9)), selectors.board("record_attacks")
    assert (frozen.proven, frozen.rows[0].state, live.proven) == (0, ClaimState.DECLARED, 1)
    assert frozen.intact
    assert selectors.live_board("record_attacks", date(2019, 12, 9)).proven == 1


def test_a_day_is_frozen_once_with_an_audit_event_each_duty(frozen_now):
    UnitFactory()
    assert len(services.freeze_day(date(2019, 12, 9))) == len(BOARD_DUTIES)
    assert services.freeze_day(date(2019, 12, 9)) == []
    assert AuditEvent.objects.filter(action="snapshot_frozen").count() == len(BOARD_DUTIES)


def test_a_day_that_is_not_over_is_not_frozen(frozen_now):
    with pytest.raises(ValueError, match="chưa hết"):
        services.freeze_day(date(2019, 12, 10))


def test_a_changed_snapshot_shows(client, leader):
    UnitFactory()
    services.freeze_day(date(2019, 12, 9))
    Snapshot.objects.filter(duty_key="record_attacks").update(proven=1)
    assert not selectors.board("record_attacks", date(2019, 12, 9)).intact
    assert "không còn khớp mã băm" in text_of(client.get(BOARD, {"ngay": "2019-12-09"}))


def test_the_clock_freezes_yesterday_and_what_was_missed_but_nothing_before_the_first_fact(frozen_now):
    unit = UnitFactory()
    assert jobs.tick() == 0
    claim(unit, at=CONFERENCE - timedelta(days=3))
    assert jobs.tick() == 3 * len(BOARD_DUTIES)
    assert set(Snapshot.objects.values_list("date", flat=True)) == {date(2019, 12, day) for day in (7, 8, 9)}
    assert jobs.tick() == 0


def test_a_later_day_frozen_first_leaves_no_gap_before_it(frozen_now):
    claim(UnitFactory(), at=CONFERENCE - timedelta(days=3))
    services.freeze_day(date(2019, 12, 9))
    assert jobs.tick() == 2 * len(BOARD_DUTIES)
    assert set(Snapshot.objects.values_list("date", flat=True)) == {date(2019, 12, day) for day in (7, 8, 9)}


def test_the_trend_joins_frozen_days_and_today(frozen_now):
    unit = UnitFactory()
    claim(unit, at=CONFERENCE - timedelta(days=2))
    jobs.tick()
    proves_recording(unit)
    points = selectors.trend(selectors.board("record_attacks"))
    assert [(p.day.day, p.declared, p.proven, p.frozen) for p in points] == [
        (8, 1, 0, True),
        (9, 1, 0, True),
        (10, 1, 1, False),
    ]


def test_a_unit_whose_state_is_computed_anew_while_it_is_counted_counts_once(frozen_now, monkeypatch):
    unit = UnitFactory()
    proves_recording(unit, at=CONFERENCE - timedelta(days=1))
    walked = timelines.walked

    def beside(*asked):
        found = walked(*asked)
        timelines.refresh()  # the job of another process ends just now
        return found

    monkeypatch.setattr(timelines, "walked", beside)
    figure = selectors.figures()["record_attacks"]
    assert (figure.units, figure.proven, figure.states.get(ClaimState.UNKNOWN, 0)) == (1, 1, 0)


def test_figures_counted_by_the_database_equal_the_rows_fresh_or_stale(frozen_now):
    for number in range(6):
        unit = UnitFactory()
        if number % 2:
            proves_recording(unit, at=CONFERENCE - timedelta(days=number))
            evidence(unit, EvidenceKind.AWARENESS, "roster", roster=10, passed=number, never=1)
        if number % 3:
            claim(unit, "sop")

    def both():
        boards = selectors.boards(BOARD_DUTIES)
        return {
            key: ({s: n for s, n in one.states.items() if n}, one.measure, (boards[key].states, boards[key].measure))
            for key, one in selectors.figures().items()
        }

    def check(found):
        for key, (states, measure, rows) in found.items():
            assert (states, measure) == rows, key

    stale = both()
    check(stale)
    timelines.refresh(3)  # a part of them
    check(both())
    while timelines.refresh():
        pass
    assert both() == stale
    assert stale["awareness"][1] == Measure(9, 30, 3)


def test_a_duty_that_is_not_in_force_yet_counts_nobody_and_says_since_when(client, leader):
    UnitFactory()
    before = selectors.figures(date(2019, 6, 6))["sop"]
    assert (before.units, before.proven_share, before.in_force) == (0, None, False)
    assert "có hiệu lực từ 07/06/2019" in text_of(client.get(BOARD, {"ngay": "2019-06-06"}))


def test_the_denominator_of_the_provider_duty_is_providers(frozen_now):
    UnitFactory()
    provider = UnitFactory(version__name="VNPT Tây Ninh", version__kind=UnitKind.ISP)
    board = selectors.board("isp")
    assert [row.unit_id for row in board.rows] == [provider.pk]
    assert selectors.board("sop").units == 1


# what people see


def test_the_board_shows_both_shares_the_reference_and_every_row_with_its_reason(client, leader):
    proves_recording(UnitFactory(version__name="Xã Tân Hà"))
    UnitFactory(version__name="Xã Tân Đông")
    page = text_of(client.get(BOARD))
    assert "50,0 %" in page
    assert "25,3 %" in page
    assert "35,7 %" in text_of(client.get(BOARD, {"nghia-vu": "sop"}))
    assert "Chưa có nguồn log nào được kết nối." in page
    assert page.count("<title>Xã Tân") == 2  # a tile each


def test_people_of_a_unit_see_the_shares_but_only_their_own_row_and_tile(client, frozen_now):
    mine, other = UnitFactory(version__name="Xã Mình"), UnitFactory(version__name="Xã Người")
    proves_recording(other)
    client.force_login(officer_of(mine))
    page = text_of(client.get(BOARD))
    assert "50,0 %" in page
    assert f"/don-vi/{other.pk}/" not in page
    assert "Xã Người: Đã chứng minh" not in page
    assert "Xã Người: chỉ đơn vị đó" in page
    assert "1 trong 1 đơn vị" in page
    assert "Xã Người" not in client.get("/bang-diem/xuat.csv").content.decode("utf-8-sig")


def test_filters_narrow_the_rows_and_accents_do_not_matter(client, leader):
    district = UnitFactory(version__name="Huyện Dương Minh Châu", version__kind=UnitKind.DISTRICT)
    inside = UnitFactory(version__name="Xã Bến Củi")
    inside.versions.update(parent=district)
    proves_recording(UnitFactory(version__name="Xã Phan"))
    UnitFactory(version__name="Xã Ngoài")

    def names(**asked):
        rows = client.get(BOARD, asked).context["rows"]
        return {row.name for row, _parent, _marks in rows}

    assert names(q="ben cui") == {"Xã Bến Củi"}
    assert names(huyen=str(district.pk)) == {"Huyện Dương Minh Châu", "Xã Bến Củi"}
    assert names(**{"trang-thai": "proven"}) == {"Xã Phan"}
    assert names(**{"trang-thai": "da-khai"}) == {"Xã Phan"}
    assert names(**{"ly-do": ReasonCode.NO_SOURCE, "loai": "district"}) == {"Huyện Dương Minh Châu"}
    assert names(**{"trang-thai": "'; drop", "loai": "<x>", "huyen": "9" * 5000}) == names()


def test_numbers_link_to_the_rows_behind_them(client, leader):
    proves_recording(UnitFactory())
    page = text_of(client.get(BOARD))
    assert "?nghia-vu=record_attacks&amp;trang-thai=proven#cac-don-vi" in page


@pytest.mark.parametrize(
    ("asked", "sentence"), [("hôm qua", "chưa đúng dạng"), ("2030-01-01", "chưa tới"), ("0001-01-01", "trước năm 2000")]
)
def test_a_day_that_cannot_be_asked_says_so_and_shows_today(client, leader, asked, sentence):
    page = text_of(client.get(BOARD, {"ngay": asked}))
    assert sentence in page
    assert "Ngày 10/12/2019" in page


def test_the_rows_partial_is_part_of_the_page(client, leader):
    UnitFactory(version__name="Xã Tân Hà")
    part = text_of(client.get(BOARD, headers={"HX-Request": "true"}))
    assert "<html" not in part
    assert part.strip() in text_of(client.get(BOARD))


def test_hostile_names_and_reasons_are_escaped_in_the_picture_too(client, leader):
    unit = UnitFactory(version__name='"><script>alert(1)</script>')
    evidence(unit, EvidenceKind.SOURCE_EXPECTED, "source:1", kind="windows", name="</title><script>x</script>")
    page = text_of(client.get(BOARD))
    assert "<script>alert(1)" not in page
    assert "<script>x" not in page


def test_the_board_needs_the_same_queries_for_any_number_of_units(client, leader, django_assert_num_queries):
    load_places()
    for version in list(counted_units())[:40]:
        proves_recording(version.unit)
        claim(version.unit)
    client.get(BOARD)
    while timelines.refresh():
        pass
    with django_assert_num_queries(14):
        response = client.get(BOARD)
    assert response.context["shown"].units == 123
    services.freeze_day(date(2019, 12, 9))
    with django_assert_num_queries(13):
        client.get(BOARD, {"ngay": "2019-12-09"})


def test_every_code_of_a_reason_has_its_words():
    from dekhang.apps.duties.states import PROVABLE
    from tests.spec.test_duty_states import RECORD_ATTACKS, SOP

    assert {row[-1] for row in [*RECORD_ATTACKS, *SOP]} - {None} <= set(ReasonCode.values)
    assert set(BOARD_DUTIES) == set(PROVABLE)
    assert len(BOARD_DUTIES) == 11


def test_exports_are_audited_and_carry_date_and_definition(client, leader):
    UnitFactory(version__name="Xã Tân Hà")
    body = client.get(reverse("scoreboard:export", args=["csv"])).content.decode("utf-8-sig")
    assert "2019-12-10" in body
    assert "chưa quá 90 ngày" in body
    assert AuditEvent.objects.get(action="board_exported").detail["rows"] == 1
    assert client.get("/bang-diem/xuat.pdf").status_code == 404


def test_no_evidence_is_written_by_looking(client, leader):
    UnitFactory()
    client.get(BOARD)
    assert not Evidence.objects.exists()


def _one_day_of_logs(pipeline, data, *, sent, refused):
    """Yesterday's records of one source of a unit in force, through the real worker and the receivers' own counter."""
    from dekhang.pipeline.stores import database
    from tests.factories.sources import LogSourceFactory, failed_login

    source = LogSourceFactory(unit=UnitFactory())
    noon = CONFERENCE - timedelta(days=1)
    pipeline.receive(source, *[failed_login(user=f"u{n}") for n in range(sent)], at=noon)
    connection = database.connect(data)
    with connection.transaction():
        connection.execute(
            "INSERT INTO refusals (source_id, hour, reason, records, bytes, last_at) VALUES (?, ?, 'oversize', ?, 0, 0)",
            (source.pk, int(noon.timestamp()) // 3600, refused),
        )
    connection.close()
    return source


@pytest.fixture
def pipeline(data):
    from tests.factories.sources import Pipeline

    made = Pipeline(data, [])
    yield made
    made.close()


def test_a_share_over_logs_says_how_many_of_them_are_there_and_others_do_not(
    frozen_now, pipeline, data, leader, client
):
    _one_day_of_logs(pipeline, data, sent=9, refused=1)
    yesterday = date(2019, 12, 9)

    recording, procedures = selectors.board("record_attacks", yesterday), selectors.board("sop", yesterday)

    assert (recording.coverage.sent, recording.coverage.lost, recording.coverage.share) == (10, 1, 0.9)
    assert procedures.coverage is None
    page = text_of(client.get(BOARD, {"ngay": "2019-12-09"}))
    assert "90,00 % log của ngày" in page and "1 trên 10 bản ghi bị mất" in page


def test_late_data_changes_no_number_that_was_frozen(frozen_now, pipeline, data):
    source = _one_day_of_logs(pipeline, data, sent=9, refused=1)
    yesterday = date(2019, 12, 9)
    services.freeze_day(yesterday)
    before = selectors.board("record_attacks", yesterday)

    from tests.factories.sources import failed_login

    late = failed_login(CONFERENCE - timedelta(days=1))
    pipeline.receive(source, *[late] * 50, at=CONFERENCE)  # events of yesterday, received today
    after = selectors.board("record_attacks", yesterday)

    assert (after.coverage, after.rows, after.intact) == (before.coverage, before.rows, True)
    assert (after.coverage.sent, after.coverage.lost) == (10, 1)
    assert selectors.live_board("record_attacks", yesterday).coverage == before.coverage  # it belongs to today
    assert selectors.board("record_attacks").coverage.sent == 50
    Snapshot.objects.update(records_lost=0)
    assert not selectors.board("record_attacks", yesterday).intact
