from datetime import UTC, datetime, timedelta

from dekhang.apps.duties import timelines
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.models import Claim
from dekhang.apps.duties.services import record_evidence

CONFERENCE = datetime(2019, 12, 10, 2, 0, tzinfo=UTC)


def evidence(unit, evidence_kind, subject, *, at=CONFERENCE, ok=True, days=None, reason="", **payload):
    """One row of evidence; `days`: how long it is valid."""
    return record_evidence(
        unit_id=unit.pk,
        kind=evidence_kind,
        subject=subject,
        outcome=Outcome.OK if ok else Outcome.BROKEN,
        observed_at=at,
        valid_until=at + timedelta(days=days) if days else None,
        reason=reason,
        payload=payload,
    )


def claim(unit, duty_key="record_attacks", *, at=CONFERENCE, by=None, withdrawn_at=None, **fields):
    timelines.mark_claim(unit.pk, duty_key)
    return Claim.objects.create(
        unit=unit, duty_key=duty_key, declared_at=at, declared_by=by, withdrawn_at=withdrawn_at, **fields
    )


def proves_recording(unit, *, at=CONFERENCE, source=1, kind="windows"):
    """A source that delivers and a canary that passed, all at `at`: the unit is proven from then on."""
    evidence(unit, EvidenceKind.SOURCE_EXPECTED, f"source:{source}", at=at, kind=kind, name=f"Máy {source}")
    evidence(unit, EvidenceKind.SOURCE_DELIVERING, f"source:{source}", at=at)
    evidence(unit, EvidenceKind.CANARY, f"kind:{kind}", at=at, days=90, source_id=source, canary_id=1)


def proves_procedure(unit, *, at=CONFERENCE, people=(1, 2), kind="malware"):
    """A procedure approved, read, exercised, with posts filled and a live contact at `at`."""
    subject = f"sop:{kind}"
    evidence(unit, EvidenceKind.POST_FILLED, "post:head", at=at, user_ids=[people[0]])
    evidence(unit, EvidenceKind.POST_FILLED, "post:officer", at=at, user_ids=[people[1]])
    evidence(unit, EvidenceKind.CONTACT_ALIVE, "contact:1", at=at, days=90)
    evidence(unit, EvidenceKind.SOP_DOCUMENT, subject, at=at)
    evidence(unit, EvidenceKind.SOP_APPROVED, subject, at=at)
    for person in people:
        evidence(unit, EvidenceKind.SOP_READ, subject, at=at, user_id=person)
    evidence(unit, EvidenceKind.SOP_EXERCISED, subject, at=at, days=365, first_step_seconds=120, incident_id=1)
