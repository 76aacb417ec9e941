"""Files to what matches in single records: the part of the work that any process can do, in any order.

A Piece is a file or, of a big file of JSON lines, a range of its bytes; a Part is what was found in some of its records.
"""

import io
import queue
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dekhang.engine import Record
from dekhang.engine.detector import Finder, Found
from dekhang.engine.logsources import Place
from dekhang.pipeline.formats import Chunk, RecordFile, open_records, open_stream
from dekhang.pipeline.formats.recognise import recognise
from dekhang.pipeline.formats.unpack import packing_of
from dekhang.pipeline.parse import ParsedEvent, parse
from dekhang.pipeline.parse.audit_join import Joiner
from dekhang.pipeline.parse.windows_shape import windows_shape

STDIN = Path("-")
PIECE_BYTES = 24 << 20  # of a file that several processes read
HEAD_BYTES = 65_536
PROBLEMS_TOLD = 5  # of a piece; the others are counted


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to read: a file, or its lines that begin at `start` or later and before `stop`; stop 0 = all of it."""

    path: Path
    start: int = 0
    stop: int = 0


@dataclass(frozen=True, slots=True)
class Sighting:
    """What matches in a record, and what its parser knew besides. `found.index` counts from the piece's first record."""

    found: Found
    time_known: bool
    host: str


@dataclass(slots=True)
class Part:
    """What came of some records of a piece.

    Args:
        records: how many they are; unparsable: those of an unknown kind.
        last: one of the last of them, for the time it tells; None = not asked for.
        done_bytes: of the piece so far.
        problems: (position, sentence), in the last part of a piece; problem_count: also those left out.
        unreadable: why the piece could not be opened at all.
    """

    records: int = 0
    unparsable: int = 0
    sightings: list[Sighting] = field(default_factory=list)
    last: Record | None = None
    done_bytes: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)
    problem_count: int = 0
    unreadable: str = ""


class Reader:
    """Reads pieces through a Finder.

    Args:
        input_format: one of pipeline.formats.FORMATS; None = the content decides.
        clock: whether somebody wants to know how far in time the records are.
    """

    def __init__(self, finder: Finder, input_format: str | None, *, clock: bool) -> None:
        self._finder = finder
        self._format = input_format
        self._clock = clock

    @property
    def seen(self) -> Counter[Place]:
        """Records so far by the facts that tell which rules read them."""
        return self._finder.seen

    def read(self, piece: Piece) -> Iterator[Part]:
        """Yield what a piece holds, part by part."""
        try:
            with _opened(piece, self._format) as records:
                yield from self._parts(records)
        except OSError as error:
            yield Part(unreadable=f"Không đọc được {piece.path}: {error.strerror or error}.")

    def _parts(self, records: RecordFile) -> Iterator[Part]:
        joiner = Joiner()
        received_ms = records.changed_ms  # gives the year to times without one
        for chunk in _ahead(records.chunks()):
            if chunk.kind in ("jsonl", "evtx") and _is_windows(chunk, received_ms):
                part = self._lines(chunk, received_ms)
            else:
                part = self._events(chunk, received_ms, joiner)
            part.records = len(chunk)
            part.done_bytes = records.read_bytes
            if self._clock and len(chunk):
                part.last = _parsed(chunk, len(chunk) - 1, received_ms).record
            yield part
        rest = Part(sightings=self._found(joiner.flush()), done_bytes=records.size_bytes)
        rest.problems = list(records.problems)[:PROBLEMS_TOLD]
        rest.problem_count = records.problems.total
        yield rest

    def _lines(self, chunk: Chunk, received_ms: int) -> Part:
        """Windows events as JSON: the engine reads them itself."""
        events: dict[int, ParsedEvent] = {}

        def parse_line(line: int) -> Record:
            event = events[line] = _parsed(chunk, line, received_ms)
            return event.record

        found = self._finder.find_lines(chunk.data, chunk.starts, chunk.ends, windows_shape, parse_line)
        sightings = [_sighting(one, events[one.index]) for one in found]
        return Part(unparsable=sum(event.kind == "raw" for event in events.values()), sightings=sightings)

    def _events(self, chunk: Chunk, received_ms: int, joiner: Joiner) -> Part:
        """Everything else: parsed one by one; records of one audit event are put together."""
        events: list[ParsedEvent] = []
        unparsable = 0
        for line, raw in enumerate(chunk.records(), chunk.first_index):
            event = parse(raw, source_kind="", received_ms=received_ms, key=line)
            unparsable += event.kind == "raw"
            events.extend(joiner.feed(event))
        return Part(unparsable=unparsable, sightings=self._found(events))

    def _found(self, events: list[ParsedEvent]) -> list[Sighting]:
        found = self._finder.find([event.record for event in events])
        return [_sighting(one, events[one.index]) for one in found]


def pieces(path: Path, input_format: str | None, *, cut: bool) -> list[Piece]:
    """Return a file as pieces: several only if `cut` and it is a big plain file of JSON lines."""
    if not cut or path == STDIN or input_format not in (None, "jsonl"):
        return [Piece(path)]
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return [Piece(path)]  # reading it will say why
    if size < 2 * PIECE_BYTES or packing_of(head) or recognise(head, path.name)[0] != "jsonl":
        return [Piece(path)]
    return [Piece(path, start, min(size, start + PIECE_BYTES)) for start in range(0, size, PIECE_BYTES)]


@contextmanager
def _opened(piece: Piece, input_format: str | None) -> Iterator[RecordFile]:
    if piece.path == STDIN:
        yield open_stream(sys.stdin.buffer, format=input_format)
    elif not piece.stop:
        yield open_records(piece.path, format=input_format)
    else:
        with piece.path.open("rb") as file:
            stream = io.BufferedReader(_Lines(file, piece.start, piece.stop), 1 << 20)
            yield open_stream(stream, piece.path.name, format="jsonl")


class _Lines(io.RawIOBase):
    """The lines of a file that begin in a range of bytes, as a stream."""

    def __init__(self, file: io.BufferedReader, start: int, stop: int) -> None:
        super().__init__()
        self._file = file
        self._left = stop - start
        self._rest = b""  # of the last line, which may reach beyond the range
        if start:  # the line that reaches into the range belongs to the one before
            file.seek(start - 1)
            self._left -= len(file.readline()) - 1

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        if not data and self._left > 0:
            data = self._file.read(min(len(buffer), self._left))
            self._left = self._left - len(data) if data else 0
            if self._left == 0 and data and not data.endswith(b"\n"):
                self._rest = self._file.readline()
        buffer[: len(data)] = data
        return len(data)


def _ahead(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Read the next chunk while the engine, which does not hold Python's lock, works on this one."""
    ready: queue.Queue[Chunk | BaseException | None] = queue.Queue(maxsize=1)
    stop = threading.Event()

    def put(one: Chunk | BaseException | None) -> None:
        while not stop.is_set():
            try:
                ready.put(one, timeout=0.1)
            except queue.Full:
                continue
            return

    def read() -> None:
        try:
            for chunk in chunks:
                put(chunk)
                if stop.is_set():
                    return
            put(None)
        except BaseException as error:  # whatever it is, it is told where the chunks are used
            put(error)

    threading.Thread(target=read, name="reading ahead", daemon=True).start()
    try:
        while (one := ready.get()) is not None:
            if isinstance(one, BaseException):
                raise one
            yield one
    finally:
        stop.set()


def _parsed(chunk: Chunk, line: int, received_ms: int) -> ParsedEvent:
    raw = chunk.data[chunk.starts[line] : chunk.ends[line]]
    return parse(raw, source_kind="", received_ms=received_ms, key=chunk.first_index + line)


def _is_windows(chunk: Chunk, received_ms: int) -> bool:
    return len(chunk) > 0 and _parsed(chunk, 0, received_ms).kind == "windows"


def _sighting(found: Found, event: ParsedEvent) -> Sighting:
    placed = Found(found.record.key, found.record, found.rules, found.indicators)
    return Sighting(placed, event.time_from_event, event.host)
