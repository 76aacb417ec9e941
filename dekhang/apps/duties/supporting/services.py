"""Writes of requests to ISPs. What proves is written as evidence of the provider, a unit of kind `isp`."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.core.services import enqueue_message
from dekhang.apps.duties.enums import AuditAction, EvidenceKind, EvidenceSource, Outcome
from dekhang.apps.duties.models import SupportRequest
from dekhang.apps.duties.services import record_evidence
from dekhang.apps.duties.supporting.policies import check_can_ask_providers, check_can_record_answer, check_can_verify
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.models import Provider
from dekhang.apps.registry.selectors import versions_in_force
from dekhang.law import load


@transaction.atomic
def ask(*, provider_id: int, text: str, unit_id: int | None, is_exercise: bool, by: User) -> SupportRequest:
    """Ask a provider for help, by e-mail to its duty desk where there is an address; its time to answer begins now.

    Args:
        provider_id: the provider's unit; unit_id: for whom help is asked, None for the province itself.
    """
    check_can_ask_providers(by)
    if not versions_in_force().filter(unit_id=provider_id, kind=UnitKind.ISP).exists():
        raise ActionDenied(_("Doanh nghiệp này không còn trong danh sách. Mở lại trang và chọn doanh nghiệp khác."))
    now = clock.now()
    request = SupportRequest.objects.create(
        provider_id=provider_id,
        unit_id=unit_id,
        text=text.strip(),
        is_exercise=is_exercise,
        asked_at=now,
        asked_by=by,
        due_at=now + timedelta(hours=load().proof("isp_answer_hours").whole),
    )
    record_event(
        action=AuditAction.SUPPORT_ASKED, by=by, target=request, unit_id=provider_id, detail={"exercise": is_exercise}
    )
    desk = Provider.objects.filter(unit_id=provider_id).exclude(duty_email="").first()
    if desk is not None:
        enqueue_message(
            recipient=desk.duty_email,
            subject=_("Yêu cầu hỗ trợ an toàn thông tin số %(number)d") % {"number": request.pk},
            body=request.text
            + "\n\n"
            + _("Mong doanh nghiệp trả lời trước %(due)s.") % {"due": _local(request.due_at)},
            dedupe_key=f"support:{request.pk}",
        )
    return request


def _local(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%H:%M %d/%m/%Y}"


@transaction.atomic
def record_answer(*, request: SupportRequest, answer: str, answered_at: datetime, by: User) -> SupportRequest:
    """The provider answered at `answered_at`; in time or late is what the clock says, not who records it."""
    check_can_record_answer(by, request)
    if not request.asked_at <= answered_at <= clock.now():
        raise ActionDenied(_("Lúc trả lời phải nằm giữa lúc gửi yêu cầu và bây giờ. Xem lại ngày giờ."))
    moved = SupportRequest.objects.filter(pk=request.pk, answered_at=None).update(
        answered_at=answered_at, answer=answer.strip(), answer_recorded_by=by
    )
    if moved != 1:
        raise ActionDenied(_("Câu trả lời của yêu cầu này vừa được người khác ghi."))
    if answered_at <= request.due_at:
        _evidence(request, EvidenceKind.SUPPORT_ANSWERED, Outcome.OK, answered_at, by=by)
    elif request.late_at is None:
        _late(request, by=by)
    record_event(action=AuditAction.SUPPORT_ANSWERED, by=by, target=request, unit_id=request.provider_id)
    return SupportRequest.objects.get(pk=request.pk)


@transaction.atomic
def verify(*, request: SupportRequest, works: bool, note: str, by: User) -> SupportRequest:
    """Those for whom it was done say whether the help helped; a no needs its reason."""
    check_can_verify(by, request)
    if not works and not note.strip():
        raise ActionDenied(_("Hãy ghi vì sao kết quả không đạt, để doanh nghiệp biết phải làm gì."))
    now = clock.now()
    moved = SupportRequest.objects.filter(pk=request.pk, verified_at=None).update(
        verified_at=now, verified_by=by, works=works, verdict=note.strip()
    )
    if moved != 1:
        raise ActionDenied(_("Kết quả này vừa được người khác xác nhận."))
    outcome = Outcome.OK if works else Outcome.BROKEN
    _evidence(request, EvidenceKind.SUPPORT_VERIFIED, outcome, now, by=by, reason="" if works else note.strip())
    record_event(
        action=AuditAction.SUPPORT_VERIFIED, by=by, target=request, unit_id=request.provider_id, detail={"works": works}
    )
    return SupportRequest.objects.get(pk=request.pk)


@transaction.atomic
def observe_late() -> int:
    """SUPPORT_ANSWERED (not ok) for every request whose time ran out without an answer; returns how many."""
    late = SupportRequest.objects.select_for_update().filter(answered_at=None, late_at=None, due_at__lte=clock.now())
    found = list(late.order_by("due_at")[:100])
    for request in found:
        _late(request, by=None)
    return len(found)


def _late(request: SupportRequest, *, by: User | None) -> None:
    SupportRequest.objects.filter(pk=request.pk).update(late_at=clock.now())
    _evidence(
        request,
        EvidenceKind.SUPPORT_ANSWERED,
        Outcome.BROKEN,
        request.due_at,
        by=by,
        reason=_("Yêu cầu số %(number)d không được trả lời trong hạn.") % {"number": request.pk},
    )


def _evidence(
    request: SupportRequest, kind: EvidenceKind, outcome: Outcome, at: datetime, *, by: User | None, reason: str = ""
) -> None:
    record_evidence(
        unit_id=request.provider_id,
        kind=kind,
        subject=f"request:{request.pk}",
        outcome=outcome,
        observed_at=at,
        reason=reason,
        payload={"exercise": request.is_exercise, **({"recorded_by": by.pk} if by else {})},
        source=EvidenceSource.PERSON if by else EvidenceSource.SYSTEM,
    )
