"""Reads of contests: the rows that they are about, and what stands beside a number."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet

from dekhang.apps.core.models import User
from dekhang.apps.duties.enums import ContestState, Correction, EvidenceKind
from dekhang.apps.duties.models import Contest, Evidence
from dekhang.apps.duties.states import states_of
from dekhang.apps.registry.selectors import visible_unit_ids

BESIDE_DAYS = 90  # how long a decision is shown beside the numbers that followed it
ROWS_BEHIND = 200
# Observations that a person may withdraw. Others have their own way back: a document is returned by its reviewer, posts,
# systems and contacts are seen anew from the registry.
RETRACTABLE = frozenset(
    {
        EvidenceKind.SOURCE_DELIVERING,
        EvidenceKind.SOURCE_LOSS,
        EvidenceKind.CANARY,
        EvidenceKind.SOP_EXERCISED,
        EvidenceKind.CLOCK,
        EvidenceKind.OUTSIDE_REGISTER,
        EvidenceKind.RECURRING_TASK,
        EvidenceKind.AWARENESS,
        EvidenceKind.SECRET_INCIDENT,
        EvidenceKind.SUPPORT_ANSWERED,
        EvidenceKind.SUPPORT_VERIFIED,
    }
)


@dataclass(frozen=True, slots=True)
class ContestMark:
    """A contest as it stood at a moment, for those who look at the number beside it."""

    pk: int
    unit_id: int
    duty_key: str
    day: date
    state: ContestState
    correction: str
    opened_at: datetime
    answered_at: datetime | None
    answer: str

    @property
    def words(self) -> str:
        """What became of it, in a few words: for cells of tables and exports."""
        if self.state == ContestState.CORRECTED:
            return str(Correction(self.correction).label)
        return str(self.state.label)


def contests_of(user: User) -> QuerySet[Contest]:
    return (
        Contest.objects.filter(unit_id__in=visible_unit_ids(user))
        .select_related("opened_by", "answered_by")
        .order_by("-opened_at")
    )


def beside(duty_keys: Collection[str], day: date, at: datetime) -> dict[str, list[ContestMark]]:
    """Contests to show beside the numbers of a day, by duty, oldest first; one query. `at`: the moment of the day's number.

    Those about that very day, those that waited at the moment, and those decided within the 90 days before it. What was
    decided later than the moment is told too where the contest is about that day: a frozen number cannot answer, its
    margin can.
    """
    waited = Q(opened_at__lte=at) & (Q(answered_at=None) | Q(answered_at__gt=at - timedelta(days=BESIDE_DAYS)))
    found: dict[str, list[ContestMark]] = {key: [] for key in duty_keys}
    rows = Contest.objects.filter(Q(day=day) | waited, duty_key__in=duty_keys).exclude(state=ContestState.WITHDRAWN)
    for row in rows.order_by("opened_at", "pk"):
        told = row.day == day or (row.answered_at is not None and row.answered_at <= at)
        state = ContestState(row.state) if told else ContestState.OPEN
        found[row.duty_key].append(
            ContestMark(
                row.pk,
                row.unit_id,
                row.duty_key,
                row.day,
                state,
                row.correction if state == ContestState.CORRECTED else "",
                row.opened_at,
                row.answered_at if state != ContestState.OPEN else None,
                row.answer if state != ContestState.OPEN else "",
            )
        )
    return found


def rows_behind(contest: Contest) -> list[Evidence]:
    """The rows that are contested: those that the unit named, else the newest of each topic of the duty."""
    named = list(contest.evidence.select_related("revision__document").order_by("-observed_at", "-pk"))
    return named or newest_rows(contest.unit_id, contest.duty_key, contest.opened_at)


def newest_rows(unit_id: int, duty_key: str, at: datetime) -> list[Evidence]:
    """The newest row of each kind and subject that the duty looks at, as of `at`, newest first; at most 200."""
    rows = Evidence.objects.filter(unit_id=unit_id, kind__in=states_of(duty_key)[1], observed_at__lte=at)
    found: dict[tuple[str, str], Evidence] = {}
    for row in rows.select_related("revision__document").order_by("-observed_at", "-pk")[: ROWS_BEHIND * 5]:
        if row.revision is not None and duty_key not in row.revision.document.duty_keys:
            continue  # a document of another duty
        found.setdefault((row.kind, row.subject), row)
    return list(found.values())[:ROWS_BEHIND]
