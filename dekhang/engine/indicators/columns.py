"""A million indicators in a few arrays instead of a million objects: about 50 bytes each, found by a 64-bit key.

keys    uint64, ascending: digest of kind and value; equal keys stand side by side (several sources, one value)
starts, sizes, kinds, notes, lines: one entry an indicator, in the order of `keys`
text    all values one after the other, ASCII
sources, note_texts: MessagePack of what the indicators have in common; a plain list has one note for all
link_hosts: uint64, ascending: digests of the hosts of all links
slots, gates: the scanner's own view of the same indicators (scan.py)
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import msgspec
import numpy as np
from numpy.typing import NDArray

from dekhang.engine.indicators import scan
from dekhang.engine.indicators.shapes import Indicator, Kind, Note, Source

INDICATORS_MAX = 4_000_000  # × ~50 B and up to 32 B in `slots`: 330 MB
VALUE_BYTES_MAX = 4_096
NOTES_REMEMBERED = 10_000  # × ~500 B; what is said again after so many others is kept twice

LINK_HOST = re.compile(r"\[[^\]]*\]|[^:/]*")

_note_decoder = msgspec.msgpack.Decoder(tuple[int, Note])


def key_of(kind: Kind, value: str) -> int:
    """Return the key under which indicators of this kind and value stand."""
    return int.from_bytes(blake2b(b"%d %b" % (kind, value.encode()), digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class Columns:
    """See the module. The first six arrays are of one length; `note_starts` has one entry more than there are notes."""

    keys: NDArray[np.uint64]
    starts: NDArray[np.int64]
    sizes: NDArray[np.uint16]
    kinds: NDArray[np.uint8]
    notes: NDArray[np.uint32]
    lines: NDArray[np.uint32]
    text: NDArray[np.uint8]
    note_texts: NDArray[np.uint8]
    note_starts: NDArray[np.uint64]
    link_hosts: NDArray[np.uint64]
    slots: NDArray[np.uint64]
    gates: NDArray[np.uint64]

    def __len__(self) -> int:
        return int(self.keys.size)


class Reader:
    """Looks up single indicators in columns."""

    def __init__(self, columns: Columns, sources: tuple[Source, ...]) -> None:
        self.columns = columns
        self.sources = sources
        # memoryviews: a single number out of a numpy array costs five times as much
        self._keys = columns.keys.data
        self._link_hosts = columns.link_hosts.data
        self._read_note = lru_cache(maxsize=4_096)(self._note)

    def find(self, kind: Kind, value: str) -> Iterator[Indicator]:
        """Yield the indicators of this kind whose value is exactly this."""
        key = key_of(kind, value)
        place = bisect_left(self._keys, key)
        while place < len(self._keys) and self._keys[place] == key:
            if self.columns.kinds[place] == kind and self.value(place) == value:
                yield self.indicator(place)
            place += 1

    def is_link_host(self, host: str) -> bool:
        """Return whether some link of the set is on this host (an IPv6 address in brackets)."""
        key = key_of(Kind.URL, host)
        place = bisect_left(self._link_hosts, key)
        return place < len(self._link_hosts) and self._link_hosts[place] == key

    def value(self, place: int) -> str:
        start = int(self.columns.starts[place])
        return self.columns.text[start : start + int(self.columns.sizes[place])].tobytes().decode()

    def indicator(self, place: int) -> Indicator:
        source, note = self._read_note(int(self.columns.notes[place]))
        kind = Kind(int(self.columns.kinds[place]))
        return Indicator(kind, self.value(place), self.sources[source], note, int(self.columns.lines[place]))

    def _note(self, which: int) -> tuple[int, Note]:
        start, stop = int(self.columns.note_starts[which]), int(self.columns.note_starts[which + 1])
        return _note_decoder.decode(self.columns.note_texts[start:stop].tobytes())


class ColumnsBuilder:
    """Takes indicators one by one and holds them as bytes, so that a million need no million objects."""

    def __init__(self) -> None:
        self._keys, self._starts, self._sizes = array("Q"), array("q"), array("H")
        self._kinds, self._notes, self._lines = array("B"), array("I"), array("I")
        self._link_hosts = array("Q")
        self._text = bytearray()
        self._note_texts = bytearray()
        self._note_starts = array("Q", [0])
        self._source_at: dict[Source, int] = {}
        self._note_at: dict[tuple[int, Note], int] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, kind: Kind, value: str, source: Source, note: Note, line: int) -> None:
        """Add an indicator whose value is in normal form.

        Raises:
            OverflowError: the set is full, or the value longer than any that can be found.
        """
        if len(self._keys) >= INDICATORS_MAX or len(value) > VALUE_BYTES_MAX:
            raise OverflowError
        encoded = value.encode("ascii")
        which = self._source_at.setdefault(source, len(self._source_at))
        at = self._note_at.get((which, note))
        if at is None:
            if len(self._note_at) == NOTES_REMEMBERED:
                self._note_at.clear()
            self._note_texts += msgspec.msgpack.encode((which, note))
            self._note_starts.append(len(self._note_texts))
            at = self._note_at[which, note] = len(self._note_starts) - 2
        self._keys.append(key_of(kind, value))
        self._starts.append(len(self._text))
        self._sizes.append(len(encoded))
        self._kinds.append(kind)
        self._notes.append(at)
        self._lines.append(min(line, 0xFFFF_FFFF))
        self._text += encoded
        if kind is Kind.URL:
            self._link_hosts.append(key_of(Kind.URL, LINK_HOST.match(value).group()))  # type: ignore[union-attr]

    def build(self) -> tuple[Columns, tuple[Source, ...]]:
        """Return the columns, and the sources that the notes count. What one note says twice is there once."""
        keys = np.frombuffer(self._keys, np.uint64) if self._keys else np.zeros(0, np.uint64)
        notes = np.array(self._notes, np.uint32)
        order = np.lexsort((notes, keys))  # stable: of two equal ones the earlier line stays
        again = np.zeros(order.size, bool)
        again[1:] = (keys[order[1:]] == keys[order[:-1]]) & (notes[order[1:]] == notes[order[:-1]])
        order = order[~again]
        starts = np.array(self._starts, np.int64)[order]
        sizes = np.array(self._sizes, np.uint16)[order]
        kinds = np.array(self._kinds, np.uint8)[order]
        text = np.frombuffer(
            self._text, np.uint8
        )  # not bytes: numba would compile all of it again for read-only arrays
        slots, gates = scan.build(text, starts, sizes, kinds)
        columns = Columns(
            keys=keys[order],
            starts=starts,
            sizes=sizes,
            kinds=kinds,
            notes=notes[order],
            lines=np.array(self._lines, np.uint32)[order],
            text=text,
            note_texts=np.frombuffer(self._note_texts, np.uint8),
            note_starts=np.array(self._note_starts, np.uint64),
            link_hosts=np.unique(np.array(self._link_hosts, np.uint64)),
            slots=slots,
            gates=gates,
        )
        return columns, tuple(self._source_at)
