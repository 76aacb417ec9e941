"""A row of evidence on its way into the table."""

from datetime import datetime
from typing import Any, NamedTuple

from dekhang.apps.duties.enums import EvidenceKind, EvidenceSource, Outcome
from dekhang.apps.duties.models import Evidence, days_late
from dekhang.apps.duties.services import digest_of

COLUMNS = (
    *("unit_id", "kind", "subject", "outcome", "observed_at", "valid_until", "reason", "payload"),
    *("source", "revision_id", "recorded_at", "digest", "days_late"),
)


class Row(NamedTuple):
    """Values of Evidence, in the order of COLUMNS without the last two."""

    unit_id: int
    kind: str
    subject: str
    outcome: str
    observed_at: datetime
    valid_until: datetime | None
    reason: str
    payload: dict[str, Any]
    source: str
    revision_id: int | None
    recorded_at: datetime


def row(
    unit_id: int,
    kind: EvidenceKind,
    subject: str,
    at: datetime,
    *,
    ok: bool = True,
    until: datetime | None = None,
    reason: str = "",
    payload: dict[str, Any] | None = None,
    source: EvidenceSource = EvidenceSource.SYSTEM,
    revision: int | None = None,
    recorded_at: datetime | None = None,
) -> Row:
    """`recorded_at`: when it was written, at once if not given."""
    outcome = Outcome.OK if ok else Outcome.BROKEN
    return Row(
        *(unit_id, kind.value, subject, outcome.value, at, until, reason, payload or {}),
        *(source.value, revision, recorded_at or at),
    )


def as_kept(one: Row) -> tuple[Any, ...]:
    """The row as the table keeps it."""
    return (*one, digest_of(Evidence(**one._asdict())), days_late(one.observed_at, one.recorded_at))
