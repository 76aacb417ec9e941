"""Windows event files (EVTX), also damaged ones and such as come through a pipe: what can be read is read, the rest told.

An EVTX file is a header of 4,096 bytes and then chunks of 65,536 bytes, each readable alone. The file is therefore read
chunk by chunk: memory stays bounded whatever its size, nothing needs seeking, and damage stays within its chunk. Four
sound chunks at a time go to the `evtx` package; where it finds a fault they go one by one, and the faulty one is mended
(`evtxrepair`) and read again.

Format: libyal's "Windows XML Event Log (EVTX) format"; facts only.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import evtx

from dekhang.pipeline.formats.chunk import Chunk, spaced
from dekhang.pipeline.formats.evtxrepair import (
    CHUNK_BYTES,
    CHUNK_MAGIC,
    PLACEHOLDER_ID,
    RECORDS_AT,
    declared_records,
    follows_unlisted,
    mended,
)
from dekhang.pipeline.formats.limits import FILE_RECORD_BYTES
from dekhang.pipeline.formats.problems import WHOLE_FILE, Problems
from dekhang.pipeline.formats.unpack import Readable, UnpackError, fill

FILE_MAGIC = b"ElfFile\x00"
HEADER_BYTES = 4096
GROUP = 4  # chunks at a time: what 256 kB become stays in the processor's cache; 16 took a third longer
_HELD_BYTES = 1 << 20  # of one chunk of JSON: more only costs fresh memory
_FAULTS_PER_CHUNK = 2_000  # a chunk holds 65,024 bytes, a record 28 or more
_SHOWN = 160  # characters of the package's own words


@dataclass(frozen=True, slots=True)
class _Piece:
    """One chunk of the file; `whole` is false where its header is broken or its end is missing."""

    offset: int
    content: bytes
    whole: bool = True


def evtx_chunks(
    stream: Readable,
    problems: Problems,
    *,
    first_index: int,
    max_bytes: int,
    record_bytes: int = FILE_RECORD_BYTES,
) -> Iterator[Chunk]:
    """Yield each event as the JSON document {"Event": …} that the evtx package prints, on one line."""
    held = _Held(first_index, problems, record_bytes)
    group: list[_Piece] = []
    try:
        for piece in _pieces(stream, problems, first_index):
            group.append(piece)
            if len(group) == GROUP:
                held.add(_of_group(group, problems, held.next_index))
                group = []
                if held.size >= min(max_bytes, _HELD_BYTES):
                    yield held.chunk()
    except UnpackError:
        held.add(_of_group(group, problems, held.next_index))
        if held.size:
            yield held.chunk()
        raise
    held.add(_of_group(group, problems, held.next_index))
    if held.size:
        yield held.chunk()
    if held.next_index == first_index and not problems:
        problems.note(WHOLE_FILE, "Tệp EVTX này không có sự kiện nào.")


class _Held:
    """Records on their way into a chunk."""

    def __init__(self, index: int, problems: Problems, record_bytes: int) -> None:
        self._index = index
        self._problems = problems
        self._record_bytes = record_bytes
        self._lengths: list[int] = []
        self._parts: list[bytes] = []
        self.size = 0

    @property
    def next_index(self) -> int:
        return self._index + len(self._lengths)

    def add(self, records: list[str]) -> None:
        if records and max(map(len, records)) * 4 > self._record_bytes:  # a character becomes at most four bytes
            records = self._bounded(records)
        if not records:
            return
        text = "\n".join(records)
        part = text.encode()
        self._parts.append(part)
        self.size += len(part)
        if len(part) == len(text):  # all ASCII, as nearly always: characters are bytes
            self._lengths += map(len, records)
        else:
            self._lengths += [len(record.encode()) for record in records]

    def _bounded(self, records: list[str]) -> list[str]:
        """An event of 64 kB can become a long text, because its template may name the same value many times."""
        kept: list[str] = []
        for record in records:
            if len(record.encode()) <= self._record_bytes:
                kept.append(record)
                continue
            index = self.next_index + len(kept)
            self._problems.note(index, f"Sự kiện EVTX dài quá giới hạn {self._record_bytes} byte, nên bị bỏ qua.")
        return kept

    def chunk(self) -> Chunk:
        chunk = spaced(b"\n".join(self._parts), self._lengths, self._index, "evtx")
        self._index = self.next_index
        self._lengths, self._parts, self.size = [], [], 0
        return chunk


def _pieces(stream: Readable, problems: Problems, first_index: int) -> Iterator[_Piece]:
    """Yield the chunks; unused ones (all zero) are passed over, lost ones are searched for and told."""
    head, fault = fill(stream, HEADER_BYTES)
    offset = 0
    rest = b""
    if head.startswith(CHUNK_MAGIC):
        rest = head
        problems.note(WHOLE_FILE, "Tệp EVTX mất phần đầu; các khối sự kiện được đọc trực tiếp.")
    else:
        offset = len(head)
        if not head.startswith(FILE_MAGIC):
            problems.note(WHOLE_FILE, "Phần đầu tệp EVTX bị hỏng; các khối sự kiện được đọc trực tiếp.")
    lost_from = -1
    while fault is None:
        block, fault = fill(stream, CHUNK_BYTES - len(rest))
        block = rest + block
        rest = b""
        if len(block) < 512:
            break
        begins = block.startswith(CHUNK_MAGIC)
        if begins or block.startswith(b"**\x00\x00", RECORDS_AT):
            if lost_from >= 0:
                _note_lost(problems, first_index, lost_from, offset)
                lost_from = -1
            if not begins:
                problems.note(WHOLE_FILE, f"Khối sự kiện tại byte {offset} mất dấu nhận dạng; đang cứu từng bản ghi.")
            if len(block) < CHUNK_BYTES:
                problems.note(WHOLE_FILE, f"Tệp EVTX bị cắt giữa khối sự kiện tại byte {offset}.")
            yield _Piece(offset, block.ljust(CHUNK_BYTES, b"\x00"), begins and len(block) == CHUNK_BYTES)
        elif block != bytes(len(block)):
            if lost_from < 0:
                lost_from = offset
            found = block.find(CHUNK_MAGIC, 1)
            keep = found if found > 0 else len(block) - len(CHUNK_MAGIC) + 1
            rest = block[keep:]
            offset += keep
            continue
        offset += len(block)
    if lost_from >= 0:
        _note_lost(problems, first_index, lost_from, offset)
    if fault is not None:
        raise fault


def _note_lost(problems: Problems, index: int, start: int, end: int) -> None:
    problems.note(
        index, f"Đoạn từ byte {start} đến byte {end} của tệp EVTX không phải khối sự kiện nên không đọc được."
    )


def _of_group(group: list[_Piece], problems: Problems, index: int) -> list[str]:
    """Read sound chunks together; when anything is odd, one by one, so that the fault has an address."""
    records = _read_sound(group)
    if records is None:
        records = []
        for piece in group:
            records += _of_piece(piece, problems, index + len(records))
    return records


def _read_sound(group: list[_Piece]) -> list[str] | None:
    """The records of chunks without any fault, None if there is one or a chunk holds more or less than it says."""
    contents = [piece.content for piece in group]
    if not contents:
        return []
    if not all(
        piece.whole and declared_records(piece.content) and not follows_unlisted(piece.content) for piece in group
    ):
        return None
    try:
        records = [record["data"] for record in _parsed(contents)]
    except (RuntimeError, ValueError, OSError):
        return None
    except BaseException as fault:
        if not _is_panic(fault):
            raise
        return None
    return records if len(records) == sum(map(declared_records, contents)) else None


def _of_piece(piece: _Piece, problems: Problems, index: int) -> list[str]:
    records = _read_sound([piece])
    if records is not None:
        return records
    as_it_is, _ = _read_damaged(piece.content) if piece.whole else ([], [])
    repair = mended(piece.content)
    records, faults = _read_damaged(repair.content)
    if len(as_it_is) > len(records):  # mending has made it worse
        records = as_it_is
    where = f"Khối sự kiện tại byte {piece.offset}"
    for gap in repair.gaps:
        problems.note(
            index,
            f"{where}: {gap.size} byte từ byte {piece.offset + gap.offset} không còn là bản ghi đọc được nên bị bỏ qua.",
        )
    for fault in faults:
        problems.note(index, f"{where}: một bản ghi không đọc được ({fault[:_SHOWN]}).")
    if not records and not repair.gaps and not faults and piece.content[RECORDS_AT:].strip(b"\x00"):
        problems.note(index, f"{where}: không cứu được bản ghi nào.")
    return records


def _read_damaged(content: bytes) -> tuple[list[str], list[str]]:
    """The records of one chunk that can be read, and what the package said of the others."""
    records: list[str] = []
    faults: list[str] = []
    try:
        found = _parsed([content])
        while len(faults) < _FAULTS_PER_CHUNK:
            try:
                for record in found:
                    if record["event_record_id"] != PLACEHOLDER_ID:
                        records.append(record["data"])
                return records, faults
            except (RuntimeError, ValueError, OSError) as fault:  # of one record; the next can be asked for
                faults.append(str(fault))
    except (RuntimeError, ValueError, OSError) as fault:  # of all
        faults.append(str(fault))
    except BaseException as fault:
        if not _is_panic(fault):
            raise
        faults.append("thư viện đọc EVTX dừng đột ngột")
    return records, faults


def _parsed(contents: list[bytes]) -> Iterator[dict[str, Any]]:
    """What the evtx package reads: one thread, JSON without line ends, so that an event is one line."""
    file = io.BytesIO(file_header(len(contents)) + b"".join(contents))
    return cast("Iterator[dict[str, Any]]", iter(evtx.PyEvtxParser(file, 1, indent=False).records_json()))


def _is_panic(fault: BaseException) -> bool:
    """Rust's way to give up on one call; Python knows it only as a BaseException."""
    return type(fault).__name__ == "PanicException"


def file_header(chunks: int) -> bytes:
    """File header of the EVTX format: magic, chunk numbers, sizes, version 3.1, CRC-32 of the first 120 bytes."""
    fields = struct.pack("<8sQQQIHHHH", FILE_MAGIC, 0, chunks - 1, 0, 128, 1, 3, HEADER_BYTES, min(chunks, 65_535))
    fields = fields.ljust(120, b"\x00")
    return (fields + struct.pack("<II", 0, zlib.crc32(fields))).ljust(HEADER_BYTES, b"\x00")


__all__ = ["CHUNK_MAGIC", "FILE_MAGIC", "evtx_chunks", "file_header"]
