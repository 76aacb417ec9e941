"""Shares: units whose claim counts ÷ units in force on a date, always with the rows behind them."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import cache

import orjson
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import get_language

from dekhang.apps.core import clock
from dekhang.apps.core.models import AuditEvent, User
from dekhang.apps.duties import selectors as duties
from dekhang.apps.duties import timelines
from dekhang.apps.duties.contesting.selectors import ContestMark, beside
from dekhang.apps.duties.enums import ClaimState, ContestState
from dekhang.apps.duties.models import Claim, Evidence
from dekhang.apps.duties.selectors import moment_of
from dekhang.apps.duties.states import Assessment, Measure
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.selectors import versions_in_force, visible_unit_ids
from dekhang.apps.scoreboard.enums import AuditAction
from dekhang.apps.scoreboard.figures import Board, BoardRow, Contests, Figure, TrendPoint
from dekhang.apps.scoreboard.models import Snapshot
from dekhang.apps.sources.coverage import Coverage, coverage_of
from dekhang.law import load

# the eleven of Directive 14 in the order of the law's data
BOARD_DUTIES = tuple(duty.key for duty in load().duties)
# duties whose share is computed over logs: it shows how many of them are there
OVER_LOGS = frozenset({"record_attacks"})
TREND_SPAN = timedelta(days=90)
Units = Mapping[str, Collection[UnitVersion]]


def units_of(duty_keys: Iterable[str], day: date) -> Units:
    """The denominators: for each duty the units in force on the day on which it falls; none where it was not in force."""
    by_kind: dict[str, list[UnitVersion]] = {}
    for version in versions_in_force(day):
        by_kind.setdefault(version.kind, []).append(version)
    found = {}
    for key in duty_keys:
        duty = load().duty(key)
        kinds = duties.kinds_of(duty) if duty.in_force(day) else frozenset()
        found[key] = [version for kind, versions in by_kind.items() if kind in kinds for version in versions]
    return found


def figures(
    day: date | None = None, duty_keys: Collection[str] = BOARD_DUTIES, units: Units | None = None
) -> dict[str, Figure]:
    """Figures of several duties on one day, counted by the database: five queries whatever the number of units."""
    day = day or clock.today()
    frozen = {s.duty_key: s for s in snapshots_of(day).filter(duty_key__in=duty_keys).defer("packed_rows")}
    live = [key for key in duty_keys if key not in frozen]
    units = units_of(live, day) if units is None else units
    at = moment_of(day)
    tallies = timelines.tallies({key: [v.unit_id for v in units[key]] for key in live}, at)
    marks = beside(duty_keys, day, at)
    found = {}
    for key in duty_keys:
        duty = load().duty(key)
        if key in frozen:
            states = {ClaimState(state): number for state, number in frozen[key].states.items()}
            found[key] = Figure(duty, day, at, states, _measure_of(frozen[key]), True, counted(marks[key]))
        else:
            found[key] = Figure(duty, day, at, tallies[key].states, tallies[key].measure, False, counted(marks[key]))
    return found


def first_known_day() -> date | None:
    """The day of the first claim or evidence: before it there is nothing to freeze, and a zero would be a lie."""
    moments = [
        Evidence.objects.order_by("observed_at").values_list("observed_at", flat=True).first(),
        Claim.objects.order_by("declared_at").values_list("declared_at", flat=True).first(),
    ]
    return min((timezone.localtime(moment).date() for moment in moments if moment), default=None)


def counted(marks: Iterable[ContestMark]) -> Contests:
    states = [mark.state for mark in marks]
    return Contests(*(states.count(s) for s in (ContestState.OPEN, ContestState.CORRECTED, ContestState.REFUSED)))


def board(duty_key: str, day: date | None = None) -> Board:
    """The board of a duty on a day (today by default): frozen numbers when the day was frozen, else from evidence."""
    return boards((duty_key,), day)[duty_key]


def boards(duty_keys: Collection[str], day: date | None = None, units: Units | None = None) -> dict[str, Board]:
    """Boards of several duties on one day, in a fixed number of queries. `units`: denominators that are known already."""
    day = day or clock.today()
    frozen = {s.duty_key: s for s in snapshots_of(day).filter(duty_key__in=duty_keys)}
    units = units_of(duty_keys, day) if units is None else units
    live = live_boards([key for key in duty_keys if key not in frozen], day, units)
    chained = _chained_digests(frozen.values())
    found = {
        key: live[key] if key in live else _frozen_board(frozen[key], units[key], chained.get(frozen[key].pk))
        for key in duty_keys
    }
    return with_contests(found)


def with_contests(boards: Mapping[str, Board]) -> dict[str, Board]:
    """The boards of one day with what units contest of them and what became of it; one query."""
    if not boards:
        return {}
    any_board = next(iter(boards.values()))
    marks = beside(list(boards), any_board.day, any_board.at)
    found = {}
    for key, board in boards.items():
        by_unit: dict[int, tuple[ContestMark, ...]] = {}
        for mark in marks[key]:
            by_unit[mark.unit_id] = (*by_unit.get(mark.unit_id, ()), mark)
        found[key] = replace(board, contests=counted(marks[key]), marks=by_unit)
    return found


def brief_boards(duty_keys: Collection[str], day: date | None = None) -> dict[str, Board]:
    """The same numbers for pages about everybody at once, in a third of the time: rows say state, obstacle and next step, not
    since when, until when, how far; contests are not read.
    """
    day = day or clock.today()
    at, units = moment_of(day), units_of(duty_keys, day)
    frozen = {s.duty_key: s for s in snapshots_of(day).filter(duty_key__in=duty_keys)}
    chained = _chained_digests(frozen.values())
    live = timelines.briefs({key: [v.unit_id for v in units[key]] for key in duty_keys if key not in frozen}, at)
    everybody = {v.unit_id: v for versions in units.values() for v in versions}
    plain = {unit_id: _place(version) for unit_id, version in everybody.items()}
    found = {}
    for key in duty_keys:
        if key in frozen:
            found[key] = _brief_frozen(frozen[key], plain, chained.get(frozen[key].pk))
            continue
        rows = tuple(
            BoardRow(*plain[pk], one.state, one.code, one.text, one.next_step, max(0, one.obstacles - 1))
            for pk, one in live[key].items()
        )
        found[key] = Board(load().duty(key), day, at, _states_of(rows), rows=rows, coverage=_coverage(key, rows, day))
    return found


def proven_on(duty_keys: Collection[str], day: date) -> dict[str, dict[int, bool]]:
    """Duty → unit → whether it was proven on the day, for comparing with another day: no rows are made."""
    units = units_of(duty_keys, day)
    frozen = {s.duty_key: s for s in snapshots_of(day).filter(duty_key__in=duty_keys)}
    live = {key: [v.unit_id for v in units[key]] for key in duty_keys if key not in frozen}
    states = timelines.claim_states(live, moment_of(day))
    return {
        key: {one["unit"]: one["state"] == ClaimState.PROVEN for one in frozen[key].rows}
        if key in frozen
        else {pk: states.get((pk, key)) == ClaimState.PROVEN for pk in live[key]}
        for key in duty_keys
    }


@cache
def _kind_words(kind: str, _language: str | None) -> str:
    """A kind of units in words: of a board of 700 units and ten duties, translating them anew was four fifths of the time."""
    return str(UnitKind(kind).label) if kind in UnitKind.values else kind


Place = tuple[int, str, str, str, int | None, int | None, int | None]


def _place(version: UnitVersion) -> Place:
    subtype = version.subtype or _kind_words(version.kind, get_language())
    return (
        *(version.unit_id, version.name, version.kind, subtype, version.parent_id),
        *(version.tile_column, version.tile_row),
    )


def _brief_frozen(snapshot: Snapshot, plain: Mapping[int, Place], chained: str | None) -> Board:
    rows = []
    for one in snapshot.rows:
        place = plain.get(one["unit"]) or (one["unit"], one["name"], one["kind"], "", None, None, None)
        state = ClaimState(one["state"])
        rows.append(
            BoardRow(
                *(place[0], one["name"], *place[2:]),
                *(state, one["code"], one["reason"], one["next_step"], one["more_reasons"]),
            )
        )
    sent, lost = snapshot.records_sent, snapshot.records_lost
    return Board(
        load().duty(snapshot.duty_key),
        snapshot.date,
        moment_of(snapshot.date),
        _states_of(rows),
        frozen=True,
        rows=tuple(rows),
        snapshot=snapshot,
        coverage=Coverage(sent, lost) if sent is not None and lost is not None else None,
        intact=snapshot_digest(snapshot) == snapshot.digest == chained,
    )


def snapshots_of(day: date) -> QuerySet[Snapshot]:
    """Frozen figures of a day; none for a day that is not over."""
    return Snapshot.objects.filter(date=day) if day < clock.today() else Snapshot.objects.none()


def live_board(duty_key: str, day: date) -> Board:
    """The board computed from evidence, whether or not the day was frozen."""
    return live_boards((duty_key,), day)[duty_key]


def live_boards(duty_keys: Collection[str], day: date, units: Units | None = None) -> dict[str, Board]:
    units = units_of(duty_keys, day) if units is None else units
    at = moment_of(day)
    assessed = timelines.assessments_of({key: [v.unit_id for v in units[key]] for key in duty_keys}, at)
    found = {}
    for key in duty_keys:
        rows = tuple(_live_row(version, assessed[key][version.unit_id]) for version in units[key])
        found[key] = Board(
            load().duty(key), day, at, _states_of(rows), _sum_of(rows), rows=rows, coverage=_coverage(key, rows, day)
        )
    return found


def _live_row(version: UnitVersion, assessment: Assessment) -> BoardRow:
    first = assessment.reasons[0] if assessment.reasons else None
    return _row(
        version,
        state=assessment.state,
        code=first.code if first else "",
        reason=first.text if first else "",
        next_step=first.next_step if first else "",
        more_reasons=max(0, len(assessment.reasons) - 1),
        since=assessment.since,
        proven_until=assessment.proven_until,
        measure=assessment.measure,
    )


def _coverage(duty_key: str, rows: Iterable[BoardRow], day: date) -> Coverage | None:
    if duty_key not in OVER_LOGS:
        return None
    midnight = timezone.make_aware(datetime.combine(day, time.min))
    return coverage_of([row.unit_id for row in rows], midnight, midnight + timedelta(days=1))


def _row(version: UnitVersion, **state: object) -> BoardRow:
    return BoardRow(
        unit_id=version.unit_id,
        name=version.name,
        kind=version.kind,
        subtype=version.subtype or _kind_words(version.kind, get_language()),
        parent_id=version.parent_id,
        column=version.tile_column,
        line=version.tile_row,
        **state,  # type: ignore[arg-type]
    )


def _states_of(rows: Iterable[BoardRow]) -> dict[ClaimState, int]:
    counts: dict[ClaimState, int] = {}
    for row in rows:
        counts[row.state] = counts.get(row.state, 0) + 1
    return counts


def _sum_of(rows: Iterable[BoardRow]) -> Measure | None:
    measures = [row.measure for row in rows if row.measure is not None]
    if not measures:
        return None
    return Measure(sum(m.done for m in measures), sum(m.whole for m in measures), sum(m.never for m in measures))


def _measure_of(frozen: Snapshot) -> Measure | None:
    return Measure(frozen.done or 0, frozen.whole, frozen.never or 0) if frozen.whole is not None else None


def _frozen_board(snapshot: Snapshot, versions: Iterable[UnitVersion], chained: str | None) -> Board:
    """The rows as they were frozen; names and places of the units come from the registry on that day."""
    by_id = {version.unit_id: version for version in versions}
    rows = []
    for frozen in snapshot.rows:
        version = by_id.get(frozen["unit"]) or UnitVersion(unit_id=frozen["unit"], kind=frozen["kind"])
        version.name = frozen["name"]
        measure = frozen["measure"]
        rows.append(
            _row(
                version,
                state=ClaimState(frozen["state"]),
                code=frozen["code"],
                reason=frozen["reason"],
                next_step=frozen["next_step"],
                more_reasons=frozen["more_reasons"],
                since=datetime.fromisoformat(frozen["since"]) if frozen["since"] else None,
                proven_until=datetime.fromisoformat(frozen["proven_until"]) if frozen["proven_until"] else None,
                measure=Measure(*measure) if measure else None,
            )
        )
    sent, lost = snapshot.records_sent, snapshot.records_lost
    return Board(
        load().duty(snapshot.duty_key),
        snapshot.date,
        moment_of(snapshot.date),
        {ClaimState(state): number for state, number in snapshot.states.items()},
        _measure_of(snapshot),
        frozen=True,
        rows=tuple(rows),
        snapshot=snapshot,
        coverage=Coverage(sent, lost) if sent is not None and lost is not None else None,
        intact=snapshot_digest(snapshot) == snapshot.digest == chained,
    )


def frozen_rows(board: Board) -> list[dict[str, object]]:
    """The board's rows as a snapshot keeps them."""
    return [
        {
            "unit": row.unit_id,
            "name": row.name,
            "kind": row.kind,
            "state": str(row.state),
            "code": row.code,
            "reason": row.reason,
            "next_step": row.next_step,
            "more_reasons": row.more_reasons,
            "since": row.since.isoformat() if row.since else None,
            "proven_until": row.proven_until.isoformat() if row.proven_until else None,
            "measure": [row.measure.done, row.measure.whole, row.measure.never] if row.measure else None,
        }
        for row in board.rows
    ]


def snapshot_digest(snapshot: Snapshot) -> str:
    """SHA-256 over everything that a snapshot says."""
    body = [
        snapshot.duty_key,
        snapshot.date.isoformat(),
        snapshot.units_in_force,
        snapshot.declared,
        snapshot.proven,
        snapshot.states,
        [None if n is None else float(n) for n in (snapshot.done, snapshot.whole, snapshot.never)],
        snapshot.records_sent,
        snapshot.records_lost,
        snapshot.rows,
    ]
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _chained_digests(snapshots: Iterable[Snapshot]) -> dict[int, str]:
    """Digests as the audit chain has them, by snapshot: whoever rewrites a snapshot cannot rewrite the chain."""
    ids = [str(snapshot.pk) for snapshot in snapshots]
    if not ids:
        return {}
    events = AuditEvent.objects.filter(
        target_type=Snapshot._meta.label_lower, target_id__in=ids, action=AuditAction.SNAPSHOT_FROZEN
    )
    return {int(target): detail.get("digest", "") for target, detail in events.values_list("target_id", "detail")}


def visible_rows(board: Board, user: User) -> list[BoardRow]:
    """The rows that `user` may see: all for provincial roles, those of their own units otherwise."""
    visible = visible_unit_ids(user)
    return [row for row in board.rows if row.unit_id in visible]


def trend(figure: Figure, days: int = TREND_SPAN.days) -> list[TrendPoint]:
    """Frozen days before the figure's day, oldest first, and the figure itself."""
    return trends([figure], days)[figure.duty.key]


def trends(of: Collection[Figure], days: int = TREND_SPAN.days) -> dict[str, list[TrendPoint]]:
    """Trends of several duties of one day, in one query."""
    found: dict[str, list[TrendPoint]] = {figure.duty.key: [] for figure in of}
    if not of:
        return found
    day = next(iter(of)).day
    frozen = Snapshot.objects.filter(duty_key__in=found, date__lt=day, date__gte=day - timedelta(days=days))
    for key, *numbers in frozen.order_by("date").values_list(
        "duty_key", "date", "units_in_force", "declared", "proven"
    ):
        found[key].append(TrendPoint(*numbers, True))
    for figure in of:
        found[figure.duty.key].append(TrendPoint(day, figure.units, figure.declared, figure.proven, figure.frozen))
    return found
