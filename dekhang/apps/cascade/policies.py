"""Who may do what with plans and assignments. The sender's side (“above”) judges; it is never the unit itself."""

from django.utils.translation import gettext as _

from dekhang.apps.cascade.enums import PlanState, ReceiptKind
from dekhang.apps.cascade.models import Assignment, Extension, PlanVersion, Question, Report, TaskContest
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.policies import check_works_for_unit
from dekhang.apps.registry.selectors import holds


def check_can_plan(user: User) -> None:
    if user.role != Role.COORDINATOR:
        raise ActionDenied(_("Chỉ cơ quan điều phối lập, ban hành và giao kế hoạch."))


def check_can_edit(user: User, version: PlanVersion) -> None:
    check_can_plan(user)
    if version.state != PlanState.DRAFT:
        raise ActionDenied(
            _("Kế hoạch đã ban hành thì không sửa được. Muốn thay đổi, lập bản mới và ghi bản mới đổi điều gì.")
        )


def check_can_revise(user: User, version: PlanVersion) -> None:
    check_can_plan(user)
    if version.state != PlanState.ISSUED:
        raise ActionDenied(_("Chỉ lập bản mới từ bản đang thực hiện."))
    if version.plan.versions.filter(state=PlanState.DRAFT).exists():
        raise ActionDenied(_("Kế hoạch này đã có một bản nháp. Sửa tiếp hoặc bỏ bản nháp ấy trước."))


def is_above(user: User, assignment: Assignment) -> bool:
    """Whether `user` is of those who gave the task: the coordinator, or people of the unit that sent it further down."""
    if user.role == Role.COORDINATOR:
        return True
    parent = assignment.parent
    return parent is not None and holds(user, parent.unit_id, PostKind.HEAD, PostKind.OFFICER)


def check_is_above(user: User, assignment: Assignment) -> None:
    if not is_above(user, assignment):
        raise ActionDenied(_("Chỉ nơi giao việc này làm được: cơ quan điều phối, hoặc đơn vị cấp trên đã giao tiếp."))


def check_is_open(assignment: Assignment) -> None:
    if assignment.ended_at is not None:
        raise ActionDenied(_("Việc này đã kết thúc: %(why)s.") % {"why": assignment.get_end_cause_display()})


def is_accepted(assignment: Assignment) -> bool:
    return assignment.receipts.filter(kind=ReceiptKind.ACCEPTED).exists()


def check_can_accept(user: User, assignment: Assignment) -> None:
    check_works_for_unit(user, assignment.unit_id)
    check_is_open(assignment)
    if is_accepted(assignment):
        raise ActionDenied(_("Việc này đã được tiếp nhận."))


def check_can_work(user: User, assignment: Assignment) -> None:
    """Head or officer of the unit, once the unit has accepted the task."""
    check_works_for_unit(user, assignment.unit_id)
    check_is_open(assignment)
    if not is_accepted(assignment):
        raise ActionDenied(_("Hãy bấm “Tiếp nhận” trước, để nơi giao biết đơn vị đã nhận việc."))


def check_can_withdraw_assignment(user: User, assignment: Assignment) -> None:
    check_is_above(user, assignment)
    check_is_open(assignment)
    if is_accepted(assignment):
        raise ActionDenied(_("Đơn vị đã tiếp nhận nên không thu hồi được nữa. Muốn bỏ việc, lập bản mới của kế hoạch."))


def check_can_withdraw_report(user: User, report: Report) -> None:
    check_works_for_unit(user, report.assignment.unit_id)
    if not report.waits:
        raise ActionDenied(_("Chỉ rút được báo cáo chưa ai kiểm tra."))


def check_can_judge(user: User, report: Report) -> None:
    """The sender's side, but never who works for the unit or wrote the report: who operates may not appraise."""
    check_is_above(user, report.assignment)
    check_is_open(report.assignment)
    if user.pk == report.reported_by_id or holds(user, report.assignment.unit_id):
        raise ActionDenied(_("Bạn làm việc cho đơn vị báo cáo, nên người khác phải kiểm tra."))
    if report.withdrawn_at is not None:
        raise ActionDenied(_("Đơn vị đã rút báo cáo này."))


def check_can_contest(user: User, assignment: Assignment) -> None:
    check_works_for_unit(user, assignment.unit_id)
    check_is_open(assignment)


def check_can_demand(user: User, assignment: Assignment) -> None:
    """Those above and inspectors may ask a unit to explain."""
    if user.role != Role.INSPECTOR:
        check_is_above(user, assignment)
    check_is_open(assignment)
    if holds(user, assignment.unit_id):
        raise ActionDenied(_("Bạn làm việc cho đơn vị này, nên người khác phải yêu cầu giải trình."))


def check_can_answer_contest(user: User, contest: TaskContest) -> None:
    """The other side answers."""
    if contest.side == "unit":
        check_is_above(user, contest.assignment)
        if holds(user, contest.assignment.unit_id):
            raise ActionDenied(_("Bạn làm việc cho đơn vị giải trình, nên người khác phải trả lời."))
    else:
        check_works_for_unit(user, contest.assignment.unit_id)
    if contest.answered_at is not None:
        raise ActionDenied(_("Giải trình này đã được trả lời."))


def check_can_ask(user: User, assignment: Assignment) -> None:
    check_works_for_unit(user, assignment.unit_id)
    check_is_open(assignment)


def check_can_answer_question(user: User, question: Question) -> None:
    check_is_above(user, question.assignment)
    if question.answered_at is not None:
        raise ActionDenied(_("Câu hỏi này đã được trả lời."))


def check_can_decide_extension(user: User, extension: Extension) -> None:
    check_is_above(user, extension.assignment)
    check_is_open(extension.assignment)
    if user.pk == extension.asked_by_id or holds(user, extension.assignment.unit_id):
        raise ActionDenied(_("Bạn làm việc cho đơn vị xin gia hạn, nên người khác phải quyết định."))
    if extension.decided_at is not None or extension.withdrawn_at is not None:
        raise ActionDenied(_("Yêu cầu gia hạn này không còn chờ trả lời."))
