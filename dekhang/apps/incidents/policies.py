"""May this person do this, now? Each check raises `ActionDenied` with the sentence that also stands at the button."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang import law
from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.incidents import procedures
from dekhang.apps.incidents.enums import MOVES, IncidentKind, IncidentStatus, ReportKind, StepStatus
from dekhang.apps.incidents.models import Incident, ReportDocument, Sop, StepRun
from dekhang.apps.registry.policies import check_is_head, check_works_for_unit

RENEWABLE = timedelta(days=30)  # before an approval ends, the head may give it again
IN_WORK = frozenset({IncidentStatus.OPEN, IncidentStatus.HANDLED})


def check_can_open(user: User, unit_id: int) -> None:
    check_works_for_unit(user, unit_id)


def _check_move(incident: Incident, to: IncidentStatus) -> None:
    if to not in MOVES[IncidentStatus(incident.status)]:
        raise ActionDenied(
            _("Sự cố này %(status)s, nên không chuyển sang “%(to)s” được.")
            % {"status": incident.get_status_display().lower(), "to": to.label}
        )


def check_can_run(user: User, incident: Incident) -> None:
    """Do, skip, undo steps: the unit's own people, until the incident is closed (the last steps are reports)."""
    check_works_for_unit(user, incident.unit_id)
    _check_in_work(incident)


def _check_in_work(incident: Incident) -> None:
    if incident.status not in IN_WORK:
        raise ActionDenied(
            _("Sự cố này %(status)s; muốn làm tiếp các bước, hãy mở lại trước.")
            % {"status": incident.get_status_display().lower()}
        )


def check_can_finish_step(user: User, step: StepRun) -> None:
    """The unit's people; the coordinator as well, where the procedure gives the step to the coordinator."""
    if user.role == Role.COORDINATOR and _meaning(step).role == "coordinator":
        _check_in_work(step.incident)
    else:
        check_can_run(user, step.incident)
    if step.status != StepStatus.CURRENT:
        raise ActionDenied(_("Bước này vừa được người khác ghi nhận. Hãy tải lại trang để xem bước hiện tại."))


def _meaning(step: StepRun) -> law.Step:
    return procedures.of_incident(step.incident).step(step.step_id)


def check_can_judge_capacity(user: User, incident: Incident) -> None:
    check_works_for_unit(user, incident.unit_id)
    if incident.status != IncidentStatus.OPEN:
        raise ActionDenied(_("Khả năng xử lý chỉ nhận định khi đang ứng cứu. Muốn nhận định lại, hãy mở lại sự cố."))


def check_can_record_event(user: User, incident: Incident) -> None:
    """Record that a duty to tell somebody began or was done."""
    check_works_for_unit(user, incident.unit_id)
    if incident.status not in IN_WORK:
        raise ActionDenied(_("Sự cố đã đóng hoặc đã hủy, không ghi thêm được nữa."))


def check_can_add_note(user: User, incident: Incident) -> None:
    """The unit's people, and the coordinator who guides them."""
    if user.role != Role.COORDINATOR:
        check_works_for_unit(user, incident.unit_id)
    if incident.status not in IN_WORK:
        raise ActionDenied(_("Sự cố đã đóng hoặc đã hủy, không ghi thêm được nữa."))


def check_can_attach(user: User, incident: Incident) -> None:
    check_works_for_unit(user, incident.unit_id)
    if incident.kind == IncidentKind.DATA_LEAK:
        raise ActionDenied(
            _(
                "Sự cố lộ lọt dữ liệu không nhận tệp đính kèm, để không đưa nội dung bị lộ lên mạng lần nữa. "
                "Hãy giữ bằng chứng ngoại tuyến và ghi vào ghi chú: giữ ở đâu, ai giữ."
            )
        )
    if incident.status not in IN_WORK:
        raise ActionDenied(_("Sự cố đã đóng hoặc đã hủy, không đính kèm thêm được nữa."))


def check_can_mark_handled(user: User, incident: Incident) -> None:
    check_works_for_unit(user, incident.unit_id)
    _check_move(incident, IncidentStatus.HANDLED)
    step = incident.steps.filter(status=StepStatus.CURRENT).first()
    if step is not None and _meaning(step).clock_event != "response_ended":
        raise ActionDenied(
            _("Quy trình còn bước “%(step)s” và các bước sau nó. Hãy làm (hoặc bỏ qua kèm lý do) trước khi kết thúc.")
            % {"step": _meaning(step).name}
        )


def check_can_close(user: User, incident: Incident) -> None:
    """Law: R2016 QD05-2017/11: the coordinator closes, and only on receipt of the end report."""
    if incident.is_exercise:
        check_works_for_unit(user, incident.unit_id)
        _check_move(incident, IncidentStatus.CLOSED)
        return
    if user.role != Role.COORDINATOR:
        raise ActionDenied(_("Cơ quan điều phối đóng sự cố sau khi nhận được báo cáo kết thúc."))
    _check_move(incident, IncidentStatus.CLOSED)
    # an end report from before a reopening does not close what was done after it
    if not incident.reports.filter(
        kind=ReportKind.END, sent_at__isnull=False, made_at__gte=incident.handled_at
    ).exists():
        raise ActionDenied(_("Chưa ghi nhận đã gửi báo cáo kết thúc, nên chưa đóng sự cố được."))


def check_can_cancel(user: User, incident: Incident) -> None:
    check_works_for_unit(user, incident.unit_id)
    _check_move(incident, IncidentStatus.CANCELLED)


def check_can_reopen(user: User, incident: Incident) -> None:
    check_works_for_unit(user, incident.unit_id)
    _check_move(incident, IncidentStatus.OPEN)


def check_can_make_report(user: User, incident: Incident, kind: str) -> None:
    check_works_for_unit(user, incident.unit_id)
    if incident.status not in IN_WORK:
        raise ActionDenied(_("Sự cố đã đóng hoặc đã hủy, không lập thêm văn bản được."))
    if kind == ReportKind.END and incident.status != IncidentStatus.HANDLED:
        raise ActionDenied(_("Báo cáo kết thúc lập sau khi ứng cứu xong. Hãy bấm “Kết thúc ứng cứu” trước."))


def check_can_mark_sent(user: User, report: ReportDocument) -> None:
    check_works_for_unit(user, report.incident.unit_id)
    if report.sent_at is not None:
        raise ActionDenied(_("Văn bản này đã được ghi nhận là đã gửi."))
    if report.incident.status not in IN_WORK:
        raise ActionDenied(_("Sự cố đã đóng hoặc đã hủy, không ghi nhận thêm được."))


def check_can_adopt_sop(user: User, unit_id: int) -> None:
    check_works_for_unit(user, unit_id)


def check_can_change_document(user: User, sop: Sop) -> None:
    check_works_for_unit(user, sop.unit_id)
    if sop.replaced_at is not None:
        raise ActionDenied(_("Quy trình này đã được thay bằng bản mới."))
    if sop.approved_at is not None:
        raise ActionDenied(
            _("Quy trình đã được phê duyệt. Muốn đổi văn bản, hãy áp dụng lại để thủ trưởng phê duyệt bản mới.")
        )


def check_can_approve_sop(user: User, sop: Sop) -> None:
    check_is_head(user, sop.unit_id)
    if sop.replaced_at is not None:
        raise ActionDenied(_("Quy trình này đã được thay bằng bản mới; hãy phê duyệt bản đang dùng."))
    if sop.approved_at is not None and clock.now() < approval_ends(sop) - RENEWABLE:
        raise ActionDenied(
            _("Quy trình này đã được phê duyệt, có giá trị đến %(day)s.")
            % {"day": timezone.localtime(approval_ends(sop)).strftime("%d/%m/%Y")}
        )


def approval_ends(sop: Sop) -> datetime:
    assert sop.approved_at is not None
    return sop.approved_at + timedelta(days=law.load().proof("procedure_valid_days").whole)


def check_can_confirm_read(user: User, sop: Sop) -> None:
    check_works_for_unit(user, sop.unit_id)
    if sop.replaced_at is not None:
        raise ActionDenied(_("Quy trình này đã được thay bằng bản mới; hãy đọc bản đang dùng."))
    if sop.approved_at is None:
        raise ActionDenied(_("Thủ trưởng chưa phê duyệt quy trình này; hãy xác nhận đã đọc sau khi phê duyệt."))
    if sop.readings.filter(user=user).exists():
        raise ActionDenied(_("Bạn đã xác nhận đọc quy trình này."))
