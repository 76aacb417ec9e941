"""Findings: raised, followed up by the unit, verified or returned, withdrawn; and the evidence that they are."""

from datetime import date

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties import documents
from dekhang.apps.duties.enums import EvidenceKind, EvidenceSource, Outcome
from dekhang.apps.duties.filing.services import refuse_secrets
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.services import record_evidence
from dekhang.apps.inspections import messages
from dekhang.apps.inspections.enums import AuditAction, FindingStatus, VisitStatus
from dekhang.apps.inspections.models import Finding, FollowUp, Item, Visit
from dekhang.apps.inspections.policies import (
    OPEN,
    check_can_file,
    check_can_judge,
    check_can_withdraw_finding,
    check_can_work,
)

FINDINGS = 100  # of one visit
JUDGEMENT = 1000  # characters of a verdict: the column's length


def raise_finding(
    *,
    visit: Visit,
    item: Item | None,
    severity: str,
    text: str,
    required: str,
    due_on: date,
    contradicts: bool = False,
    by: User,
) -> Finding:
    """Something that the unit must put right by a day.

    Args:
        contradicts: it contradicts what the unit declares. Then it is evidence: of the observation that the item names,
            which refutes the declaration, and else of a kind of its own, which no state reads.
    Call outside a transaction: see `refuse_secrets`.
    """
    check_can_work(by, visit)
    if due_on <= clock.today():
        raise ActionDenied(_("Hạn khắc phục phải sau hôm nay."))
    if item is not None and item.visit_id != visit.pk:
        raise ActionDenied(_("Mục này thuộc cuộc kiểm tra khác."))
    if visit.findings.count() >= FINDINGS:
        raise ActionDenied(_("Một cuộc kiểm tra có tối đa %(limit)d phát hiện. Gộp những phát hiện cùng loại.") % {"limit": FINDINGS})  # fmt: skip
    refuse_secrets(unit_id=visit.unit_id, by=by, texts={"text": text, "required": required})
    with transaction.atomic():
        if not Visit.objects.select_for_update().filter(pk=visit.pk, status=VisitStatus.UNDER_WAY).exists():
            raise ActionDenied(_("Cuộc kiểm tra vừa được người khác thay đổi. Mở lại trang để xem."))
        finding = Finding.objects.create(
            visit=visit,
            unit_id=visit.unit_id,
            item=item,
            severity=severity,
            text=text.strip(),
            required=required.strip(),
            due_on=due_on,
            contradicts=contradicts,
            raised_at=clock.now(),
            raised_by=by,
        )
        record_event(
            action=AuditAction.FINDING_RAISED,
            by=by,
            target=finding,
            detail={"visit_id": visit.pk, "severity": str(severity), "contradicts": contradicts},
        )
        if contradicts:
            _observe(finding, Outcome.BROKEN, _("Đoàn kiểm tra: %(text)s") % {"text": finding.text})
    return finding


def withdraw_finding(*, finding: Finding, reason: str, by: User) -> Finding:
    """The inspectors erred; what it was evidence of ends with that. Call outside a transaction: see `refuse_secrets`."""
    check_can_withdraw_finding(by, finding)
    if not reason.strip():
        raise ActionDenied(_("Hãy ghi vì sao rút phát hiện."))
    refuse_secrets(unit_id=finding.unit_id, by=by, texts={"reason": reason})
    with transaction.atomic():
        _end(finding, FindingStatus.WITHDRAWN, OPEN)
        record_event(
            action=AuditAction.FINDING_WITHDRAWN, by=by, target=finding, detail={"reason": reason.strip()[:300]}
        )
    return finding


def file_follow_up(*, finding: Finding, text: str, file: UploadedFile | None = None, by: User) -> FollowUp:
    """The unit says what it did. Call outside a transaction: see `refuse_secrets`.

    Raises:
        ActionDenied, SecretMark, DocumentRefused.
    """
    check_can_file(by, finding)
    if file is not None:
        documents.check_document(file)
    refuse_secrets(unit_id=finding.unit_id, by=by, texts={"text": text}, file=file)
    with transaction.atomic():
        if Finding.objects.filter(pk=finding.pk, status=FindingStatus.OPEN).update(status=FindingStatus.FILED) != 1:
            raise ActionDenied(_("Phát hiện này vừa được người khác xử lý. Mở lại trang để xem."))
        filed = FollowUp(finding=finding, text=text.strip(), filed_at=clock.now(), filed_by=by)
        if file is not None:
            filed.file_name, filed.sha256 = (file.name or "")[:255], documents.sha256_of(file)
            filed.file = file  # type: ignore[assignment]
        try:
            with transaction.atomic():
                filed.save()
        except IntegrityError:
            raise ActionDenied(_("Một báo cáo khắc phục đang chờ kiểm tra lại.")) from None
        record_event(action=AuditAction.FOLLOW_UP_FILED, by=by, target=finding, detail={"sha256": filed.sha256})
        finding.refresh_from_db()
        messages.filed(finding)
    return filed


def judge(*, finding: Finding, verified: bool, note: str = "", by: User) -> Finding:
    """Verify what the unit did, which ends the finding, or return it with what is still missing.

    Call outside a transaction: see `refuse_secrets`.
    """
    check_can_judge(by, finding)
    if not verified and not note.strip():
        raise ActionDenied(_("Hãy ghi còn thiếu gì, để đơn vị biết làm tiếp."))
    if len(note.strip()) > JUDGEMENT:
        raise ActionDenied(_("Nhận xét dài quá %(limit)d ký tự. Viết gọn lại.") % {"limit": JUDGEMENT})
    refuse_secrets(unit_id=finding.unit_id, by=by, texts={"note": note})
    with transaction.atomic():
        return _judge(finding, verified, note, by)


def _judge(finding: Finding, verified: bool, note: str, by: User) -> Finding:
    judged = FollowUp.objects.filter(finding=finding, verified=None).update(
        verified=verified, judged_at=clock.now(), judged_by=by, judgement=note.strip()
    )
    if judged != 1:
        raise ActionDenied(_("Báo cáo này vừa được người khác kiểm tra. Mở lại trang để xem."))
    if verified:
        _end(finding, FindingStatus.CLOSED, (FindingStatus.FILED,))
        record_event(action=AuditAction.FOLLOW_UP_VERIFIED, by=by, target=finding)
    else:
        Finding.objects.filter(pk=finding.pk).update(status=FindingStatus.OPEN)
        finding.refresh_from_db()
        record_event(action=AuditAction.FOLLOW_UP_RETURNED, by=by, target=finding)
    messages.judged(finding, note=note.strip())
    return finding


def _end(finding: Finding, to: FindingStatus, before: tuple[FindingStatus, ...]) -> None:
    if Finding.objects.filter(pk=finding.pk, status__in=before).update(status=to, ended_at=clock.now()) != 1:
        raise ActionDenied(_("Phát hiện này vừa được người khác xử lý. Mở lại trang để xem."))
    finding.refresh_from_db()
    _observe(finding, Outcome.OK, "")


def _observe(finding: Finding, outcome: Outcome, reason: str) -> None:
    """Evidence of the finding, where it was first recorded: a merger hands no past on. Nothing to lift, nothing written."""
    item = finding.item
    kind = EvidenceKind(item.refutes) if item is not None and item.refutes else EvidenceKind.INSPECTION_FINDING
    subject = f"finding:{finding.pk}"
    known = Evidence.objects.filter(kind=kind, subject=subject).order_by("-pk").first()
    if known is None and outcome == Outcome.OK:
        return
    record_evidence(
        unit_id=known.unit_id if known is not None else finding.unit_id,
        kind=kind,
        subject=subject,
        outcome=outcome,
        observed_at=clock.now(),
        reason=reason,
        payload={"visit_id": finding.visit_id, "duty": item.duty_key if item is not None else ""},
        source=EvidenceSource.PERSON,
    )
