"""Questions of invited units and their answers."""

from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.briefings import messages
from dekhang.apps.briefings.enums import AuditAction
from dekhang.apps.briefings.models import Invitation, Question
from dekhang.apps.briefings.policies import check_can_answer, check_is_invited
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.filing.services import refuse_secrets

QUESTIONS_OF_A_UNIT = 50


def ask(*, invitation: Invitation, text: str, by: User) -> Question:
    """Call outside a transaction: see `refuse_secrets`."""
    check_is_invited(by, invitation)
    refuse_secrets(unit_id=invitation.unit_id, by=by, texts={"text": text})
    if invitation.briefing.questions.filter(unit_id=invitation.unit_id).count() >= QUESTIONS_OF_A_UNIT:
        raise ActionDenied(_("Đơn vị đã gửi nhiều câu hỏi; hãy đợi trả lời rồi hỏi tiếp."))
    with transaction.atomic():
        question = Question.objects.create(
            briefing=invitation.briefing,
            unit_id=invitation.unit_id,
            text=text.strip(),
            asked_at=clock.now(),
            asked_by=by,
        )
        record_event(
            action=AuditAction.QUESTION_ASKED, by=by, target=question, detail={"briefing_id": invitation.briefing_id}
        )
    return question


def answer(*, question: Question, text: str, shared: bool, by: User) -> Question:
    """Answer, or better an answer. `shared`: all invited units read question and answer, without who asked.

    Call outside a transaction: see `refuse_secrets`.
    """
    check_can_answer(by, question)
    refuse_secrets(unit_id=question.briefing.unit_id, by=by, texts={"answer": text})
    if not text.strip():
        raise ActionDenied(_("Hãy viết câu trả lời."))
    with transaction.atomic():
        first = question.answered_at is None
        Question.objects.filter(pk=question.pk).update(
            answer=text.strip(), answered_at=clock.now(), answered_by=by, shared=shared
        )
        question.refresh_from_db()
        record_event(
            action=AuditAction.QUESTION_ANSWERED, by=by, target=question, detail={"shared": shared, "first": first}
        )
        if first:
            messages.answered(question)
    return question
