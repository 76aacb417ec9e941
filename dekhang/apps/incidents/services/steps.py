"""The run of a procedure: one current step; done, skipped with a reason, or gone back from."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.files.base import File
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from dekhang import law
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.incidents import policies, procedures
from dekhang.apps.incidents.enums import AuditAction, IncidentKind, IncidentStatus, ReportKind, StepStatus
from dekhang.apps.incidents.models import Incident, StepRun
from dekhang.apps.incidents.services import clocks, files, texts
from dekhang.apps.incidents.services.capacity import put_capacity
from dekhang.apps.incidents.services.handled import put_handled, put_open_again
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.enums import PostKind

FINISHED = (StepStatus.DONE, StepStatus.SKIPPED)


def start_step(*, incident: Incident, step: law.Step, at: datetime, note: str = "") -> StepRun | None:
    """Make `step` the current one; None at the end of the procedure. Deadlines run from the start of the procedure."""
    if step.type == "end":
        return None
    last = incident.steps.aggregate(last=Max("number"))["last"] or 0
    due_at = incident.opened_at + timedelta(minutes=step.deadline_minutes) if step.deadline_minutes else None
    return StepRun.objects.create(
        incident=incident, step_id=step.id, number=last + 1, started_at=at, due_at=due_at, note=note
    )


def finish_step(
    *, step: StepRun, by: User, note: str = "", choice: str = "", uploads: Sequence[File] = ()
) -> StepRun | None:
    """Mark the current step done and start the next; returns it, or None when the procedure is at its end.

    Args:
        choice: the label chosen, at a question.
        uploads: files to keep as the step's proof; not taken for a data leak.

    Raises:
        ActionDenied: not of the unit, another person was faster, the proof the step asks for is missing.
    """
    incident = step.incident
    policies.check_can_finish_step(by, step)
    texts.refuse_marks(note)
    plan = procedures.of_incident(incident)
    meaning = plan.step(step.step_id)
    note = note.strip()[:10_000]
    _check_proof(incident, step, meaning, note, bool(uploads))
    _check_decider(incident, meaning, note, by)
    try:
        following = plan.next(step.step_id, choice or None)
    except ValueError as error:
        raise ActionDenied(str(error)) from error
    names = []
    if uploads:
        policies.check_can_attach(by, incident)
        names = [files.check_file(file=file, unit_id=incident.unit_id, by=by) for file in uploads]
    with transaction.atomic():
        now = clock.now()
        _finish(step, StepStatus.DONE, by, now, note=note, choice=choice)
        for file, name in zip(uploads, names, strict=True):
            files.store(incident=incident, step=step, file=file, name=name, by=by)
        _record_law_event(incident, step, meaning, choice, by, now)
        record_event(
            action=AuditAction.STEP_DONE,
            by=by,
            target=incident,
            detail={"number": step.number, "step": meaning.name[:200], "choice": choice[:200]},
        )
        return start_step(incident=incident, step=following, at=now) if following else None


@transaction.atomic
def skip_step(*, step: StepRun, reason: str, by: User, choice: str = "") -> StepRun | None:
    """Leave the current step undone, saying why; a question needs an answer and cannot be skipped."""
    incident = step.incident
    policies.check_can_finish_step(by, step)
    plan = procedures.of_incident(incident)
    meaning = plan.step(step.step_id)
    check_skippable(meaning)
    reason = reason.strip()
    if len(reason) < 5:
        raise ActionDenied(_("Hãy ghi rõ vì sao bỏ qua bước này; lý do đi vào báo cáo kết thúc."))
    texts.refuse_marks(reason)
    now = clock.now()
    _finish(step, StepStatus.SKIPPED, by, now, skip_reason=reason[:500])
    record_event(
        action=AuditAction.STEP_SKIPPED,
        by=by,
        target=incident,
        detail={"number": step.number, "step": meaning.name[:200], "reason": reason[:200]},
    )
    following = plan.next(step.step_id)
    return start_step(incident=incident, step=following, at=now) if following else None


def check_skippable(meaning: law.Step) -> None:
    if meaning.type == "choice":
        raise ActionDenied(_("Câu hỏi này quyết định bước tiếp theo nên không bỏ qua được; hãy chọn một câu trả lời."))
    if not meaning.skip_allowed:
        raise ActionDenied(
            _("Bước này bắt buộc, không bỏ qua được. Nếu đang vướng, hãy ghi chú và gọi cơ quan điều phối.")
        )


@transaction.atomic
def undo_step(*, incident: Incident, by: User) -> StepRun:
    """Go back to the step before the current one: both rows stay as “gone back from”, the step starts anew.

    What the step recorded for the law (a report sent, a judgement of capacity) is taken back with it.
    """
    policies.check_can_run(by, incident)
    last = incident.steps.filter(status__in=FINISHED).order_by("-number").first()
    if last is None:
        raise ActionDenied(_("Đây là bước đầu tiên, chưa có bước nào để quay lại."))
    now = clock.now()
    if StepRun.objects.filter(pk=last.pk, status=last.status).update(status=StepStatus.UNDONE) != 1:
        raise ActionDenied(_("Bước vừa được người khác thay đổi. Hãy tải lại trang."))
    incident.steps.filter(status=StepStatus.CURRENT).update(status=StepStatus.UNDONE)
    taken_back = list(last.events.filter(withdrawn_at=None).values_list("event_key", flat=True))
    last.events.filter(withdrawn_at=None).update(withdrawn_at=now)
    incident.refresh_from_db()
    plan = procedures.of_incident(incident)
    meaning = plan.step(last.step_id)
    # only a judgement that this step recorded: one made by hand before it stands
    if _judges_capacity(meaning) and incident.capacity_judged_at == last.finished_at:
        Incident.objects.filter(pk=incident.pk).update(
            beyond_capacity=None, capacity_judged_at=None, capacity_judged_by=None, capacity_note=""
        )
        incident.events.filter(event_key="beyond_capacity", withdrawn_at=None).update(withdrawn_at=now)
    incident.refresh_from_db()
    if meaning.clock_event == "response_ended" and incident.status == IncidentStatus.HANDLED:
        put_open_again(incident=incident, from_status=IncidentStatus.HANDLED)
    again = start_step(incident=incident, step=meaning, at=now, note=last.note)
    clocks.sync(incident)
    record_event(
        action=AuditAction.STEP_UNDONE,
        by=by,
        target=incident,
        detail={"number": last.number, "step": meaning.name[:200], "was": last.status, "events": taken_back},
    )
    assert again is not None  # an end is never a row
    return again


def restart_response(*, incident: Incident, at: datetime) -> None:
    """Make the step that ended the response current again, when the run had passed it; nothing otherwise."""
    plan = procedures.of_incident(incident)
    for row in incident.steps.filter(status__in=FINISHED).order_by("-number"):
        if plan.step(row.step_id).clock_event == "response_ended":
            incident.steps.filter(number__gte=row.number).exclude(status=StepStatus.UNDONE).update(
                status=StepStatus.UNDONE
            )
            start_step(incident=incident, step=plan.step(row.step_id), at=at)
            return


def _finish(step: StepRun, status: StepStatus, by: User, at: datetime, **values: str) -> None:
    moved = StepRun.objects.filter(pk=step.pk, status=StepStatus.CURRENT, incident__status__in=policies.IN_WORK).update(
        status=status, finished_at=at, finished_by=by, **values
    )
    if moved != 1:  # another person, or a second click, was faster
        raise ActionDenied(_("Bước này vừa được người khác ghi nhận. Hãy tải lại trang để xem bước hiện tại."))
    step.refresh_from_db()


def _check_proof(incident: Incident, step: StepRun, meaning: law.Step, note: str, has_uploads: bool) -> None:
    """A note where the step asks for one; for a file, the file or a note that says where it is kept.

    A step that sends a report is proven by the report recorded as sent. The end report must be one: the coordinator
    closes on it. Law: R2016 QD05-2017/11
    """
    report = report_of_event(incident, meaning.clock_event)
    if report is not None:
        if incident.reports.filter(kind=report, sent_at__isnull=False).exists():
            return
        if report == ReportKind.END and not incident.is_exercise:
            raise ActionDenied(_("Hãy lập báo cáo kết thúc và ghi nhận “Đã gửi” ở mục Thời hạn và văn bản trước."))
    if meaning.proof == "none" or note:
        return
    if report is not None:
        raise ActionDenied(_("Hãy lập văn bản và ghi nhận “Đã gửi”, hoặc ghi chú đã gửi bằng cách nào, cho ai."))
    if meaning.proof == "attachment":
        if has_uploads or step.attachments.exists():
            return
        if incident.kind == IncidentKind.DATA_LEAK:
            raise ActionDenied(_("Hãy ghi vào ghi chú bằng chứng được giữ ở đâu, ai giữ (không ghi nội dung)."))
        raise ActionDenied(_("Bước này cần tệp đính kèm, hoặc ghi chú cho biết bằng chứng đang giữ ở đâu."))
    if meaning.type != "choice":
        raise ActionDenied(_("Bước này cần ghi chú ngắn: đã làm gì, kết quả ra sao."))


def _check_decider(incident: Incident, meaning: law.Step, note: str, by: User) -> None:
    """What the head decides, an officer may write down: with a note that says what the head decided."""
    if meaning.role == "head" and not note and not registry.holds(by, incident.unit_id, PostKind.HEAD):
        raise ActionDenied(
            _("Bước này do thủ trưởng quyết định. Hãy ghi vào ghi chú thủ trưởng đã quyết định thế nào, lúc nào.")
        )


def report_of_event(incident: Incident, event_key: str) -> str | None:
    """The report whose sending is `event_key`, under the incident's regime; None for other events."""
    if not event_key:
        return None
    rules = law.load().clocks(incident.regime)
    return next((rule.report for rule in rules if rule.stops_on == event_key and rule.report), None)


def _judges_capacity(meaning: law.Step) -> bool:
    return meaning.clock_event == "beyond_capacity" or any(c.clock_event == "beyond_capacity" for c in meaning.choices)


def _record_law_event(
    incident: Incident, step: StepRun, meaning: law.Step, choice: str, by: User, at: datetime
) -> None:
    """What finishing this step means for the clocks: its own event, or that of the answer chosen."""
    chosen = next((option.clock_event for option in meaning.choices if option.label == choice), "")
    event_key = meaning.clock_event or chosen
    note = step.note or choice
    if _judges_capacity(meaning):
        beyond = event_key == "beyond_capacity"
        if incident.beyond_capacity != beyond:
            put_capacity(incident=incident, beyond=beyond, by=by, at=at, note=note, step=step)
    elif event_key == "response_ended":
        if incident.status == IncidentStatus.OPEN:
            put_handled(incident=incident, by=by, at=at, note=note, step=step)
    elif event_key and not _stands(incident, event_key):
        clocks.put_event(incident=incident, event_key=event_key, by=by, at=at, note=note, step=step)
    clocks.sync(incident)


def _stands(incident: Incident, event_key: str) -> bool:
    return incident.events.filter(event_key=event_key, withdrawn_at=None).exists()
