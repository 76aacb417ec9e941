"""Owns the compiled rules, what was learned of names, routes and values, and runs the kernel over lines."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dekhang.engine.indicators.scan import GATES
from dekhang.engine.logsources import LogsourceMapping, Source
from dekhang.engine.logsources import Place as SourcePlace
from dekhang.engine.records import Record
from dekhang.engine.sieve.canonical import canonical, plain_json
from dekhang.engine.sieve.code import Code
from dekhang.engine.sieve.folding import fold_table
from dekhang.engine.sieve.kernel import DONE, NAME_WANTED, NO_ROUTE, ROUTE_WANTED, UNKNOWN, Lines, Scratch, sift
from dekhang.engine.sieve.literals import Found
from dekhang.engine.sieve.machine import PADDING
from dekhang.engine.sieve.memo import new_memo
from dekhang.engine.sieve.paths import PathTree, Shape, flat
from dekhang.engine.sieve.reading import DEPTH_MAX, SPANS_MAX, Spans
from dekhang.engine.sieve.routing import RouteBook

SLICE_BYTES = 8 << 20  # records are written out and sifted in pieces of about this size
LINE_BYTES = 32_768
INDICATOR = -1  # among the rules of a candidate: an indicator may be in it
SERIALS = 1 << 30  # lines after which all marks are wiped
DATA_BYTES_MAX = 1 << 30  # at a time: places in it are kept in 32 bits


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is remembered of values. Only speed depends on it.

    Args:
        values: of all fields together; a power of two.
        value_bytes: of all fields together.
        values_per_field: None = no limit of its own; 0 = nothing is remembered.
        longest_value: bytes; longer ones are looked at each time.
    """

    values: int = 1 << 19
    value_bytes: int = 48 << 20
    values_per_field: int | None = None
    longest_value: int = 512

    def __post_init__(self) -> None:
        if self.values < 1 or self.values & (self.values - 1):
            raise ValueError(f"Limits.values={self.values}: expected a power of two")
        if min(self.value_bytes, self.longest_value, self.values_per_field or 0) < 0:
            raise ValueError(f"{self}: expected no negative number")


@dataclass(slots=True)
class Sifted:
    """What the sieve let through.

    Args:
        candidates: line → positions of the rules that could match it.
        odd: lines that only the parser can read.
    """

    candidates: dict[int, list[int]]
    odd: list[int]


class Sieve:
    """Finds the rules that could match.

    Args:
        code: compiled rules.
        indicators: arrays for `indicators.scan.may_match`, when the code was compiled with indicators.
    """

    def __init__(
        self, code: Code, mapping: LogsourceMapping, limits: Limits, indicators: tuple[Any, Any] | None = None
    ) -> None:
        self._code = code
        self._routes = RouteBook(code, mapping)
        columns = len(code.columns.whole)
        per_field = limits.values if limits.values_per_field is None else limits.values_per_field
        seed = int.from_bytes(os.urandom(8), "little")  # attackers cannot aim at our hash tables
        self._memo = new_memo(
            2 * limits.values, limits.value_bytes, 4 * limits.values, columns, per_field, limits.longest_value, seed
        )
        programs, atoms = len(code.programs.starts), code.atom_count
        self._scratch = Scratch(
            np.zeros(atoms + 1, np.int32),
            np.zeros(programs + 1, np.int32),
            Found(np.zeros(atoms + 1, np.int32), np.zeros(atoms + 1, np.int32), np.zeros(1, np.int32)),
            np.zeros(atoms + 1, np.int32),
            np.zeros(2 * SLICE_BYTES, np.uint8),
            np.zeros(6, np.int64),
            np.zeros(1, np.int64),
        )
        self._spans = Spans(
            np.zeros(SPANS_MAX, np.int32),
            np.zeros(SPANS_MAX, np.int32),
            np.zeros(SPANS_MAX, np.int32),
            np.zeros(SPANS_MAX, np.uint8),
            np.zeros(DEPTH_MAX, np.int32),
        )
        self._text = np.zeros(SLICE_BYTES, np.uint8)
        room = programs + 65_536
        self._hit_lines = np.zeros(room, np.int32)
        self._hit_programs = np.zeros(room, np.int32)
        self._indicators: tuple[Any, Any] = indicators or (np.zeros(16, np.uint64), np.zeros(GATES, np.uint64))
        self._heard_column = code.other_column if indicators is not None else -1
        self._trees: list[PathTree] = []
        self._flat = self.tree(flat)

    def tree(self, shape: Shape) -> PathTree:
        """Return room for learning the names of lines of a shape; only for this sieve."""
        tree = PathTree(shape, self._column_of)
        self._trees.append(tree)
        return tree

    def sift_lines(self, data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], tree: PathTree) -> Sifted:
        """Sift JSON objects, whose channel and event id say which rules read them.

        Args:
            data: the lines; starts, ends: of each in it.

        Raises:
            ValueError: a line begins or ends outside of `data`, or there are more than DATA_BYTES_MAX. Machine code
                checks no bounds, so nothing is read before.
        """
        starts, ends = np.ascontiguousarray(starts, np.int64), np.ascontiguousarray(ends, np.int64)
        if len(data) > DATA_BYTES_MAX:
            raise ValueError(f"{len(data)} bytes of lines at a time: at most {DATA_BYTES_MAX}")
        if len(starts) != len(ends) or (len(starts) and (starts.min() < 0 or ends.max() > len(data))):
            raise ValueError("lines: some begin or end outside of their data")
        routes = np.full(len(starts), UNKNOWN, np.int32)
        too_long = (ends - starts > LINE_BYTES).astype(np.uint8)  # what parsers cut may be tested only after that
        return self._sift(data, starts, ends, routes, too_long, tree, folded=False)

    def sift_records(self, records: Sequence[Record]) -> Sifted:
        """Sift parsed records."""
        found: dict[int, list[int]] = {}
        first = 0
        while first < len(records):
            pieces: list[bytes] = []
            routes: list[int] = []
            size = 0
            place = first
            odd: list[int] = []
            while place < len(records) and size < SLICE_BYTES // 2:
                record = records[place]
                route = self._routes.of_record(record)
                piece = b"{}" if route == NO_ROUTE else plain_json(record.fields)
                if piece is None:
                    odd.append(place - first)
                    piece = b"{}"
                pieces.append(piece)
                routes.append(route)
                size += len(piece)
                place += 1
            sifted = self._sift_pieces(pieces, routes, folded=False)
            found.update((first + line, rules) for line, rules in sifted.candidates.items())
            odd.extend(sifted.odd)
            for line in odd:  # what is strange is rare, or hostile
                rules = self._sift_odd(records[first + line], routes[line])
                if rules:
                    found[first + line] = rules
            first = place
        return Sifted(dict(sorted(found.items())), [])

    @property
    def seen(self) -> "Counter[SourcePlace]":
        """How many records there were by the facts that tell which rules read them."""
        return self._routes.seen()

    def sources_of(self, record: Record) -> tuple[Source, ...]:
        """Return the log source kinds of a record."""
        return self._routes.sources_of(record)

    def _sift_odd(self, record: Record, route: int) -> list[int]:
        if route == NO_ROUTE:
            return []
        piece = canonical(record.fields, self._code.column_names.__contains__)
        if piece is not None:
            again = self._sift_pieces([piece], [route], folded=True)
            if not again.odd:
                return again.candidates.get(0, [])
        # too much for the kernel: the reference looks at each rule
        return [int(one) for one in self._code.rules[np.flatnonzero(self._routes.rows.programs[route])]]

    def _sift_pieces(self, pieces: list[bytes], routes: list[int], *, folded: bool) -> Sifted:
        ends = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
        starts = np.concatenate((np.zeros(1, np.int64), ends[:-1]))
        odd = np.zeros(len(pieces), np.uint8)
        return self._sift(b"".join(pieces), starts, ends, np.array(routes, np.int32), odd, self._flat, folded=folded)

    def _sift(
        self,
        data: bytes,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        routes: NDArray[np.int32],
        odd: NDArray[np.uint8],
        tree: PathTree,
        *,
        folded: bool,
    ) -> Sifted:
        self._make_room(data, starts, ends)
        lines = Lines(self._text, starts, ends, routes, odd)
        code, found = self._code, self._scratch.found
        slots, gates = self._indicators
        candidates: dict[int, list[int]] = {}
        hits = np.zeros(1, np.int64)
        tree.earn(len(starts))
        at = 0
        while True:
            status, at = sift(
                lines,
                at,
                0,
                folded,
                tree.paths,
                self._spans,
                code.columns,
                code.literals,
                code.programs,
                self._routes.rows,
                self._routes.table,
                self._memo,
                self._scratch,
                fold_table(),
                slots,
                gates,
                code.indicator_atom,
                self._hit_lines,
                self._hit_programs,
                hits,
            )
            if hits[0]:
                owners = code.rules[self._hit_programs[: hits[0]]].tolist()
                for line, owner in zip(self._hit_lines[: hits[0]].tolist(), owners, strict=True):
                    candidates.setdefault(line, []).append(owner)
                hits[0] = 0
            if status == DONE:
                return Sifted(candidates, np.flatnonzero(lines.odd).tolist())
            if status == NAME_WANTED:
                if folded or tree.spend():
                    tree.add(int(found[0]), self._text[found[1] : found[2]].tobytes())
                else:
                    lines.odd[at] = 1
            elif status == ROUTE_WANTED:
                named, event, provider = found[3], found[4], int(found[5])
                self._routes.learn(
                    self._text[self._spans.starts[named] : self._spans.ends[named]].tobytes(),
                    self._text[self._spans.starts[event] : self._spans.ends[event]].tobytes(),
                    provider,
                )

    def _make_room(self, data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
        if len(data) + PADDING > len(self._text):
            self._text = np.zeros(len(data) + PADDING, np.uint8)
        self._text[: len(data)] = np.frombuffer(data, np.uint8)
        self._text[len(data) : len(data) + PADDING] = 0
        longest = int((ends - starts).max()) if len(starts) else 0
        if 2 * longest + 2 * PADDING > len(self._scratch.folded):
            self._scratch = self._scratch._replace(folded=np.zeros(2 * longest + 2 * PADDING, np.uint8))
        if self._scratch.serial[0] + len(starts) > SERIALS:
            self._scratch.serial[0] = 0
            self._scratch.held[:] = 0
            self._scratch.asked[:] = 0
            for tree in self._trees:
                tree.paths.seen[:] = 0
        if self._scratch.of_value.ticket[0] > SERIALS:
            self._scratch.of_value.ticket[0] = 0
            self._scratch.of_value.noted[:] = 0

    def _column_of(self, field: str, heard: bool) -> int:
        return self._code.column_names.get(field, self._heard_column if heard else -1)
