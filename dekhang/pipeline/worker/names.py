"""Names in the records of each source: what machines call themselves, and which sites web servers answer for.

They are held against the register of systems (`apps.observed`). An attacker writes names too (a syslog line, a Host
header), so a source has room for so many of a kind; then a name that is seen often, on several days, stays and those that
were seen once go.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dekhang.pipeline.parse import ParsedEvent
from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.foreign import host_name
from dekhang.pipeline.stores.names import DOMAIN, HOST, MORE
from dekhang.pipeline.stores.schema import DAY_MS
from dekhang.pipeline.worker.batch import Work

NAMES_PER_KIND = {HOST: 200, DOMAIN: 100}  # of a source
SWAPPED = 20  # names of one kind that give way in one batch: inventing names must not cost the worker its time
WRITTEN_EVERY_MS = 60_000  # a name that is known; a new one at once
REMEMBERED = 100_000  # names of all sources, × ~200 B
NAME_DAYS = 90
_NOBODY = frozenset({"", "-", "localhost", "localhost.localdomain", "127.0.0.1", "::1", "unknown", "none"})

Key = tuple[int, str, str]  # source, kind, name


@dataclass(slots=True)
class _Count:
    records: int = 0
    first_ms: int = 0
    last_ms: int = 0
    written_ms: int = 0


class Names:
    """Counts names of batches and writes them now and then."""

    def __init__(self) -> None:
        self._counts: dict[Key, _Count] = {}
        self._spelled: dict[tuple[str, str], str] = {}  # as written → as compared; "" for what is no name

    def keep(self, connection: database.Connection, work: Work, *, now_ms: int) -> None:
        """Inside the batch's transaction."""
        touched: dict[Key, _Count] = {}
        for part in work.parts:
            source_id, received_ms = part.frame.source_id, part.frame.received_ms
            for (kind, written), records in _tally(part.events).items():
                if not (name := self._spell(kind, written)):
                    continue
                key = (source_id, kind, name)
                count = self._counts.get(key)
                if count is None:
                    count = self._counts[key] = _Count()
                if not count.records:
                    count.first_ms = received_ms
                count.records += records
                count.last_ms = max(count.last_ms, received_ms)
                touched[key] = count
        due = {key: one for key, one in touched.items() if now_ms - one.written_ms >= WRITTEN_EVERY_MS}
        if due:
            _write(connection, due)
            for one in due.values():
                one.records, one.written_ms = 0, now_ms
        if len(self._counts) > REMEMBERED:
            self._counts.clear()

    def _spell(self, kind: str, written: str) -> str:
        name = self._spelled.get((kind, written))
        if name is None:
            name = host_name(written)
            if kind == DOMAIN:
                name = name.rpartition(":")[0] if name.count(":") == 1 else name  # a Host header may name the port
                if "." not in name or name.replace(".", "").isdigit():
                    name = ""  # an address, or nothing that could be registered
            if name in _NOBODY or not name.isprintable() or " " in name:
                name = ""
            if len(self._spelled) >= REMEMBERED:
                self._spelled.clear()
            self._spelled[kind, written] = name
        return name


def _tally(events: Sequence[ParsedEvent]) -> dict[tuple[str, str], int]:
    """(kind, name as written) → records of a frame."""
    found = {(HOST, host): records for host, records in Counter(event.host for event in events).items()}
    sites = Counter(
        site
        for event in events
        if event.record.category == "webserver" and isinstance(site := event.record.fields.get("cs-host"), str)
    )
    return found | {(DOMAIN, site): records for site, records in sites.items()}


def _write(connection: database.Connection, due: dict[Key, _Count]) -> None:
    places: dict[tuple[int, str], list[tuple[str, _Count]]] = defaultdict(list)
    for (source_id, kind, name), count in due.items():
        places[source_id, kind].append((name, count))
    for (source_id, kind), those in places.items():
        _write_place(connection, source_id, kind, those)


def _write_place(
    connection: database.Connection, source_id: int, kind: str, those: Sequence[tuple[str, _Count]]
) -> None:
    """Statements are bounded by the room and `SWAPPED`, however many names somebody invents."""
    rows = connection.execute(
        "SELECT name FROM names_seen WHERE source_id = ? AND kind = ? AND name <> ''", (source_id, kind)
    ).fetchall()
    known = {str(row[0]) for row in rows}
    swaps, refused, refused_ms = SWAPPED, 0, 0
    for name, count in sorted(those, key=lambda one: -one[1].records):
        if name in known:
            _count(connection, source_id, kind, name, count)
            continue
        if len(known) >= NAMES_PER_KIND[kind]:
            gone = _make_room(connection, source_id, kind, count) if swaps else None
            if gone is None:  # nor is there room for those after it, which were seen less often
                swaps = 0
                refused, refused_ms = refused + count.records, max(refused_ms, count.last_ms)
                continue
            swaps -= 1
            known.discard(gone)
        known.add(name)
        connection.execute(
            "INSERT INTO names_seen (source_id, kind, name, records, days, last_day, first_ms, last_ms)"
            " VALUES (?, ?, ?, ?, 1, ?, ?, ?)",
            (source_id, kind, name, count.records, count.last_ms // DAY_MS, count.first_ms, count.last_ms),
        )
    if refused:
        _count_more(connection, source_id, kind, refused, refused_ms)


def _count(connection: database.Connection, source_id: int, kind: str, name: str, count: _Count) -> None:
    day = count.last_ms // DAY_MS
    connection.execute(
        "UPDATE names_seen SET records = records + ?, last_ms = CASE WHEN last_ms > ? THEN last_ms ELSE ? END,"
        " days = days + CASE WHEN last_day < ? THEN 1 ELSE 0 END,"
        " last_day = CASE WHEN last_day < ? THEN ? ELSE last_day END"
        " WHERE source_id = ? AND kind = ? AND name = ?",
        (count.records, count.last_ms, count.last_ms, day, day, day, source_id, kind, name),
    )


def _make_room(connection: database.Connection, source_id: int, kind: str, count: _Count) -> str | None:
    """Let the least seen name go, if it was seen on one day only and not more often than the new one; returns it."""
    least = connection.execute(
        "SELECT name, days, records, last_ms FROM names_seen WHERE source_id = ? AND kind = ? AND name <> ''"
        " ORDER BY days, records, last_ms LIMIT 1",
        (source_id, kind),
    ).fetchone()
    if least is None or least[1] > 1 or least[2] > count.records:
        return None
    connection.execute(
        "DELETE FROM names_seen WHERE source_id = ? AND kind = ? AND name = ?", (source_id, kind, least[0])
    )
    _count_more(connection, source_id, kind, least[2], least[3])
    return str(least[0])


def _count_more(connection: database.Connection, source_id: int, kind: str, records: int, at_ms: int) -> None:
    connection.execute(
        "INSERT INTO names_seen (source_id, kind, name, records, days, last_day, first_ms, last_ms)"
        " VALUES (?, ?, ?, ?, 1, 0, ?, ?) ON CONFLICT (source_id, kind, name) DO UPDATE SET"
        " records = names_seen.records + excluded.records,"
        " last_ms = CASE WHEN excluded.last_ms > names_seen.last_ms THEN excluded.last_ms ELSE names_seen.last_ms END",
        (source_id, kind, MORE, records, at_ms, at_ms),
    )


def forget(connection: database.Connection, *, now_ms: int) -> None:
    connection.execute("DELETE FROM names_seen WHERE last_ms < ?", (now_ms - NAME_DAYS * DAY_MS,))
