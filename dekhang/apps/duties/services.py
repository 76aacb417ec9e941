"""Writes of duties: what units declare and contest, and what the system saw."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties import documents, policies, timelines
from dekhang.apps.duties.enums import AuditAction, EvidenceKind, EvidenceSource, Outcome
from dekhang.apps.duties.models import Claim, Evidence, Revision
from dekhang.apps.registry.models import Contact
from dekhang.law import load

MAX_REASON = 300  # the column's length; longer reasons are cut, not refused


def record_evidence(
    *,
    unit_id: int,
    kind: EvidenceKind,
    subject: str,
    outcome: Outcome,
    observed_at: datetime,
    valid_until: datetime | None = None,
    reason: str = "",
    payload: dict[str, Any] | None = None,
    source: EvidenceSource = EvidenceSource.SYSTEM,
    revision: Revision | None = None,
) -> Evidence:
    """Append one observation of the system, in the caller's transaction.

    Args:
        subject: what was observed: `source:12`, `kind:windows`, `sop:malware`, `contact:3`, `post:head`.
        observed_at: when it was true, aware; states on a date use this, not the moment of writing.
        valid_until: when it stops speaking for the unit by itself; None: until a later row of the same subject.
        reason: a Vietnamese sentence, for `broken`.
        payload: small JSON facts, see docs/reference/shares.md.
        source: who says so; `revision` is the reviewed text behind it.
    """
    evidence = Evidence(
        unit_id=unit_id,
        kind=kind,
        subject=subject,
        outcome=outcome,
        observed_at=observed_at,
        valid_until=valid_until,
        reason=reason[:MAX_REASON],
        payload=payload or {},
        source=source,
        revision=revision,
        recorded_at=clock.now(),
    )
    evidence.digest = digest_of(evidence)
    evidence.save()
    timelines.mark_evidence(unit_id, kind)
    return evidence


def digest_of(evidence: Evidence) -> str:
    """SHA-256 over every other field, so that a changed row shows."""
    body = [
        evidence.unit_id,
        str(evidence.kind),
        evidence.subject,
        str(evidence.outcome),
        _iso(evidence.observed_at),
        _iso(evidence.valid_until),
        evidence.reason,
        evidence.payload,
        str(evidence.source),
        evidence.revision_id,
        _iso(evidence.recorded_at),
    ]
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


@transaction.atomic
def declare(*, unit_id: int, duty_key: str, statement: str, document: UploadedFile | None = None, by: User) -> Claim:
    """Declare that the unit carries out a duty.

    Raises:
        ActionDenied: `by` does not work for the unit, or a declaration already stands.
        UnknownKey: no such duty.
        DocumentRefused: the file is too large or not what its name says.
    """
    load().duty(duty_key)
    policies.check_can_declare(by, unit_id)
    claim = Claim(unit_id=unit_id, duty_key=duty_key, statement=statement.strip())
    claim.declared_at, claim.declared_by = clock.now(), by
    if document is not None:
        documents.check_document(document)
        claim.document_sha256 = documents.sha256_of(document)
        claim.document = document  # type: ignore[assignment]
    return _save_claim(claim, by)


def _save_claim(claim: Claim, by: User) -> Claim:
    try:
        with transaction.atomic():
            claim.save()
    except IntegrityError:  # the constraint one_standing_claim: somebody was faster, or pressed twice
        raise ActionDenied(_("Đơn vị đã khai báo nghĩa vụ này. Muốn sửa, hãy rút khai báo cũ trước.")) from None
    timelines.mark_claim(claim.unit_id, claim.duty_key)
    record_event(action=AuditAction.CLAIM_DECLARED, target=claim, by=by, detail={"duty": claim.duty_key})
    return claim


@transaction.atomic
def withdraw(*, claim: Claim, by: User) -> Claim:
    """Withdraw a standing declaration; `declare_again` is its undo."""
    policies.check_can_withdraw(by, claim)
    moved = Claim.objects.filter(pk=claim.pk, withdrawn_at=None).update(withdrawn_at=clock.now(), withdrawn_by=by)
    if moved != 1:
        raise ActionDenied(_("Khai báo này vừa được người khác rút."))
    timelines.mark_claim(claim.unit_id, claim.duty_key)
    record_event(action=AuditAction.CLAIM_WITHDRAWN, target=claim, by=by, detail={"duty": claim.duty_key})
    claim.refresh_from_db()
    return claim


@transaction.atomic
def declare_again(*, claim: Claim, by: User) -> Claim:
    """Undo a withdrawal: a new declaration with the same words and document. The old one stays as it was."""
    policies.check_can_declare_again(by, claim)
    again = Claim(
        unit_id=claim.unit_id,
        duty_key=claim.duty_key,
        statement=claim.statement,
        document=claim.document.name,
        document_sha256=claim.document_sha256,
        declared_at=clock.now(),
        declared_by=by,
    )
    return _save_claim(again, by)


@transaction.atomic
def observe_contact(*, contact: Contact, source: EvidenceSource = EvidenceSource.SYSTEM) -> Evidence | None:
    """Evidence that somebody answered at a contact; None when this answer is already recorded."""
    if contact.last_answered_at is None:
        return None
    return observe_answer(
        unit_id=contact.unit_id,
        subject=f"contact:{contact.pk}",
        answered_at=contact.last_answered_at,
        source=source,
    )


@transaction.atomic
def observe_answer(
    *, unit_id: int, subject: str, answered_at: datetime, source: EvidenceSource = EvidenceSource.SYSTEM
) -> Evidence | None:
    """Evidence that `subject` (`contact:3`, `user:5`) answered for the unit; None when it is already recorded.

    Args:
        source: PERSON when somebody rang and was answered.
    """
    known = Evidence.objects.filter(unit_id=unit_id, kind=EvidenceKind.CONTACT_ALIVE, subject=subject)
    if known.filter(observed_at__gte=answered_at).exists():
        return None
    return record_evidence(
        unit_id=unit_id,
        kind=EvidenceKind.CONTACT_ALIVE,
        subject=subject,
        outcome=Outcome.OK,
        observed_at=answered_at,
        valid_until=answered_at + timedelta(days=load().proof("contact_valid_days").whole),
        source=source,
    )
