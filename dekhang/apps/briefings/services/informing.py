"""Evidence that a unit was informed (quán triệt), drawn from who came and who read. No duty's state looks at it."""

from dekhang.apps.briefings.models import Invitation, Reading
from dekhang.apps.core import clock
from dekhang.apps.duties.enums import EvidenceKind, EvidenceSource, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.services import record_evidence


def observe(invitation: Invitation) -> None:
    """Make the evidence what the lists say now, inside the caller's transaction; idempotent."""
    came = invitation.attendances.filter(struck_at=None).count()
    _record(invitation, f"briefing:{invitation.briefing_id}:attended", came, "Không còn ai của đơn vị trong danh sách có mặt.")  # fmt: skip
    readers = readers_of_all(invitation)
    _record(invitation, f"briefing:{invitation.briefing_id}:read", readers, "Tài liệu được bổ sung; chưa ai đọc đủ.")


def readers_of_all(invitation: Invitation) -> int:
    """People of the unit who have read every material that is given out."""
    materials = set(invitation.briefing.materials.filter(withdrawn_at=None).values_list("pk", flat=True))
    if not materials:
        return 0
    read: dict[int, set[int]] = {}
    rows = Reading.objects.filter(invitation=invitation, read_at__isnull=False, material_id__in=materials)
    for user_id, material_id in rows.values_list("user_id", "material_id"):
        read.setdefault(user_id, set()).add(material_id)
    return sum(found == materials for found in read.values())


def _record(invitation: Invitation, subject: str, people: int, reason: str) -> None:
    known = Evidence.objects.filter(unit_id=invitation.unit_id, kind=EvidenceKind.INFORMED, subject=subject)
    newest = known.order_by("-pk").first()
    outcome = Outcome.OK if people else Outcome.BROKEN
    if (newest is None and not people) or (newest is not None and newest.outcome == outcome):
        return
    record_evidence(
        unit_id=invitation.unit_id,
        kind=EvidenceKind.INFORMED,
        subject=subject,
        outcome=outcome,
        observed_at=clock.now(),
        reason="" if people else reason,
        payload={"briefing_id": invitation.briefing_id, "title": invitation.briefing.title[:200]},
        source=EvidenceSource.PERSON,
    )
