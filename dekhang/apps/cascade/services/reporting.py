"""Reports of units on their tasks, and what those who gave the task make of them. Only an accepted one is a proof."""

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dekhang.apps.cascade import policies
from dekhang.apps.cascade.enums import AuditAction, DeadlineKind, Verdict
from dekhang.apps.cascade.models import Assignment, Judgement, Occurrence, Report
from dekhang.apps.cascade.services import evidence
from dekhang.apps.cascade.wordings import wording
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties import documents


@transaction.atomic
def report(
    *,
    assignment: Assignment,
    text: str,
    by: User,
    file: UploadedFile | None = None,
    occurrence: Occurrence | None = None,
) -> Report:
    """Say what was done. Texts and files with marks of state secrets must have been refused before.

    Args:
        occurrence: the period that it is about; needed for a recurring task.
    Raises:
        ActionDenied: not accepted yet, another report waits, or the period is wrong.
        DocumentRefused: the file is too large or not what its name says.
    """
    policies.check_can_work(by, assignment)
    recurring = wording(assignment.task_id).deadline == DeadlineKind.RECURRING
    if recurring and (occurrence is None or occurrence.assignment_id != assignment.pk):
        raise ActionDenied(_("Đây là việc định kỳ: hãy chọn kỳ báo cáo."))
    if occurrence is not None:
        _check_period(occurrence)
    filed = Report(
        assignment=assignment,
        occurrence=occurrence if recurring else None,
        text=text.strip(),
        reported_at=clock.now(),
        reported_by=by,
    )
    if file is not None:
        documents.check_document(file)
        filed.sha256 = documents.sha256_of(file)
        filed.file_name, filed.size_bytes = (file.name or "")[:255], file.size or 0
        filed.file = file  # type: ignore[assignment]
    try:
        with transaction.atomic():
            filed.save()
    except IntegrityError:
        raise ActionDenied(_("Một báo cáo đang chờ kiểm tra. Rút báo cáo ấy trước nếu muốn gửi bản khác.")) from None
    record_event(
        action=AuditAction.TASK_REPORTED,
        by=by,
        target=assignment,
        detail={"report": filed.pk, "sha256": filed.sha256, "occurrence": filed.occurrence_id},
    )
    return filed


def _check_period(occurrence: Occurrence) -> None:
    if occurrence.starts_on > clock.today():
        raise ActionDenied(_("Kỳ này chưa bắt đầu, chưa báo cáo được."))
    if occurrence.reports.filter(verdict=Verdict.ACCEPTED).exists():
        raise ActionDenied(_("Báo cáo của kỳ này đã được chấp nhận."))


@transaction.atomic
def withdraw_report(*, report: Report, by: User) -> Report:
    """Take back what nobody has judged yet."""
    policies.check_can_withdraw_report(by, report)
    moved = Report.objects.filter(pk=report.pk, withdrawn_at=None, verdict="").update(
        withdrawn_at=clock.now(), withdrawn_by=by
    )
    if moved != 1:
        raise ActionDenied(_("Báo cáo này vừa được kiểm tra hoặc đã rút."))
    record_event(
        action=AuditAction.TASK_REPORT_WITHDRAWN, by=by, target=report.assignment, detail={"report": report.pk}
    )
    report.refresh_from_db()
    return report


@transaction.atomic
def judge(*, report: Report, verdict: Verdict, by: User, note: str = "") -> Report:
    """Accept a report, or return it with a reason. A later judgement corrects an earlier one; both stay written down."""
    policies.check_can_judge(by, report)
    if report.verdict == verdict:
        raise ActionDenied(_("Báo cáo này đã được kiểm tra như vậy rồi."))
    if verdict == Verdict.RETURNED and not note.strip():
        raise ActionDenied(_("Hãy ghi lý do trả lại, để đơn vị biết sửa gì."))
    moved = Report.objects.filter(pk=report.pk, verdict=report.verdict, withdrawn_at=None).update(verdict=verdict)
    if moved != 1:
        raise ActionDenied(_("Báo cáo này vừa được người khác kiểm tra hoặc đơn vị đã rút."))
    now = clock.now()
    was_accepted = report.verdict == Verdict.ACCEPTED
    Judgement.objects.create(report=report, verdict=verdict, note=note.strip(), at=now, by=by)
    task = wording(report.assignment.task_id)
    if verdict == Verdict.ACCEPTED:
        evidence.record_checked(report, task, at=now)
    elif was_accepted:
        evidence.record_returned(report, task, at=now, reason=note.strip())
    record_event(
        action=AuditAction.TASK_REPORT_ACCEPTED if verdict == Verdict.ACCEPTED else AuditAction.TASK_REPORT_RETURNED,
        by=by,
        target=report.assignment,
        detail={"report": report.pk},
    )
    report.refresh_from_db()
    return report
