"""Which programs read which records: one row per combination of log source kinds, made when it is first met."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from dekhang.engine.logsources import LogsourceMapping, Place, Source, event_id_of
from dekhang.engine.records import Record
from dekhang.engine.sieve.code import Code
from dekhang.engine.sieve.deciding import Routes
from dekhang.engine.sieve.kernel import NO_ROUTE, RouteTable, route_code
from dekhang.engine.sieve.machine import PADDING
from dekhang.engine.sieve.packing import ragged

ROUTES_REMEMBERED = 32_768  # combinations of channel and event id; attackers may invent them
TEXT_BYTES = 4 << 20
PLACES_REMEMBERED = 10_000
NOBODYS = "\0"  # stands for the channels that no source has

RouteKey: TypeAlias = tuple[str, str, str, str, int | None]  # product, service, category, channel, event id


@dataclass(slots=True)
class _Known:
    """A combination of facts: the route, the log source kinds, and how many parsed records had it."""

    route: int
    sources: tuple[Source, ...]
    place: Place
    count: int = 0


class RouteBook:
    """Owns the arrays `Routes` (a row per combination of sources) and `RouteTable` (which row for which bytes)."""

    def __init__(self, code: Code, mapping: LogsourceMapping) -> None:
        self._code = code
        self._mapping = mapping
        self._channels = frozenset().union(*(source.channels for source in mapping.sources))
        self._event_ids = frozenset().union(*(source.event_ids for source in mapping.sources))
        self._row_of: dict[tuple[int, ...], int] = {}
        self._sources: list[tuple[Source, ...]] = []
        self._always: list[list[int]] = []
        self._keywords: list[list[int]] = []
        self._by_record: dict[RouteKey, _Known] = {}
        self._by_slot: dict[int, _Known] = {}
        self._seen: Counter[Place] = Counter()
        self._programs: NDArray[np.uint8] = np.zeros((16, len(code.rules)), np.uint8)
        self._columns: NDArray[np.uint8] = np.zeros((16, len(code.columns.whole)), np.uint8)
        self._forget()
        self._publish()

    def seen(self) -> Counter[Place]:
        """How many records there were by the facts that tell which rules read them, as far as they are remembered."""
        found = Counter(self._seen)
        for known in self._by_record.values():
            found[known.place] += known.count
        for slot, known in self._by_slot.items():
            found[known.place] += int(self.table.counts[slot])
        return +found

    def _note(self) -> None:
        """Put the counts of what is about to be forgotten aside."""
        self._seen = Counter(dict(self.seen().most_common(PLACES_REMEMBERED)))

    def _forget(self) -> None:
        slots = 2 * ROUTES_REMEMBERED
        self.table = RouteTable(
            np.zeros(slots, np.uint64),
            np.zeros(slots, np.int32),
            np.zeros(slots, np.int32),
            np.zeros(slots, np.int32),
            np.zeros(slots, np.uint8),
            np.zeros(slots, np.int32),
            np.zeros(slots, np.int64),
            np.zeros(TEXT_BYTES + PADDING, np.uint8),
        )
        self._by_slot = {}
        self._known = 0
        self._used = 0

    def of_record(self, record: Record) -> int:
        """Return the route of a parsed record, NO_ROUTE when no rule reads it."""
        known = self._look_up(record)
        known.count += 1
        return known.route

    def sources_of(self, record: Record) -> tuple[Source, ...]:
        """Return the log source kinds of a record."""
        return self._look_up(record).sources

    def _look_up(self, record: Record) -> "_Known":
        fields = record.fields
        key: RouteKey
        if record.product != "windows":
            key = (record.product, record.service, record.category, "", None)
        else:
            channel, event_id = fields.get("Channel"), fields.get("EventID")
            if type(channel) is not str or type(event_id) is not int:
                # rare shapes: text ids, no channel, lists
                channel = self._mapping.channel_of(fields)
                event_id = event_id_of(fields)
            key = (record.product, record.service, record.category, channel, event_id)
        found = self._by_record.get(key)
        if found is None:
            place = self._mapping.place_of(record)
            indexes = self._mapping.sources_at(self._told_apart(place))
            if len(self._by_record) >= ROUTES_REMEMBERED:
                self._note()
                self._by_record.clear()
                self.table.counts[:] = 0
            sources = tuple(self._mapping.sources[one] for one in indexes)
            found = self._by_record[key] = _Known(self._row(indexes), sources, place)
        return found

    def _told_apart(self, place: Place) -> Place:
        """Return a place with the same sources, one for all channels and event ids that no source asks for.

        Attackers may invent these without end, and each new place is compared with every source.
        """
        product, service, category, channel, event_id = place
        if channel not in self._channels:
            channel = NOBODYS
        return product, service, category, channel, event_id if event_id in self._event_ids else None

    def learn(self, first: bytes, event: bytes, provider: int) -> None:
        """Find the route of a Windows line by channel (or provider) and event id as they stand in JSON."""
        if self._known == ROUTES_REMEMBERED or self._used + len(first) + len(event) > TEXT_BYTES:
            self._note()
            for known in self._by_record.values():
                known.count = 0
            self._forget()
        name = "Provider_Name" if provider else "Channel"
        fields = {name: _decoded(b'"' + first + b'"'), "EventID": _decoded(event)}
        known = self._look_up(Record(fields, product="windows"))
        text = np.frombuffer(first + event + bytes(PADDING), np.uint8)
        size = len(first) + len(event)
        if self._used + size > TEXT_BYTES:
            return
        code = route_code(text, 0, len(first), len(first), size, provider)
        table = self.table
        mask = len(table.keys) - 1
        slot = int(code) & mask
        while table.keys[slot]:
            slot = (slot + 1) & mask
        table.texts[self._used : self._used + size] = text[:size]
        table.keys[slot] = code
        table.starts[slot] = self._used
        table.channels[slot] = len(first)
        table.events[slot] = len(event)
        table.providers[slot] = provider
        table.routes[slot] = known.route
        self._by_slot[slot] = known
        self._known += 1
        self._used += size

    # -- rows ----------------------------------------------------------------------------------------------------

    def _row(self, sources: tuple[int, ...]) -> int:
        row = self._row_of.get(sources)
        if row is None:
            row = self._row_of[sources] = self._new_row(sources)
        return row

    def _new_row(self, sources: tuple[int, ...]) -> int:
        code = self._code
        with_indicators = bool(code.columns.indicators.any())
        reads: NDArray[np.bool_] = np.zeros(len(code.rules), np.bool_)
        for source in sources:
            reads |= code.readers[:, source] > 0
        if with_indicators:
            reads[code.indicator_program] = True
        programs = np.flatnonzero(reads)
        if not len(programs):
            return NO_ROUTE
        row = len(self._always)
        if row == len(self._programs):
            self._programs = np.concatenate((self._programs, np.zeros_like(self._programs)))
            self._columns = np.concatenate((self._columns, np.zeros_like(self._columns)))
        self._programs[row] = reads
        starts, members = code.asked
        if with_indicators:
            self._columns[row] = 1
        else:
            for program in programs:
                self._columns[row, members[starts[program] : starts[program + 1]]] = 1
        self._always.append([int(one) for one in code.always if reads[one]])
        self._keywords.append(sorted({int(one) for one in code.keywords[programs] if one >= 0}))
        self._publish()
        return row

    def _publish(self) -> None:
        self.rows = Routes(self._programs, self._columns, *ragged(self._always), *ragged(self._keywords))


def _decoded(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
