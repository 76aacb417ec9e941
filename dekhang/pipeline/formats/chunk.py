"""Records in bulk: many in one buffer, with the places where each begins and ends.

A native reader works on the buffer; iteration over single records cuts the same spans out of it, so both see the same.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dekhang.pipeline.formats.limits import CHUNK_BYTES, CHUNK_RECORDS, FILE_RECORD_BYTES
from dekhang.pipeline.formats.problems import Problems
from dekhang.pipeline.formats.unpack import Readable, UnpackError, read_into

Offsets = npt.NDArray[np.int64]
_NEWLINE, _RETURN, _BLANK = 10, 13, 32
_PIECE_BYTES = 256 << 10  # fits the second cache of the processor


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some records of a file, in order: record number first_index + i is data[starts[i]:ends[i]].

    kind: "jsonl" and "evtx": each record is one JSON text on one line (of JSONL: as the file has it, also when broken);
    "lines": each is a line of text; "records": each is whatever the format gives, newlines included.
    Between two spans there is nothing but line ends and blanks.
    """

    data: bytes
    starts: Offsets
    ends: Offsets
    first_index: int
    kind: str

    def __len__(self) -> int:
        return len(self.starts)

    def records(self) -> Iterator[bytes]:
        data = self.data
        for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True):
            yield data[start:end]


def joined(records: list[bytes], first_index: int, kind: str) -> Chunk:
    """Put single records into one chunk, a line end between them."""
    return spaced(b"\n".join(records), list(map(len, records)), first_index, kind)


def spaced(data: bytes, lengths: list[int], first_index: int, kind: str) -> Chunk:
    """The chunk of records of these lengths that stand in `data` one byte apart."""
    sizes = np.fromiter(lengths, np.int64, len(lengths))
    ends = np.cumsum(sizes + 1) - 1
    return Chunk(data, ends - sizes, ends, first_index, kind)


def gathered(records: Iterator[bytes], *, first_index: int, max_bytes: int, kind: str = "records") -> Iterator[Chunk]:
    """Gather an iterator's records into chunks of about `max_bytes`; what was read before a fault is handed out."""
    held: list[bytes] = []
    size = 0
    index = first_index
    try:
        for record in records:
            held.append(record)
            size += len(record)
            if size >= max_bytes or len(held) >= CHUNK_RECORDS:
                chunk = joined(held, index, kind)
                index += len(held)
                held, size = [], 0
                yield chunk
    except UnpackError:
        if held:
            yield joined(held, index, kind)
        raise
    if held:
        yield joined(held, index, kind)


def line_chunks(
    stream: Readable,
    problems: Problems,
    *,
    first_index: int,
    max_bytes: int,
    kind: str,
    record_bytes: int = FILE_RECORD_BYTES,
    drop: Callable[[bytes, Offsets, Offsets], npt.NDArray[np.bool_]] | None = None,
) -> Iterator[Chunk]:
    """Cut a stream into chunks of whole lines; blank lines are no records, line ends belong to none.

    A JSON line longer than `record_bytes` is left out (half of it means nothing), a line of text keeps its beginning;
    both are told. A chunk is at most `max_bytes` and one line long. `drop` marks the lines that are no records.
    """
    index = first_index
    keep_beginning = kind == "lines"
    window = _Window(stream, max_bytes, record_bytes)
    while not window.ended:
        data, newlines = window.advance()
        if data:
            starts, ends = _spans(data, newlines)
            if drop is not None and len(starts):
                kept = ~drop(data, starts, ends)
                starts, ends = starts[kept], ends[kept]
            starts, ends = _bounded(starts, ends, problems, index, record_bytes, keep_beginning=keep_beginning)
            if len(starts):
                yield Chunk(data, starts, ends, index, kind)
                index += len(starts)
    if window.fault is not None:
        raise window.fault


class _Window:
    """A buffer that is used again and again: fresh memory for every block costs more than reading the block.

    Line ends are looked for in each piece just read, while the processor still has it at hand.
    """

    def __init__(self, stream: Readable, max_bytes: int, record_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self._record_bytes = record_bytes
        self._buffer = bytearray(record_bytes + max_bytes)  # pages that are never used cost nothing
        self._view = memoryview(self._buffer)
        self._numbers = np.frombuffer(self._buffer, np.uint8)
        self._mask = np.empty(_PIECE_BYTES, np.bool_)
        self._kept = 0  # bytes of a line whose end has not come yet, at the start of the buffer
        self._skipping = False  # inside of a line that is too long and has been handed out as far as it goes
        self.ended = False
        self.fault: UnpackError | None = None

    def advance(self) -> tuple[bytes, Offsets]:
        """Return the next whole lines, and where in them the line ends are; of a line too long, its beginning."""
        filled, newlines = self._read()
        begin = 0
        if self._skipping:
            if not len(newlines):
                self._kept = 0
                return b"", newlines
            begin = int(newlines[0]) + 1
            newlines = newlines[1:]
            self._skipping = False
        cut = filled
        self._kept = 0
        if not self.ended:
            whole = int(newlines[-1]) + 1 if len(newlines) else begin
            if filled - whole > self._record_bytes:
                cut = whole + self._record_bytes + 1
                self._skipping = True
            else:
                cut = whole
                self._kept = filled - whole
        data = bytes(self._view[begin:cut])
        self._buffer[: self._kept] = self._buffer[cut : cut + self._kept]
        return data, newlines - begin if begin else newlines

    def _read(self) -> tuple[int, Offsets]:
        filled = self._kept
        stop = filled + self._max_bytes
        found: list[Offsets] = []
        while filled < stop:
            piece = min(_PIECE_BYTES, stop - filled)
            try:
                size = read_into(self._stream, self._view[filled : filled + piece])
            except UnpackError as fault:
                self.fault = fault
                size = 0
            if not size:
                self.ended = True
                break
            mask = np.equal(self._numbers[filled : filled + size], _NEWLINE, out=self._mask[:size])
            found.append(np.flatnonzero(mask) + filled)
            filled += size
        return filled, np.concatenate(found) if found else np.empty(0, np.int64)


def _spans(data: bytes, newlines: Offsets) -> tuple[Offsets, Offsets]:
    """Where the lines of `data` begin and end, without line ends (LF or CRLF) and without blank lines."""
    view = np.frombuffer(data, np.uint8)
    ends = newlines if data.endswith(b"\n") else np.append(newlines, len(data))
    starts = np.empty_like(ends)
    starts[0] = 0
    starts[1:] = ends[:-1] + 1
    ends = ends - ((ends > starts) & (view[ends - 1] == _RETURN))
    kept = ends > starts
    if not kept.all():
        starts, ends = starts[kept], ends[kept]
    doubtful = np.flatnonzero(view[starts] <= _BLANK)
    if len(doubtful):
        blank = [number for number in doubtful.tolist() if data[starts[number] : ends[number]].isspace()]
        if blank:
            starts, ends = np.delete(starts, blank), np.delete(ends, blank)
    return starts, ends


def _bounded(
    starts: Offsets, ends: Offsets, problems: Problems, index: int, record_bytes: int, *, keep_beginning: bool
) -> tuple[Offsets, Offsets]:
    """Cut or leave out the lines that are too long, and say so."""
    long = np.flatnonzero(ends - starts > record_bytes)
    if not len(long):
        return starts, ends
    for left_out, number in enumerate(long.tolist()):
        if keep_beginning:
            problems.note(index + number, f"Dòng dài quá giới hạn {record_bytes} byte, nên chỉ phần đầu được giữ.")
        else:
            problems.note(index + number - left_out, f"Bản ghi dài quá giới hạn {record_bytes} byte, nên bị bỏ qua.")
    if keep_beginning:
        ends = ends.copy()
        ends[long] = starts[long] + record_bytes
        return starts, ends
    return np.delete(starts, long), np.delete(ends, long)


class Lines:
    """Lines of text for formats that make their records of them: the reader counts its records in `index`."""

    def __init__(self, stream: Readable, problems: Problems, first_index: int) -> None:
        self._stream = stream
        self._problems = problems
        self.index = first_index  # of the record that is due

    def __iter__(self) -> Iterator[bytes]:
        told = Problems()
        for chunk in line_chunks(self._stream, told, first_index=0, max_bytes=CHUNK_BYTES, kind="lines"):
            for _, sentence in told:
                self.note(sentence)
            told.clear()
            yield from chunk.records()

    def note(self, sentence: str) -> None:
        self._problems.note(self.index, sentence)
