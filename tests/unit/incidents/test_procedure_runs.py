"""Walking the real procedures by the services: every road to its end, back, skipped, twice."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile

from dekhang.apps.core import clock
from dekhang.apps.core.audit import verify_chain
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.incidents import procedures, services
from dekhang.apps.incidents.enums import IncidentKind, IncidentStatus, StepStatus
from dekhang.law import load_playbooks
from tests.factories.core import UserFactory
from tests.factories.incidents import alert_of, current, do_current, incident_of, meaning, walk_to
from tests.factories.registry import SystemFactory, UnitFactory, head_of, officer_of

pytestmark = pytest.mark.django_db
PLAYBOOKS = load_playbooks(Path(settings.PLAYBOOK_FOLDER))


def roads_over_every_transition(playbook):
    """Roads from the first step to the end that together take every answer of every question."""
    seen: set[tuple[str, str]] = set()
    for path in playbook.paths():
        road = [(step.id, after.id) for step, after in pairwise(path)]
        if not seen.issuperset(road):
            seen.update(road)
            yield road


ROADS = [
    pytest.param(kind, road, id=f"{kind}-{number}")
    for kind, playbook in PLAYBOOKS.items()
    for number, road in enumerate(roads_over_every_transition(playbook))
]


@pytest.fixture
def unit(data, frozen_now):
    return UnitFactory()


@pytest.fixture
def officer(unit):
    return officer_of(unit)


@pytest.mark.parametrize(("kind", "road"), ROADS)
def test_every_procedure_is_walked_to_its_end_over_every_answer(unit, officer, kind, road):
    incident = incident_of(unit, kind=kind, by=officer)
    plan = procedures.of_incident(incident)
    for here, there in road:
        run = current(incident)
        assert run.step_id == here
        choice = next((c.label for c in plan.step(here).choices if c.next_id == there), "")
        do_current(incident, officer, choice=choice)
    assert current(incident) is None
    if incident.status == IncidentStatus.OPEN:
        services.mark_handled(incident=incident, by=officer)
    assert incident.status == IncidentStatus.HANDLED
    assert incident.steps.count() == len(road)
    assert (
        Evidence.objects.filter(kind=EvidenceKind.SOP_EXERCISED, subject=f"sop:{kind}", outcome=Outcome.OK).count() == 1
    )


def test_a_second_done_of_the_same_step_is_refused_and_starts_nothing(unit, officer):
    incident = incident_of(unit, by=officer)
    run, again = current(incident), current(incident)
    services.finish_step(step=run, by=officer, note="Đã chụp lại.")
    with pytest.raises(ActionDenied, match="người khác ghi nhận"):
        services.finish_step(step=again, by=head_of(unit), note="Tôi cũng làm.")
    assert incident.steps.count() == 2
    assert AuditEvent.objects.filter(action="step_done").count() == 1


def test_a_step_without_the_proof_it_asks_for_is_refused_with_what_is_missing(unit, officer):
    incident = incident_of(unit, by=officer)
    with pytest.raises(ActionDenied, match="tệp đính kèm, hoặc ghi chú"):
        services.finish_step(step=current(incident), by=officer)


def test_an_attachment_is_the_proof_and_is_kept_with_its_hash(unit, officer):
    incident = incident_of(unit, by=officer)
    upload = ContentFile(b"anh chup man hinh", name="../../trang chu\x00.png")
    services.finish_step(step=current(incident), by=officer, uploads=[upload])
    kept = incident.attachments.get()
    assert kept.name == "trang chu.png"
    assert kept.step.number == 1
    assert re.fullmatch(r"incidents/\d{4}/[0-9a-f]{16}[\w]*\.png", kept.file.name)
    with kept.file.open("rb") as file:
        assert file.read() == b"anh chup man hinh"


def test_a_question_needs_one_of_its_answers(unit, officer):
    incident = incident_of(unit, by=officer)
    while not meaning(current(incident)).choices:
        do_current(incident, officer)
    with pytest.raises(ActionDenied, match="Vượt khả năng"):
        services.finish_step(step=current(incident), by=officer, note="x", choice="Không biết")
    with pytest.raises(ActionDenied, match="không bỏ qua được"):
        services.skip_step(step=current(incident), by=officer, reason="không ai trả lời")


def test_what_the_head_decides_an_officer_writes_down_only_with_a_note(unit, officer):
    incident = incident_of(unit, by=officer)
    while meaning(current(incident)).role != "head":
        do_current(incident, officer)
    with pytest.raises(ActionDenied, match="thủ trưởng quyết định"):
        services.finish_step(step=current(incident), by=officer, choice="Trong khả năng")
    services.finish_step(step=current(incident), by=head_of(unit), choice="Trong khả năng")
    incident.refresh_from_db()
    assert incident.beyond_capacity is False


def test_skipping_needs_a_reason_and_only_where_the_procedure_allows_it(unit, officer):
    incident = incident_of(unit, by=officer)
    with pytest.raises(ActionDenied, match="bắt buộc"):
        services.skip_step(step=current(incident), by=officer, reason="không có máy ảnh")
    while not meaning(current(incident)).skip_allowed:
        do_current(incident, officer)
    with pytest.raises(ActionDenied, match="vì sao"):
        services.skip_step(step=current(incident), by=officer, reason=" ")
    skipped = current(incident)
    services.skip_step(step=skipped, by=officer, reason="Đã xác minh qua điện thoại.")
    skipped.refresh_from_db()
    assert skipped.status == StepStatus.SKIPPED
    assert current(incident).number == skipped.number + 1


def test_going_back_keeps_what_was_done_and_starts_the_step_anew_with_its_note(unit, officer):
    incident = incident_of(unit, by=officer)
    do_current(incident, officer, note="Chụp nhầm trang.")
    again = services.undo_step(incident=incident, by=officer)
    assert again.note == "Chụp nhầm trang."
    assert again.step_id == incident.steps.first().step_id
    assert [run.status for run in incident.steps.all()] == [StepStatus.UNDONE, StepStatus.UNDONE, StepStatus.CURRENT]
    assert AuditEvent.objects.filter(action="step_undone").count() == 1
    with pytest.raises(ActionDenied, match="bước đầu tiên"):
        services.undo_step(incident=incident, by=officer)


def test_going_back_over_the_judgement_of_capacity_takes_it_back_with_its_clock(unit, officer):
    incident = incident_of(unit, by=officer)
    while meaning(current(incident)).choices == ():
        do_current(incident, officer)
    do_current(incident, officer, choice="Vượt khả năng")
    assert incident.beyond_capacity is True
    services.undo_step(incident=incident, by=officer)
    incident.refresh_from_db()
    assert incident.beyond_capacity is None
    assert incident.clocks.get(clock_key="initial_report").cancelled_at is not None
    assert incident.clocks.get(clock_key="notice").cancelled_at is None


def test_the_response_cannot_be_ended_while_steps_before_its_end_remain(unit, officer):
    incident = incident_of(unit, by=officer)
    with pytest.raises(ActionDenied, match="Chụp lại trang"):
        services.mark_handled(incident=incident, by=officer)


def test_reopening_goes_back_to_the_step_that_ended_the_response(unit, officer):
    incident = incident_of(unit, by=officer)
    walk_to(incident, officer, event="response_ended")
    services.mark_handled(incident=incident, by=officer)
    assert incident.status == IncidentStatus.HANDLED
    assert meaning(current(incident)).clock_event == "end_report_sent"
    services.reopen(incident=incident, by=officer)
    assert incident.status == IncidentStatus.OPEN
    assert meaning(current(incident)).clock_event == "response_ended"
    assert incident.clocks.get(clock_key="end_report").cancelled_at is not None


def test_the_coordinator_closes_and_only_after_the_end_report_was_sent(unit, officer):
    coordinator = UserFactory(coordinator=True)
    incident = incident_of(unit, by=officer)
    walk_to(incident, officer, event="response_ended")
    services.mark_handled(incident=incident, by=officer)
    with pytest.raises(ActionDenied, match="Chưa ghi nhận đã gửi báo cáo kết thúc"):
        services.close(incident=incident, by=coordinator)
    do_current(incident, officer)
    with pytest.raises(ActionDenied, match="Cơ quan điều phối đóng"):
        services.close(incident=incident, by=officer)
    services.close(incident=incident, by=coordinator)
    assert incident.status == IncidentStatus.CLOSED
    with pytest.raises(ActionDenied):
        services.add_note(incident=incident, text="Thêm nữa.", by=officer)


def test_an_end_report_from_before_a_reopening_does_not_close(unit, officer):
    incident = incident_of(unit, by=officer)
    walk_to(incident, officer, event="end_report_sent")
    do_current(incident, officer)
    services.reopen(incident=incident, by=officer)
    services.mark_handled(incident=incident, by=officer)
    incident.reports.update(made_at=incident.detected_at.replace(year=2018))
    with pytest.raises(ActionDenied, match="Chưa ghi nhận"):
        services.close(incident=incident, by=UserFactory(coordinator=True))


def test_an_exercise_is_closed_by_the_unit_and_measures_the_first_step(unit, officer):
    incident = incident_of(unit, by=officer, is_exercise=True)
    walk_to(incident, officer, event="response_ended")
    services.mark_handled(incident=incident, by=officer)
    services.close(incident=incident, by=officer)
    exercised = Evidence.objects.get(kind=EvidenceKind.SOP_EXERCISED)
    assert exercised.payload["first_step_seconds"] == 0
    assert exercised.payload["is_exercise"] is True
    assert (exercised.valid_until - exercised.observed_at).days == 365
    assert not incident.clocks.filter(met_at=None, cancelled_at=None).exists()


def test_cancelling_stops_the_clocks_and_reopening_starts_them_where_they_were(unit, officer):
    incident = incident_of(unit, by=officer)
    due = incident.clocks.get(clock_key="notice").due_at
    with pytest.raises(ActionDenied, match="lý do"):
        services.cancel(incident=incident, reason="", by=officer)
    services.cancel(incident=incident, reason="Mở trùng.", by=officer)
    assert incident.clocks.get(clock_key="notice").cancelled_at is not None
    services.reopen(incident=incident, by=officer)
    notice = incident.clocks.get(clock_key="notice")
    assert (notice.cancelled_at, notice.due_at) == (None, due)
    assert current(incident).number == 1


def test_a_running_incident_keeps_its_text_when_the_file_changes(unit, officer, settings, tmp_path):
    source = Path(settings.PLAYBOOK_FOLDER) / "phishing.json"
    folder = tmp_path / "playbooks"
    folder.mkdir()
    settings.PLAYBOOK_FOLDER = folder
    (folder / "phishing.json").write_bytes(source.read_bytes())
    before = procedures.standard()["phishing"].first_step.name
    incident = incident_of(unit, by=officer, kind=IncidentKind.PHISHING)
    changed = source.read_text().replace(before, "Bước đã sửa").replace("2026-11-23T00:00:00", "2026-12-24T00:00:00")
    (folder / "phishing.json").write_text(changed)
    assert procedures.standard()["phishing"].first_step.name == "Bước đã sửa"
    assert procedures.of_incident(incident).first_step.name == before


@pytest.mark.parametrize("thing", ["alert", "system"])
def test_an_alert_or_system_of_another_unit_is_refused(unit, officer, thing):
    other = UnitFactory()
    extra = {"alerts": [alert_of(other)]} if thing == "alert" else {"system": SystemFactory(unit=other)}
    with pytest.raises(ActionDenied, match="đơn vị khác"):
        incident_of(unit, by=officer, **extra)


@pytest.mark.parametrize("trait", ["coordinator", "leader", "inspector", "administrator"])
def test_only_the_units_own_people_open_and_run(unit, officer, trait):
    outsider = UserFactory(**{trait: True})
    with pytest.raises(ActionDenied, match="Chỉ thủ trưởng hoặc cán bộ"):
        incident_of(unit, by=outsider)
    incident = incident_of(unit, by=officer)
    with pytest.raises(ActionDenied):
        services.finish_step(step=current(incident), by=outsider, note="x")


def test_the_coordinator_does_the_step_that_is_the_coordinators(unit, officer):
    incident = incident_of(unit, by=officer)
    while not meaning(current(incident)).choices:
        do_current(incident, officer)
    do_current(incident, officer, choice="Vượt khả năng")
    while meaning(current(incident)).role != "coordinator":
        do_current(incident, officer)
    run = current(incident)
    services.finish_step(step=run, by=UserFactory(coordinator=True), note="Đã cử đội ứng cứu.")
    run.refresh_from_db()
    assert run.status == StepStatus.DONE


def test_every_change_of_an_incident_is_in_an_unbroken_audit_chain(unit, officer):
    incident = incident_of(unit, by=officer)
    do_current(incident, officer)
    services.undo_step(incident=incident, by=officer)
    services.add_note(incident=incident, text="Đã gọi nhà mạng.", by=officer)
    services.cancel(incident=incident, reason="Mở nhầm.", by=officer)
    actions = list(AuditEvent.objects.values_list("action", flat=True))
    assert actions == ["incident_opened", "step_done", "step_undone", "note_added", "incident_cancelled"]
    assert list(verify_chain()) == []


def test_going_back_over_the_question_keeps_a_judgement_that_was_made_by_hand(unit, officer):
    incident = incident_of(unit, by=officer)
    services.judge_capacity(incident=incident, beyond=True, by=officer)
    while not meaning(current(incident)).choices:
        do_current(incident, officer)
    later = incident.detected_at.replace(hour=5)
    with clock.at(later):
        do_current(incident, officer, choice="Vượt khả năng")
        services.undo_step(incident=incident, by=officer)
    incident.refresh_from_db()
    assert incident.beyond_capacity is True
    assert incident.clocks.get(clock_key="initial_report").cancelled_at is None
