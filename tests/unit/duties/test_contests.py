"""Giải trình: written with the rows behind, decided by somebody who had no hand in it, visible beside the number."""

import csv
import io
from datetime import date, timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent, OutboundMessage
from dekhang.apps.duties import jobs
from dekhang.apps.duties.contesting import services
from dekhang.apps.duties.enums import ClaimState, ContestState, EvidenceKind
from dekhang.apps.duties.filing import services as filing
from dekhang.apps.duties.models import Contest, Evidence
from dekhang.apps.duties.selectors import assess
from dekhang.apps.scoreboard import selectors as scoreboard
from dekhang.apps.scoreboard.services import freeze_day
from tests.factories.core import UserFactory
from tests.factories.duties import CONFERENCE, claim, evidence, proves_recording
from tests.factories.registry import UnitFactory, head_of, officer_of
from tests.unit.duties.test_duty_services import pdf

pytestmark = pytest.mark.django_db
YESTERDAY = date(2019, 12, 9)


@pytest.fixture
def unit(frozen_now):
    return UnitFactory(version__name="Xã Tân Hà")


@pytest.fixture
def coordinator():
    return UserFactory(coordinator=True, email="dieu-phoi@example.gov.vn")


def contested(unit, duty_key="respond", **fields):
    return services.contest(unit_id=unit.pk, duty_key=duty_key, text="Chưa đúng", by=head_of(unit), **fields)


def state_of(unit, duty_key="respond"):
    return assess(duty_key, [unit.pk], clock.now())[unit.pk].state


def missed_clock(unit, at=CONFERENCE - timedelta(days=2)):
    return evidence(unit, EvidenceKind.CLOCK, "incident:1/initial", at=at, ok=False, reason="Trễ 2 giờ.")


def test_a_contest_keeps_what_the_board_said_and_has_a_deadline_and_tells_the_coordinator(unit, coordinator):
    missed_clock(unit)
    one = contested(unit)
    assert (one.state_shown, one.state, one.day) == (ClaimState.REFUTED, ContestState.OPEN, date(2019, 12, 10))
    assert one.due_at == CONFERENCE + timedelta(days=10)
    message = OutboundMessage.objects.get()
    assert message.recipient == coordinator.email
    assert "Xã Tân Hà" in message.subject and "20/12/2019" in message.body


def test_one_contest_of_a_duty_waits_at_a_time(unit):
    one = contested(unit)
    with pytest.raises(ActionDenied, match="đang chờ xem xét"):
        contested(unit)
    services.withdraw_contest(contest=one, by=one.opened_by)
    assert contested(unit).state == ContestState.OPEN


@pytest.mark.parametrize(("day", "sentence"), [(date(2019, 12, 11), "chưa tới"), (date(2019, 11, 9), "đã quá 30 ngày")])
def test_numbers_of_the_future_and_of_long_ago_are_not_contested(unit, day, sentence):
    with pytest.raises(ActionDenied, match=sentence):
        contested(unit, day=day)


def test_a_wrong_observation_is_withdrawn_by_a_new_one_and_the_number_follows(unit, coordinator):
    wrong = missed_clock(unit)
    one = contested(unit, evidence=[wrong])
    one = services.correct_contest(contest=one, answer="Máy chủ thư của tỉnh hỏng.", retract=[wrong], by=coordinator)
    assert (one.state, one.correction) == (ContestState.CORRECTED, "observation")
    new = Evidence.objects.latest("pk")
    assert (new.outcome, new.source, new.payload["corrects"]) == ("ok", "person", wrong.pk)
    assert Evidence.objects.filter(pk=wrong.pk, outcome="broken").exists()  # nothing was overwritten
    assert state_of(unit) == ClaimState.UNKNOWN  # nothing stands against it, and nothing was kept either
    assert assess("respond", [unit.pk], CONFERENCE - timedelta(days=1))[unit.pk].state == ClaimState.REFUTED
    assert AuditEvent.objects.get(action="observation_retracted").detail["corrects"] == wrong.pk


def test_what_stood_before_the_wrong_observation_stands_again(unit, coordinator):
    proves_recording(unit, at=CONFERENCE - timedelta(days=5))
    good = Evidence.objects.get(kind=EvidenceKind.CANARY)
    wrong = evidence(unit, EvidenceKind.CANARY, "kind:windows", at=CONFERENCE - timedelta(days=1), ok=False)
    one = contested(unit, "record_attacks", evidence=[wrong])
    services.correct_contest(contest=one, answer="Bộ thu của tỉnh tắt.", retract=[wrong], by=coordinator)
    assert Evidence.objects.latest("pk").valid_until == good.valid_until  # no longer than the proof that there was
    assert state_of(unit, "record_attacks") == ClaimState.PROVEN


def test_no_proof_is_made_up_by_withdrawing_a_failure(unit, coordinator):
    wrong = evidence(unit, EvidenceKind.CANARY, "kind:windows", ok=False)
    one = contested(unit, "record_attacks")
    with pytest.raises(ActionDenied, match="chưa có lần nào đạt"):
        services.correct_contest(contest=one, answer="Hỏng", retract=[wrong], by=coordinator)
    one.refresh_from_db()
    assert one.state == ContestState.OPEN  # whole or not at all


def test_what_stands_again_is_no_younger_than_it_was(unit, coordinator):
    proves_recording(unit, at=CONFERENCE - timedelta(days=9))
    evidence(unit, EvidenceKind.SOURCE_DELIVERING, "source:1", at=CONFERENCE - timedelta(days=6), ok=False)
    evidence(unit, EvidenceKind.SOURCE_DELIVERING, "source:1", at=CONFERENCE - timedelta(days=5))
    wrong = evidence(unit, EvidenceKind.CANARY, "kind:windows", at=CONFERENCE - timedelta(days=1), ok=False)
    for _again in range(2):  # also where what stands again was itself brought back
        one = contested(unit, "record_attacks", evidence=[wrong])
        services.correct_contest(contest=one, answer="Bộ thu của tỉnh tắt.", retract=[wrong], by=coordinator)
        found = assess("record_attacks", [unit.pk], clock.now())[unit.pk]
        assert (found.state, found.reasons[0].code) == (ClaimState.DECAYED, "canary_again")  # older than the silence
        wrong = evidence(unit, EvidenceKind.CANARY, "kind:windows", at=clock.now(), ok=False)


def test_only_rows_of_the_contested_duty_are_withdrawn_and_never_by_who_wrote_them(unit, coordinator):
    canary = evidence(unit, EvidenceKind.CANARY, "kind:windows")
    own = evidence(unit, EvidenceKind.CLOCK, "incident:1/initial", ok=False, recorded_by=coordinator.pk)
    one = contested(unit, evidence=[missed_clock(unit, at=CONFERENCE - timedelta(days=3))])  # does not name `own`
    for row, sentence in ((canary, "không thuộc nghĩa vụ"), (own, "một điều phối viên khác")):
        with pytest.raises(ActionDenied, match=sentence):
            services.correct_contest(contest=one, answer="Sai", retract=[row], by=coordinator)


def test_only_the_newest_word_of_a_kind_that_people_may_withdraw_is_withdrawn(unit, coordinator):
    old, _newer = missed_clock(unit), missed_clock(unit, at=CONFERENCE - timedelta(days=1))
    post = evidence(unit, EvidenceKind.POST_FILLED, "post:officer", ok=False)
    strange = missed_clock(UnitFactory())
    one = contested(unit)
    for row, sentence in ((old, "mới hơn"), (post, "không rút ở đây"), (strange, "không phải của đơn vị")):
        with pytest.raises(ActionDenied, match=sentence):
            services.correct_contest(contest=one, answer="Sai", retract=[row], by=coordinator)


def test_a_note_changes_no_evidence(unit, coordinator):
    missed_clock(unit)
    one = services.correct_contest(contest=contested(unit), answer="Do mất điện toàn huyện.", by=coordinator)
    assert (one.correction, Evidence.objects.count(), state_of(unit)) == ("note", 1, ClaimState.REFUTED)


def test_a_decision_needs_a_reason_and_is_made_once(unit, coordinator):
    one = contested(unit)
    for decide in (services.refuse_contest, services.correct_contest):
        with pytest.raises(ActionDenied, match="viết lý do"):
            decide(contest=one, answer=" \n", by=coordinator)
    one = services.refuse_contest(contest=one, answer="Đồng hồ đúng.", by=coordinator)
    with pytest.raises(ActionDenied, match="đã được xem xét"):
        services.refuse_contest(contest=one, answer="Lần nữa", by=coordinator)


@pytest.mark.parametrize("who", ["head", "leader", "inspector", "administrator"])
def test_only_the_coordinator_decides(unit, who):
    one = contested(unit)
    person = head_of(unit) if who == "head" else UserFactory(**{who: True})
    with pytest.raises(ActionDenied, match="Chỉ cơ quan điều phối"):
        services.refuse_contest(contest=one, answer="x", by=person)


def test_who_judged_a_text_does_not_judge_the_contest_about_it(unit, data, coordinator):
    revision = filing.submit(
        unit_id=unit.pk,
        kind="regulation",
        title="Quy chế",
        issued_on=YESTERDAY,
        facts={},
        file=pdf(),
        by=officer_of(unit),
    )
    revision = filing.accept(revision=revision, by=coordinator)
    filing.send_back(revision=revision, note="Không phải quy chế", by=coordinator)
    one = contested(unit, "regulation")
    with pytest.raises(ActionDenied, match="một điều phối viên khác"):
        services.refuse_contest(contest=one, answer="Đúng như đã xem", by=coordinator)
    services.refuse_contest(contest=one, answer="Đã đọc lại.", by=UserFactory(coordinator=True))


def test_an_overdue_contest_is_told_to_coordinator_and_leaders_once(unit, coordinator):
    leader = UserFactory(leader=True, email="lanh-dao@example.gov.vn")
    contested(unit)
    assert services.tell_overdue() == 0
    with clock.at(CONFERENCE + timedelta(days=10)):
        jobs.tick()
        assert services.tell_overdue() == 0
    told = OutboundMessage.objects.filter(dedupe_key__contains="overdue").values_list("recipient", flat=True)
    assert set(told) == {coordinator.email, leader.email}
    assert AuditEvent.objects.filter(action="contest_overdue").count() == 1


# beside the number


def test_contests_stand_beside_the_number_and_are_counted_but_never_change_it(unit, coordinator):
    missed_clock(unit, at=CONFERENCE - timedelta(days=3))
    freeze_day(YESTERDAY)
    one = contested(unit, day=YESTERDAY)

    def seen():
        return [
            (b.proven, b.contests.open, b.contests.corrected, [m.words for m in b.marks[unit.pk]])
            for b in (scoreboard.board("respond", YESTERDAY), scoreboard.board("respond"))
        ]

    assert seen() == [(0, 1, 0, ["Chờ xem xét"])] * 2
    services.correct_contest(contest=one, answer="Có lý", by=coordinator)
    assert seen() == [(0, 0, 1, ["Ghi chú bên cạnh con số"])] * 2
    assert scoreboard.figures()["respond"].contests == scoreboard.board("respond").contests
    assert scoreboard.board("respond", YESTERDAY).intact


def test_a_board_of_a_day_before_the_contest_does_not_know_it(unit):
    contested(unit)
    assert not scoreboard.board("respond", YESTERDAY).contests


def test_a_withdrawn_contest_is_beside_no_number(unit):
    one = contested(unit)
    services.withdraw_contest(contest=one, by=one.opened_by)
    assert not scoreboard.board("respond").contests


def test_the_board_and_its_export_say_what_became_of_a_contest(client, unit, coordinator):
    missed_clock(unit)
    services.refuse_contest(contest=contested(unit), answer="=Đồng hồ đúng.", by=coordinator)
    client.force_login(coordinator)
    asked = {"nghia-vu": "respond"}
    page = client.get(reverse("scoreboard:board"), asked).content.decode()
    assert "1 bị từ chối" in page and "Giải trình số ngày 10/12: bị từ chối" in page
    body = client.get(reverse("scoreboard:export", args=["csv"]), asked).content.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(body))
    assert row["Giải trình"] == "số liệu ngày 10/12/2019: bị từ chối (=Đồng hồ đúng.)"
    assert "Đồng hồ đúng." in client.get(reverse("scoreboard:print"), asked).content.decode()
    assert [
        r.unit_id for r, _p, _m in client.get("/bang-diem/", asked | {"giai-trinh": "refused"}).context["rows"]
    ] == [unit.pk]
    assert client.get("/bang-diem/", asked | {"giai-trinh": "open"}).context["rows"] == []


# pages


def test_a_unit_names_the_rows_and_the_coordinator_withdraws_one(client, unit, coordinator):
    wrong = missed_clock(unit)
    officer = officer_of(unit)
    client.force_login(officer)
    sent = {"text": "Đã gửi đúng hạn.", "rows": [wrong.pk], "day": "2019-12-10"}
    answer = client.post(reverse("duties:contest", args=[unit.pk, "respond"]), sent)
    one = Contest.objects.get()
    assert answer.url == reverse("duties:contest_page", args=[one.pk])
    assert list(one.evidence.all()) == [wrong]
    client.force_login(coordinator)
    page = client.get(answer.url).content.decode()
    assert "Đã gửi đúng hạn." in page and "Trễ 2 giờ." in page
    assert "Đã gửi đúng hạn." in client.get(reverse("duties:contests"), {"q": "tan ha"}).content.decode()
    assert "Đã gửi đúng hạn." not in client.get(reverse("duties:contests"), {"trang-thai": "refused"}).content.decode()
    client.post(reverse("duties:correct_contest", args=[one.pk]), {"answer": "Đúng vậy.", "rows": [wrong.pk]})
    one.refresh_from_db()
    assert (one.state, state_of(unit)) == (ContestState.CORRECTED, ClaimState.UNKNOWN)
    client.force_login(officer)
    assert "Đúng vậy." in client.get(reverse("duties:duty", args=[unit.pk, "respond"])).content.decode()


def test_a_decision_without_words_says_so_on_the_page(client, unit, coordinator):
    one = contested(unit)
    client.force_login(coordinator)
    page = client.post(reverse("duties:refuse_contest", args=[one.pk]), {"answer": " "})
    assert page.status_code == 200 and "giải trình: chờ xem xét" in page.content.decode().lower()


def test_a_contest_with_a_secret_mark_is_refused_and_not_kept(client, unit):
    client.force_login(officer_of(unit))
    answer = client.post(reverse("duties:contest", args=[unit.pk, "sop"]), {"text": "Văn bản có dấu\nTỐI MẬT\nsố 5"})
    assert answer.status_code == 403
    assert not Contest.objects.exists()


def test_the_page_of_a_duty_answers_for_a_past_day(client, unit):
    claim(unit, "sop", at=CONFERENCE - timedelta(days=1))
    evidence(unit, EvidenceKind.SOP_DOCUMENT, "sop:malware")
    client.force_login(officer_of(unit))
    address = reverse("duties:duty", args=[unit.pk, "sop"])
    before = client.get(address, {"ngay": "2019-12-08"})
    assert before.context["assessment"].state == ClaimState.UNKNOWN
    assert before.context["page"].paginator.count == 0
    assert client.get(address, {"ngay": "2019-12-09"}).context["assessment"].state == ClaimState.DECLARED
    assert "chưa tới" in client.get(address, {"ngay": "2020-01-01"}).content.decode()
    states = client.get(reverse("duties:of_unit", args=[unit.pk]), {"ngay": "2019-12-08"}).context["rows"]
    assert {row.assessment.state for row in states} == {ClaimState.UNKNOWN}
