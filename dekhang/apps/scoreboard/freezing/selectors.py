"""Reads of frozen periods, what changed since, and whether anybody touched them."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import orjson
from django.db.models import QuerySet

from dekhang.apps.core.models import AuditEvent, User
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.states import states_of
from dekhang.apps.registry.selectors import visible_unit_ids
from dekhang.apps.scoreboard import selectors
from dekhang.apps.scoreboard.enums import AuditAction
from dekhang.apps.scoreboard.figures import Board, BoardRow
from dekhang.apps.scoreboard.models import FrozenPeriod, Snapshot

LATE_SHOWN = 500


def periods() -> QuerySet[FrozenPeriod]:
    return FrozenPeriod.objects.select_related("made_by").order_by("-last_day", "kind", "-pk")


def periods_of(day: date) -> list[FrozenPeriod]:
    """The periods whose numbers are those of this day."""
    return list(FrozenPeriod.objects.filter(last_day=day).order_by("kind", "pk"))


def period_digest(period: FrozenPeriod, snapshots: Iterable[Snapshot]) -> str:
    """SHA-256 over the period and the digests of its figures."""
    body = [
        str(period.kind),
        period.first_day.isoformat(),
        period.last_day.isoformat(),
        period.reason,
        sorted((snapshot.duty_key, snapshot.digest) for snapshot in snapshots),
    ]
    return hashlib.sha256(orjson.dumps(body)).hexdigest()


@dataclass(frozen=True, slots=True)
class Change:
    """A unit that the day's evidence, as it is known now, shows in another state than the frozen row.

    `frozen` is None for a unit that the registry put into the day later, `now` for one that it took out. `late`: evidence
    about the time until that day that was recorded after it was frozen, oldest first.
    """

    frozen: BoardRow | None
    now: BoardRow | None
    late: tuple[Evidence, ...]

    @property
    def row(self) -> BoardRow:
        row = self.now or self.frozen
        assert row is not None
        return row


@dataclass(frozen=True, slots=True)
class Difference:
    """A frozen board beside the same day with today's knowledge. The frozen one stays the day's number.

    Args:
        late: how many rows of evidence came late at all, also those that would change nothing.
    """

    frozen: Board
    now: Board
    changes: tuple[Change, ...]
    late: int


def difference(duty_key: str, day: date, user: User) -> Difference | None:
    """What changed since a day was frozen, with the rows that `user` may see; None when it never was frozen."""
    frozen = selectors.board(duty_key, day)
    if frozen.snapshot is None:
        return None
    now = selectors.live_board(duty_key, day)
    visible = visible_unit_ids(user)
    late = Evidence.objects.filter(
        kind__in=states_of(duty_key)[1],
        observed_at__lte=frozen.at,
        recorded_at__gt=frozen.snapshot.frozen_at,
        unit_id__in=visible,
    ).order_by("observed_at", "pk")
    by_unit: dict[int, list[Evidence]] = {}
    for row in late[:LATE_SHOWN]:
        by_unit.setdefault(row.unit_id, []).append(row)
    before, after = ({row.unit_id: row for row in board.rows} for board in (frozen, now))
    changes = [
        Change(before.get(unit_id), after.get(unit_id), tuple(by_unit.get(unit_id, ())))
        for unit_id in sorted(before.keys() | after.keys())
        if unit_id in visible and _differ(before.get(unit_id), after.get(unit_id))
    ]
    changes.sort(key=lambda change: change.row.name)
    return Difference(frozen, now, tuple(changes), late.count())


def _differ(before: BoardRow | None, after: BoardRow | None) -> bool:
    if before is None or after is None:
        return True
    return (before.state, before.measure) != (after.state, after.measure)


def faults() -> Iterator[str]:
    """Sentences about frozen numbers that somebody touched: not as their digest says, or not as the audit chain says."""
    chained: dict[tuple[str, str], str] = {
        (kind, pk): str(detail.get("digest", ""))
        for kind, pk, detail in AuditEvent.objects.filter(
            action__in=[AuditAction.SNAPSHOT_FROZEN, AuditAction.PERIOD_FROZEN]
        ).values_list("target_type", "target_id", "detail")
    }
    for snapshot in Snapshot.objects.order_by("pk").iterator(chunk_size=100):
        known = chained.pop((Snapshot._meta.label_lower, str(snapshot.pk)), None)
        if not selectors.snapshot_digest(snapshot) == snapshot.digest == known:
            yield f"số liệu chốt “{snapshot}” không khớp mã băm trong nhật ký: có người đã sửa"
    for period in FrozenPeriod.objects.order_by("pk"):
        known = chained.pop((FrozenPeriod._meta.label_lower, str(period.pk)), None)
        if not period_digest(period, Snapshot.objects.filter(date=period.last_day)) == period.digest == known:
            yield f"kỳ đóng băng “{period}” không khớp mã băm trong nhật ký: có người đã sửa"
    for kind, pk in chained:
        yield f"số liệu chốt {kind} số {pk} có trong nhật ký nhưng không còn trong cơ sở dữ liệu: có người đã xóa"
