"""Where a report stands: confirmed by the head, sent, received or returned. What it says never changes."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.filing.services import refuse_secrets
from dekhang.apps.reports import messages
from dekhang.apps.reports.enums import AuditAction, ReportState
from dekhang.apps.reports.gathering import coordinator_id
from dekhang.apps.reports.models import Report
from dekhang.apps.reports.policies import check_can_confirm, check_can_decide, check_can_submit
from dekhang.apps.reports.services.signing import sign


def confirm(*, report: Report, by: User) -> Report:
    """The head (for the province: the coordinator) stands by what the report says; then it is signed digitally."""
    check_can_confirm(by, report)
    _move(report, ReportState.CONFIRMED, by, AuditAction.REPORT_CONFIRMED, confirmed_at=clock.now(), confirmed_by=by)
    sign(report=report)
    return report


def submit(*, report: Report, by: User) -> Report:
    check_can_submit(by, report)
    return _move(
        report, ReportState.SUBMITTED, by, AuditAction.REPORT_SUBMITTED, submitted_at=clock.now(), submitted_by=by
    )


def receive(*, report: Report, by: User) -> Report:
    check_can_decide(by, report)
    return _move(report, ReportState.RECEIVED, by, AuditAction.REPORT_RECEIVED, decided_at=clock.now(), decided_by=by)


def return_it(*, report: Report, reason: str, by: User) -> Report:
    """Send it back with a reason; the unit makes another one for the period.

    Raises:
        ActionDenied: may not, no reason, a mark of secrecy in it.
    """
    check_can_decide(by, report)
    reason = reason.strip()
    if not reason:
        raise ActionDenied(_("Hãy ghi vì sao trả lại, để đơn vị biết phải sửa gì."))
    refuse_secrets(unit_id=report.unit_id or coordinator_id(report.day) or 0, by=by, texts={"reason": reason})
    with transaction.atomic():
        _move(
            report,
            ReportState.RETURNED,
            by,
            AuditAction.REPORT_RETURNED,
            decided_at=clock.now(),
            decided_by=by,
            return_reason=reason[:500],
        )
        messages.returned(report)
    return report


@transaction.atomic
def record_download(*, report: Report, form: str, by: User) -> None:
    """A report left the system: who took which form, when."""
    record_event(action=AuditAction.REPORT_FETCHED, by=by, target=report, detail={"form": form})


@transaction.atomic
def record_comparison(*, report: Report, faults: int, by: User) -> None:
    record_event(action=AuditAction.REPORT_COMPARED, by=by, target=report, detail={"faults": faults})


@transaction.atomic
def _move(report: Report, to: ReportState, by: User, action: AuditAction, **fields: Any) -> Report:
    moved = Report.objects.filter(pk=report.pk, state=report.state).update(state=to, **fields)
    if moved != 1:
        raise ActionDenied(_("Người khác vừa xử lý báo cáo này. Tải lại trang để xem."))
    report.refresh_from_db()
    record_event(
        action=action, by=by, target=report, detail={"inputs_sha256": report.inputs_sha256, "kind": report.kind}
    )
    return report
