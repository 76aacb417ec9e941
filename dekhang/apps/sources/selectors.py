"""Reads of sources, starting from the units that a person may see."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, IntegerField, Max, QuerySet, Value, When
from django.utils import timezone
from django.utils.functional import Promise

from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.registry import selectors as registry
from dekhang.apps.sources.enums import CANARY_KINDS, RUNNING_CANARY, CanaryState, SourceKind, SourceState
from dekhang.apps.sources.limits import acknowledge_within, arrive_within
from dekhang.apps.sources.models import Canary, CanaryCall, LogSource, Silence, Upload
from dekhang.apps.sources.refusalfixes import fix_of
from dekhang.apps.sources.schedule import Plan, next_ask
from dekhang.apps.sources.services.calls import plan_of
from dekhang.apps.sources.services.uploads import report_of, state_of
from dekhang.pipeline.stores import ledger
from dekhang.pipeline.stores import uploads as file_counts
from dekhang.pipeline.stores.lake import Lake
from dekhang.pipeline.stores.reasons import LABELS, Reason

# what asks for a person comes first
STATE_ORDER = (SourceState.SILENT, SourceState.WAITING, SourceState.DELIVERING, SourceState.RETIRED)
EVENTS_SHOWN = 10
HOURS_SHOWN = 48
UPLOADS_SHOWN = 20


def sources_of(user: User) -> QuerySet[LogSource]:
    """Every source, retired ones included, of the units that `user` may see."""
    return LogSource.objects.filter(unit_id__in=registry.visible_unit_ids(user))


def canaries_of(user: User) -> QuerySet[Canary]:
    return Canary.objects.filter(unit_id__in=registry.visible_unit_ids(user)).select_related("source")


def silences_of(user: User) -> QuerySet[Silence]:
    return Silence.objects.filter(unit_id__in=registry.visible_unit_ids(user)).select_related("source")


def listed(sources: QuerySet[LogSource]) -> QuerySet[LogSource]:
    """In the order of the list page: silent, waiting, delivering, retired."""
    ranks = [When(state=state, then=Value(rank)) for rank, state in enumerate(STATE_ORDER)]
    return sources.annotate(
        state_rank=Case(*ranks, default=Value(len(STATE_ORDER)), output_field=IntegerField())
    ).order_by("state_rank", "unit_id", "name")


def canary_due_at(canary: Canary) -> datetime:
    """When the present stage of a running canary is lost: arriving and being detected, then being acknowledged."""
    if canary.state == CanaryState.DETECTED and canary.detected_at is not None:
        return canary.detected_at + acknowledge_within()
    return canary.started_at + arrive_within()


def next_canary(source: LogSource, plan: Plan) -> datetime:
    """From when the next canary of the source's kind is asked of its unit."""
    of_kind = Canary.objects.filter(unit_id=source.unit_id, source__kind=source.kind)
    failures = [
        of_kind.aggregate(at=Max("failed_at"))["at"],
        CanaryCall.objects.filter(unit_id=source.unit_id, source__kind=source.kind).aggregate(at=Max("missed_at"))[
            "at"
        ],
    ]
    return next_ask(
        plan,
        unit_id=source.unit_id,
        kind=source.kind,
        first_event_at=source.first_event_at or source.created_at,
        last_passed_at=of_kind.filter(state=CanaryState.PASSED).aggregate(at=Max("acknowledged_at"))["at"],
        last_failed_at=max((at for at in failures if at), default=None),
        zone=timezone.get_current_timezone(),
    )


def open_calls(user: User) -> QuerySet[CanaryCall]:
    """Canaries that are asked for and have not come, the most urgent first."""
    calls = CanaryCall.objects.filter(canary=None, missed_at=None, unit_id__in=registry.visible_unit_ids(user))
    return calls.select_related("source").order_by("expires_at")


@dataclass(frozen=True, slots=True)
class PlanRow:
    """How a unit is asked for canaries of a kind. `next_at`: when the next is due; None while a call is open."""

    kind: SourceKind
    plan: Plan
    next_at: datetime | None

    @property
    def is_paused(self) -> bool:
        return self.plan.paused_until is not None and self.plan.paused_until > clock.now()


def canary_plans(unit_id: int) -> list[PlanRow]:
    """For each kind of source that the unit has and that can be tried."""
    rows: dict[str, PlanRow] = {}
    asked = set(
        CanaryCall.objects.filter(unit_id=unit_id, canary=None, missed_at=None).values_list("source__kind", flat=True)
    )
    sources = LogSource.objects.filter(
        unit_id=unit_id, kind__in=CANARY_KINDS, retired_at=None, first_event_at__isnull=False
    )
    for source in sources.order_by("kind", "first_event_at", "pk"):
        if source.kind not in rows:
            plan = plan_of(unit_id, source.kind)
            due = None if source.kind in asked else max(next_canary(source, plan), clock.now())
            rows[source.kind] = PlanRow(SourceKind(source.kind), plan, due)
    return list(rows.values())


def running_canary(source: LogSource) -> Canary | None:
    return source.canaries.filter(state__in=RUNNING_CANARY).first()


def ledgers_of(ids: Collection[int]) -> dict[int, ledger.SourceLedger]:
    """The account of each source: received = refused + stored + duplicate + waiting."""
    return ledger.of_sources(settings.DATA, ids) if ids else {}


def ledger_of(source: LogSource) -> ledger.SourceLedger:
    return ledger.of_source(settings.DATA, source.pk)


@dataclass(frozen=True, slots=True)
class HourBar:
    """One hour of the volume picture; heights are in the picture's own units (0–100)."""

    start: datetime
    stored: int
    refused: int
    waiting: int
    stored_height: float
    refused_height: float
    waiting_height: float

    @property
    def below_waiting(self) -> float:
        return self.stored_height + self.refused_height


def hourly_bars(source: LogSource, hours: int = HOURS_SHOWN) -> list[HourBar]:
    """The last `hours` hours of receipt, empty ones included, oldest first."""
    now = clock.now().replace(minute=0, second=0, microsecond=0)
    since = now - timedelta(hours=hours - 1)
    found = {row.start_ms: row for row in ledger.hourly(settings.DATA, source.pk, since)}
    rows = [(at, found.get(int(at.timestamp() * 1000))) for at in (since + timedelta(hours=n) for n in range(hours))]
    top = max((row.received for _at, row in rows if row), default=0) or 1

    def bar(at: datetime, row: ledger.Hour) -> HourBar:
        parts = (row.stored + row.duplicate, row.refused, row.waiting)
        return HourBar(at, *parts, *(round(part * 100 / top, 2) for part in parts))

    return [bar(at, row or ledger.Hour(0)) for at, row in rows]


@dataclass(frozen=True, slots=True)
class Refused:
    label: str
    fix: Promise
    records: int
    last_at: datetime
    example: str


def refusals(account: ledger.SourceLedger) -> list[Refused]:
    """Refusals of a source by reason, in words, the most frequent first."""
    rows = sorted(account.refusals.values(), key=lambda row: -row.records)
    return [
        Refused(LABELS.get(row.reason, row.reason), fix_of(row.reason), row.records, moment(row.last_at), row.example)
        for row in rows
    ]


def newest_events(source: LogSource, limit: int = EVENTS_SHOWN) -> list[Any]:
    """The newest stored events of one source; the unit is named again, so a wrong id shows nothing."""
    return list(Lake(settings.DATA).recent([source.unit_id], source_id=source.pk, limit=limit))


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """One file: how far it is read, and what became of its records. records = stored + duplicate + waiting."""

    upload: Upload
    state: str  # waiting · reading · done · failed
    percent: int | None
    records: int
    stored: int
    duplicate: int
    unparsable: int
    problem: str

    @property
    def waiting(self) -> int:
        return max(0, self.records - self.stored - self.duplicate)

    @property
    def is_moving(self) -> bool:
        return self.state in ("waiting", "reading") or (self.state == "done" and self.waiting > 0)


def uploads(source: LogSource, limit: int = UPLOADS_SHOWN) -> list[UploadProgress]:
    """The newest uploads with what the files receiver reports beside them in the inbox, and what the worker counted."""
    newest = list(source.uploads.select_related("uploaded_by")[:limit])
    counts = file_counts.counts(settings.DATA, source.pk, [upload.stored_name for upload in newest])
    return [_progress(upload, counts[upload.stored_name]) for upload in newest]


def _progress(upload: Upload, counted: file_counts.FileCounts) -> UploadProgress:
    facts, state = report_of(upload), state_of(upload)
    read, size = facts.get("read"), facts.get("size") or upload.size_bytes
    percent = min(100, int(read * 100 / size)) if isinstance(read, int) and size else None
    records = facts.get("records")
    return UploadProgress(
        upload,
        state,
        100 if state == "done" else percent,
        max(records if isinstance(records, int) else 0, counted.judged),
        counted.stored,
        counted.duplicate,
        counted.unparsable,
        _with_own_name(str(facts.get("problem") or ""), upload)[:500],
    )


def _with_own_name(problem: str, upload: Upload) -> str:
    """The sentence with the file's name as the person knows it, without what makes it unique in the inbox."""
    return problem.replace(upload.stored_name.partition("-")[0] + "-", "")


@dataclass(frozen=True, slots=True)
class UnknownSender:
    peer: str
    reason: str
    label: str
    fix: Promise
    records: int
    last_at: datetime
    example: str


def unknown_senders() -> Sequence[UnknownSender]:
    """Who knocked with no token, a wrong one, or from an address nobody registered; the newest first."""
    return [one for one in _of_no_source() if one.reason != Reason.KERNEL_DROPPED]


def kernel_drops() -> Sequence[UnknownSender]:
    """By port: datagrams that the kernel threw away before anybody could read them, so whose they were is not known."""
    return [one for one in _of_no_source() if one.reason == Reason.KERNEL_DROPPED]


def _of_no_source() -> Sequence[UnknownSender]:
    return [
        UnknownSender(
            row.peer,
            row.reason,
            LABELS.get(row.reason, row.reason),
            fix_of(row.reason),
            row.records,
            moment(row.last_at),
            row.example,
        )
        for row in ledger.unknown_senders(settings.DATA)
    ]


def moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)
