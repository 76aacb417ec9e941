"""What the system saw of each unit over the months: the evidence, month by month, exactly as many rows as asked for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from dekhang.apps.duties.enums import EvidenceKind, EvidenceSource
from dekhang.apps.duties.models import Evidence
from dekhang.law import load
from dekhang.simulate.conduct import Conduct
from dekhang.simulate.rows import COLUMNS, Row, as_kept, row
from dekhang.simulate.size import Size
from dekhang.simulate.tree import SimUnit
from dekhang.simulate.writing import insert

STOPPED_DAYS = 110  # what lapsed stopped so long ago: contacts and canaries live for 90
ANCHOR_DAYS = 200  # over the last so many days proofs are renewed in time, however few rows there are
MONTH = timedelta(days=30)
TASKS = ("Rà soát tài khoản", "Sao lưu và thử khôi phục", "Cập nhật bản vá")


@dataclass(slots=True)
class Doings:
    """A unit with its conducts, and until when each of its doings went on."""

    unit: SimUnit
    conducts: dict[str, Conduct]
    size: Size

    def runs(self, duty: str) -> tuple[datetime, datetime] | None:
        """From when until when rows of the duty come; None: never."""
        one = self.conducts.get(duty)
        if one is None or not one.looks_done:
            return None
        end = self.size.end
        return one.since, end - timedelta(days=STOPPED_DAYS) if one.truth == "lapsed" else end

    def answers(self) -> tuple[datetime, datetime] | None:
        """Its contact lives as long as any duty needs it."""
        spans = [span for span in (self.runs("officer"), self.runs("sop")) if span]
        return (min(start for start, _end in spans), self.size.end) if spans else None


def observe(
    units: list[SimUnit],
    conducts: dict[int, dict[str, Conduct]],
    filed: dict[int, list[Row]],
    size: Size,
    progress: Callable[[int], None],
) -> int:
    """Write the evidence; returns how many rows. `progress` hears how many there are so far."""
    known = {unit.id: Doings(unit, conducts[unit.id], size) for unit in units}
    fixed = {unit.id: sorted([*filed.get(unit.id, ()), *_fixed(known[unit.id])], key=_moment) for unit in units}
    left = size.evidence - sum(map(len, fixed.values()))
    shares = _shares(units, known, max(0, left))
    written = 0
    for month in range(size.months):
        begin, end = size.start + month * MONTH, size.start + (month + 1) * MONTH
        rows: list[Row] = []
        for unit in units:
            own = fixed[unit.id]
            while own and (own[0].recorded_at < end or month == size.months - 1):
                rows.append(own.pop(0))
            share, rest = divmod(shares[unit.id], size.months)
            rows += _beats(known[unit.id], begin, end, share + (month < rest))
        rows.sort(key=_moment)  # in the order in which they were written down
        written += insert(Evidence, COLUMNS, map(as_kept, rows))
        progress(written)
    return written


def _moment(one: Row) -> datetime:
    return one.recorded_at


def _shares(units: list[SimUnit], known: dict[int, Doings], rows: int) -> dict[int, int]:
    """Rows of the months for each unit: who does more leaves more traces. Adds up to `rows`."""
    weights = [1 + 2 * sum(one.looks_done for one in known[unit.id].conducts.values()) for unit in units]
    total, given, shares = sum(weights), 0, {}
    for unit, until in zip(units, _running(weights), strict=True):
        upto = rows * until // total
        shares[unit.id], given = upto - given, upto
    return shares


def _running(weights: list[int]) -> Iterator[int]:
    total = 0
    for weight in weights:
        total += weight
        yield total


# rows that every story needs, however few are asked for


def _fixed(doings: Doings) -> Iterator[Row]:
    unit, size = doings.unit, doings.size
    for post, holder in (("head", unit.head_id), ("officer", unit.officer_id)):
        yield row(unit.id, EvidenceKind.POST_FILLED, f"post:{post}", size.start, payload={"user_ids": [holder]})
    for system in unit.systems:
        payload = {"name": system.name, "level": system.level}
        yield row(unit.id, EvidenceKind.SYSTEM_REGISTERED, f"system:{system.id}", size.start, payload=payload)
    yield from _recording(doings)
    yield from _procedure(doings)
    yield from _tasks(doings)
    yield from _people(doings)
    if span := doings.answers():
        for at in _anchors(span, 60):
            yield _contact(unit, at)
    level = doings.conducts.get("level")
    if level and level.strategy == "unregistered_hosts" and unit.dice.random() < 0.8:  # the others' send no logs
        at = size.end - timedelta(days=unit.dice.uniform(3, 60))
        yield row(
            unit.id,
            EvidenceKind.OUTSIDE_REGISTER,
            "host:192.0.2.77",
            at,
            ok=False,
            reason="Log cho thấy máy chủ ngoài danh sách.",
        )
    respond = doings.conducts.get("respond")
    if respond and respond.truth != "silent":
        yield row(unit.id, EvidenceKind.CLOCK, f"clock:{unit.id}:notice", size.end - timedelta(days=90))
    elif unit.dice.random() < 0.3:
        at = size.end - timedelta(days=unit.dice.uniform(5, 200))
        yield row(unit.id, EvidenceKind.CLOCK, f"clock:{unit.id}:notice", at, ok=False, reason="Báo cáo gửi trễ.")


def _anchors(span: tuple[datetime, datetime], every_days: int) -> Iterator[datetime]:
    """The first moment, and then regularly over the last months."""
    start, end = span
    if start >= end:
        return
    yield start + timedelta(hours=1)
    at = end - timedelta(days=min(ANCHOR_DAYS, (end - start).days), hours=5)
    while at < end - timedelta(hours=6):
        if at > start + timedelta(hours=2):
            yield at
        at += timedelta(days=every_days)


def _recording(doings: Doings) -> Iterator[Row]:
    unit, one, size = doings.unit, doings.conducts.get("record_attacks"), doings.size
    if one is None:
        return
    for source, kind in unit.sources:
        payload = {"kind": kind, "name": f"Máy {source}"}
        yield row(unit.id, EvidenceKind.SOURCE_EXPECTED, f"source:{source}", one.since, payload=payload)
        if not one.looks_done:
            continue
        first = one.since + timedelta(minutes=30)
        yield row(unit.id, EvidenceKind.SOURCE_DELIVERING, f"source:{source}", first)
        for at in _anchors((one.since, size.end), 55):
            if one.strategy == "canary_theatre":  # log comes for the canary's sake and goes again
                yield row(unit.id, EvidenceKind.SOURCE_DELIVERING, f"source:{source}", at - timedelta(minutes=20))
                gone = at + timedelta(hours=3)
                yield row(
                    unit.id, EvidenceKind.SOURCE_DELIVERING, f"source:{source}", gone, ok=False, reason="Không có log."
                )
            yield _canary(doings, one, source, kind, at)
        if one.truth == "lapsed":
            at = size.end - timedelta(days=10)
            yield row(
                unit.id,
                EvidenceKind.SOURCE_DELIVERING,
                f"source:{source}",
                at,
                ok=False,
                reason="Chương trình gửi log ngừng.",
            )


def _canary(doings: Doings, one: Conduct, source: int, kind: str, at: datetime) -> Row:
    dice = doings.unit.dice
    seconds = dice.uniform(0.2, 0.9) if one.strategy == "scripted_canary" else dice.lognormvariate(6.5, 1.0)
    return row(
        doings.unit.id,
        EvidenceKind.CANARY,
        f"kind:{kind}",
        at,
        until=at + timedelta(days=load().proof("canary_valid_days").whole),
        payload={
            "source_id": source,
            "detect_seconds": round(dice.uniform(2, 40), 1),
            "ack_seconds": round(seconds, 1),
        },
    )


def _procedure(doings: Doings) -> Iterator[Row]:
    unit, one, size = doings.unit, doings.conducts.get("sop"), doings.size
    if one is None or not one.looks_done:
        return
    subject, at = "sop:malware", one.since
    year = timedelta(days=load().proof("procedure_valid_days").whole)
    while at < size.end - timedelta(days=5):
        yield row(unit.id, EvidenceKind.SOP_DOCUMENT, subject, at)
        yield row(unit.id, EvidenceKind.SOP_APPROVED, subject, at + timedelta(hours=1), until=at + year)
        if one.strategy != "shelf_paper":
            for hours, reader in ((2, unit.head_id), (5, unit.officer_id)):
                payload = {"user_id": reader}
                yield row(unit.id, EvidenceKind.SOP_READ, subject, at + timedelta(hours=hours), payload=payload)
            exercised = at + timedelta(days=3)
            ends = exercised + timedelta(days=load().proof("exercise_valid_days").whole)
            if one.truth == "lapsed":
                ends = min(ends, size.end - timedelta(days=1))
            payload = {"incident_id": None, "first_step_seconds": unit.dice.randint(60, 900), "is_exercise": True}
            yield row(unit.id, EvidenceKind.SOP_EXERCISED, subject, exercised, until=ends, payload=payload)
        at += timedelta(days=340)


def _tasks(doings: Doings) -> Iterator[Row]:
    unit, one, span = doings.unit, doings.conducts.get("regulation"), doings.runs("regulation")
    if one is None or span is None:
        return
    for number in range(len(TASKS)):
        for at in _anchors(span, 70):
            late = one.strategy == "after_freeze" or (one.oddity == "late_entry" and number == 0)
            written = min(at + timedelta(days=unit.dice.randint(20, 40)), doings.size.end - timedelta(hours=1))
            yield _task(unit, number, at, recorded_at=written if late else None)


def _task(unit: SimUnit, number: int, at: datetime, *, recorded_at: datetime | None = None) -> Row:
    return row(
        unit.id,
        EvidenceKind.RECURRING_TASK,
        f"task:{number}",
        at,
        until=at + timedelta(days=92),
        payload={"title": TASKS[number]},
        source=EvidenceSource.PERSON,
        recorded_at=recorded_at,
    )


def _people(doings: Doings) -> Iterator[Row]:
    unit, one, size = doings.unit, doings.conducts.get("awareness"), doings.size
    if one is None or not one.looks_done:
        return
    yield _awareness(doings, one, one.since + timedelta(hours=3))
    yield _awareness(doings, one, size.end - timedelta(days=35, hours=-unit.dice.randint(0, 9)))
    if one.truth == "lapsed" or one.strategy == "roster_padding":
        yield _awareness(doings, one, size.end - timedelta(days=8), missing=max(1, unit.people // 5))


def _awareness(doings: Doings, one: Conduct, at: datetime, *, missing: int = 0) -> Row:
    roster = max(1, doings.unit.people)
    until = at + timedelta(days=load().proof("awareness_check_days").whole)
    payload = {"roster": roster, "passed": max(0, roster - missing), "never": min(roster, missing)}
    return row(doings.unit.id, EvidenceKind.AWARENESS, "roster", at, until=until, payload=payload)


def _contact(unit: SimUnit, at: datetime) -> Row:
    until = at + timedelta(days=load().proof("contact_valid_days").whole)
    return row(unit.id, EvidenceKind.CONTACT_ALIVE, f"contact:{unit.contact_id}", at, until=until)


# the many rows of every month


def _beats(doings: Doings, begin: datetime, end: datetime, count: int) -> Iterator[Row]:
    """`count` rows of a unit in [begin, end): of the things that it does in that time."""
    unit, dice = doings.unit, doings.unit.dice
    options: list[tuple[float, tuple[datetime, datetime], Callable[[datetime], Iterator[Row]]]] = [
        (1.0, (begin, end), lambda at: iter([_informed(unit, at)]))
    ]
    for weight, span, make in (
        (3.0, doings.answers(), lambda at: iter([_contact(unit, at)])),
        (4.0, doings.runs("regulation"), lambda at: iter([_task(unit, dice.randrange(len(TASKS)), at)])),
        (4.0, _quiet(doings), lambda at: _restart(doings, at)),
        (1.0, _quiet(doings), lambda at: iter([_tried(doings, at)])),
        (2.0, _learning(doings), lambda at: iter([_awareness(doings, doings.conducts["awareness"], at)])),
    ):
        if span and max(span[0] + timedelta(days=1), begin) < min(span[1] - timedelta(days=1), end):
            first, last = max(span[0] + timedelta(days=1), begin), min(span[1] - timedelta(days=1), end)
            options.append((weight, (first, last), make))
    weights = [weight for weight, _span, _make in options]
    made = 0
    while made < count:
        ((_weight, (first, last), make),) = dice.choices(options, weights)
        rows = list(make(first + (last - first) * dice.random()))
        if made + len(rows) <= count:  # a restart is two rows, or none
            made += len(rows)
            yield from rows


def _quiet(doings: Doings) -> tuple[datetime, datetime] | None:
    """When its sources deliver with no more than restarts."""
    one = doings.conducts.get("record_attacks")
    if one is None or one.strategy == "canary_theatre" or not doings.unit.sources:
        return None
    span = doings.runs("record_attacks")
    return span and (span[0], min(span[1], doings.size.end - timedelta(days=11)) if one.truth == "lapsed" else span[1])


def _learning(doings: Doings) -> tuple[datetime, datetime] | None:
    span = doings.runs("awareness")
    return span and (span[0], span[1] - timedelta(days=40))


def _restart(doings: Doings, at: datetime) -> Iterator[Row]:
    """A machine restarts: silent for some minutes, then back."""
    unit = doings.unit
    source, _kind = unit.dice.choice(unit.sources)
    subject = f"source:{source}"
    yield row(unit.id, EvidenceKind.SOURCE_DELIVERING, subject, at, ok=False, reason="Máy khởi động lại.")
    back = at + timedelta(minutes=unit.dice.uniform(5, 40))
    yield row(unit.id, EvidenceKind.SOURCE_DELIVERING, subject, back, payload={"brief": True})


def _tried(doings: Doings, at: datetime) -> Row:
    source, kind = doings.unit.dice.choice(doings.unit.sources)
    return _canary(doings, doings.conducts["record_attacks"], source, kind, at)


def _informed(unit: SimUnit, at: datetime) -> Row:
    return row(unit.id, EvidenceKind.INFORMED, f"briefing:{at:%Y%m%d}", at, source=EvidenceSource.PERSON)
