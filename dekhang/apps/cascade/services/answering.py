"""What people of a unit do with a task before it is done: receive, read, accept, divide it, ask and explain."""

from collections.abc import Collection
from datetime import date

from django.db import IntegrityError, transaction
from django.db.models import Exists, Model, OuterRef
from django.utils.translation import gettext as _

from dekhang.apps.cascade import policies
from dekhang.apps.cascade.enums import AuditAction, ContestSide, ReceiptKind
from dekhang.apps.cascade.models import Assignment, Question, Receipt, SubDuty, TaskContest
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.selectors import holds

MAX_SUB_DUTIES = 50
RECEIPT_ACTIONS = {
    ReceiptKind.RECEIVED: AuditAction.ASSIGNMENT_RECEIVED,
    ReceiptKind.READ: AuditAction.ASSIGNMENT_READ,
    ReceiptKind.ACCEPTED: AuditAction.ASSIGNMENT_ACCEPTED,
}


@transaction.atomic
def note_received(*, unit_id: int, assignment_ids: Collection[int], by: User) -> int:
    """Somebody of the unit saw in their list that these tasks have come; returns how many were new. Of others nothing
    is noted. A plan brings many at once: a fixed number of queries, and one event that names them.
    """
    if not assignment_ids or not holds(by, unit_id, PostKind.HEAD, PostKind.OFFICER):
        return 0
    known = Receipt.objects.filter(assignment=OuterRef("pk"), kind=ReceiptKind.RECEIVED)
    asked = Assignment.objects.filter(~Exists(known), pk__in=assignment_ids, unit_id=unit_id, ended_at=None)
    new = list(asked.select_for_update().order_by("pk"))
    now = clock.now()
    Receipt.objects.bulk_create(
        [Receipt(assignment=one, kind=ReceiptKind.RECEIVED, at=now, by=by) for one in new],
        ignore_conflicts=True,  # a colleague may have been faster
    )
    if new:
        record_event(
            action=AuditAction.ASSIGNMENT_RECEIVED,
            by=by,
            target=new[0] if len(new) == 1 else None,
            unit_id=unit_id,
            detail={"assignments": [one.pk for one in new]},
        )
    return len(new)


def note_opened(*, assignment: Assignment, by: User) -> bool:
    """Somebody of the unit opened the task: received by the unit, read by them."""
    _receipt(assignment, ReceiptKind.RECEIVED, by)
    return _receipt(assignment, ReceiptKind.READ, by)


def _receipt(assignment: Assignment, kind: ReceiptKind, by: User) -> bool:
    if assignment.ended_at is not None or not holds(by, assignment.unit_id, PostKind.HEAD, PostKind.OFFICER):
        return False
    known = assignment.receipts.filter(kind=kind)
    if kind == ReceiptKind.READ:
        known = known.filter(by=by)
    return not known.exists() and _write_receipt(assignment, kind, by)


def _write_receipt(assignment: Assignment, kind: ReceiptKind, by: User) -> bool:
    with transaction.atomic():
        try:
            with transaction.atomic():
                Receipt.objects.create(assignment=assignment, kind=kind, at=clock.now(), by=by)
        except IntegrityError:  # a colleague, or a second click, was faster
            return False
        action: AuditAction = RECEIPT_ACTIONS[kind]
        _record(action, assignment, by)
    return True


@transaction.atomic
def accept(*, assignment: Assignment, by: User) -> Assignment:
    """The unit takes the task on. Accepting means that it was received and read."""
    policies.check_can_accept(by, assignment)
    note_opened(assignment=assignment, by=by)
    # the row is held, so that it is not withdrawn at the same moment
    held = Assignment.objects.select_for_update().get(pk=assignment.pk)
    policies.check_is_open(held)
    if not _write_receipt(held, ReceiptKind.ACCEPTED, by):
        raise ActionDenied(_("Đồng nghiệp vừa tiếp nhận việc này."))
    return held


@transaction.atomic
def set_sub_duty(*, assignment: Assignment, text: str, person: str, due_on: date | None, by: User) -> SubDuty:
    """Give a part of the work to somebody of the unit; never later than the task itself."""
    policies.check_can_work(by, assignment)
    if assignment.sub_duties.count() >= MAX_SUB_DUTIES:
        raise ActionDenied(_("Việc này đã chia thành %(n)d phần. Gộp bớt trước khi thêm.") % {"n": MAX_SUB_DUTIES})
    due = assignment.dues.last()
    if due_on is not None:
        if due_on < clock.today():
            raise ActionDenied(_("Hạn của phần việc đã qua. Chọn từ hôm nay trở đi."))
        if due is not None and due.day is not None and due_on > due.day:
            raise ActionDenied(
                _("Hạn của phần việc muộn hơn hạn của cả việc (%(day)s). Chọn ngày sớm hơn.")
                % {"day": f"{due.day:%d/%m/%Y}"}
            )
    part = SubDuty.objects.create(
        assignment=assignment, text=text, person=person, due_on=due_on, set_at=clock.now(), set_by=by
    )
    _record(AuditAction.SUB_DUTY_SET, assignment, by, part)
    return part


@transaction.atomic
def toggle_sub_duty(*, part: SubDuty, by: User) -> SubDuty:
    """Done, or not done after all."""
    policies.check_can_work(by, part.assignment)
    done = part.done_at is None
    SubDuty.objects.filter(pk=part.pk).update(done_at=clock.now() if done else None, done_by=by if done else None)
    _record(AuditAction.SUB_DUTY_DONE, part.assignment, by, part, done=done)
    part.refresh_from_db()
    return part


@transaction.atomic
def ask(*, assignment: Assignment, text: str, by: User) -> Question:
    """A question to those who gave the task; seen by the asker's chain only."""
    policies.check_can_ask(by, assignment)
    question = Question.objects.create(assignment=assignment, text=text, asked_at=clock.now(), asked_by=by)
    _record(AuditAction.QUESTION_ASKED, assignment, by, question)
    return question


@transaction.atomic
def answer_question(*, question: Question, answer: str, by: User) -> Question:
    policies.check_can_answer_question(by, question)
    moved = Question.objects.filter(pk=question.pk, answered_at=None).update(
        answer=answer, answered_at=clock.now(), answered_by=by
    )
    if moved != 1:
        raise ActionDenied(_("Câu hỏi này vừa được người khác trả lời."))
    _record(AuditAction.QUESTION_ANSWERED, question.assignment, by, question)
    question.refresh_from_db()
    return question


@transaction.atomic
def contest(*, assignment: Assignment, text: str, by: User) -> TaskContest:
    """The unit disagrees with how its row stands."""
    policies.check_can_contest(by, assignment)
    return _open_contest(assignment, ContestSide.UNIT, text, by)


@transaction.atomic
def demand_explanation(*, assignment: Assignment, text: str, by: User) -> TaskContest:
    """Those above, or an inspector, ask the unit to explain; until it does the row is contested."""
    policies.check_can_demand(by, assignment)
    return _open_contest(assignment, ContestSide.ABOVE, text, by)


def _open_contest(assignment: Assignment, side: ContestSide, text: str, by: User) -> TaskContest:
    try:
        with transaction.atomic():
            opened = TaskContest.objects.create(
                assignment=assignment, side=side, text=text, opened_at=clock.now(), opened_by=by
            )
    except IntegrityError:
        raise ActionDenied(_("Đang có một giải trình chờ trả lời về việc này.")) from None
    _record(AuditAction.TASK_CONTESTED, assignment, by, opened)
    return opened


@transaction.atomic
def answer_contest(*, contest: TaskContest, answer: str, by: User) -> TaskContest:
    policies.check_can_answer_contest(by, contest)
    moved = TaskContest.objects.filter(pk=contest.pk, answered_at=None).update(
        answer=answer, answered_at=clock.now(), answered_by=by
    )
    if moved != 1:
        raise ActionDenied(_("Giải trình này vừa được người khác trả lời."))
    _record(AuditAction.TASK_CONTEST_ANSWERED, contest.assignment, by, contest)
    contest.refresh_from_db()
    return contest


def _record(
    action: AuditAction, assignment: Assignment, by: User, about: Model | None = None, **detail: object
) -> None:
    if about is not None:
        detail["row"] = about.pk
    record_event(action=action, by=by, target=assignment, detail=detail)
