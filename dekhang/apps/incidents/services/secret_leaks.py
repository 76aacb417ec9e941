"""Evidence that state secrets leaked or were lost, as an incident says so. Never what leaked.

Law: R2016 L29-2018/25
"""

from dekhang.apps.core import clock
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.services import record_evidence
from dekhang.apps.incidents.enums import IncidentStatus
from dekhang.apps.incidents.models import Incident

SIGN = "secret_leak_suspected"  # the event of clocks.yml by which an incident is classified so
REASON = "Sự cố được ghi nhận là lộ, mất bí mật nhà nước."
LIFTED = "Ghi nhận lộ, mất bí mật nhà nước đã được rút hoặc sự cố mở nhầm."


def observe(incident: Incident) -> None:
    """Make the evidence what the incident says now, inside the caller's transaction; idempotent.

    Broken from the moment that the sign is recorded; ok again when it was withdrawn, or the incident was opened by
    mistake. An exercise leaves nothing.
    """
    if incident.is_exercise:
        return
    subject = f"incident:{incident.pk}"
    known = Evidence.objects.filter(kind=EvidenceKind.SECRET_INCIDENT, subject=subject).order_by("-pk").first()
    stands = (
        incident.status != IncidentStatus.CANCELLED
        and incident.events.filter(event_key=SIGN, withdrawn_at=None).exists()
    )
    outcome = Outcome.BROKEN if stands else Outcome.OK
    if (known is None and not stands) or (known is not None and known.outcome == outcome):
        return
    record_evidence(
        unit_id=known.unit_id if known is not None else incident.unit_id,  # merged units do not hand their past on
        kind=EvidenceKind.SECRET_INCIDENT,
        subject=subject,
        outcome=outcome,
        observed_at=clock.now(),
        reason=REASON if stands else LIFTED,
        payload={"incident_id": incident.pk},
    )
