"""How the spool lies on disk.

One folder per writer, `spool/<writer>/`, holding segments `<n>.seg` of about 32 MB. A segment is a header followed by
frames; a frame is a header (checked by CRC-32), a short text part and a zstd payload (checked by its own CRC-32).
The file `synced` says up to where the writer has fsynced: readers never look past it, so a position that a reader
has committed can never lie behind the end of the spool after a power cut, and sequence numbers are never reused.

The CRC of a frame header starts from a random salt kept in the segment's header. A sender does not know it, so
record bytes that imitate a frame are not taken for one when a reader looks for the next good frame after damage.

Byte order is little endian. Frame header: magic, version, flags, length of the text part, length of the payload,
length of the payload before compression, CRC of the payload, number of records, first sequence number, source, unit,
time of receipt (ms UTC), CRC of the header.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import zstandard

from dekhang.pipeline.stores.reasons import Reason

SEGMENT = struct.Struct("<8sHHQ8s")  # magic, version, writer, first sequence number, salt
FRAME = struct.Struct("<4sBBHIIIIQqqq")
CRC = struct.Struct("<I")
MARK = struct.Struct("<QQQ")
SEGMENT_MAGIC = b"DKSPOOL\n"
FRAME_MAGIC = b"\xabDK\n"
VERSION = 1
_AHEAD_BYTES = 64 * 1024
FRAME_BYTES = 4 * 1024 * 1024  # raw bytes in one frame; larger batches become several frames
FRAME_RECORDS = 8192
HAS_IDS = 1
NO_ID = 0xFFFF
SEGMENT_HEAD = SEGMENT.size + CRC.size
FRAME_HEAD = FRAME.size + CRC.size


class SpoolError(Exception):
    """The spool cannot take or give data; the text is a sentence for people, `reason` what a refusal is counted under."""

    reason = Reason.DISK_FULL


class SpoolFull(SpoolError):
    """Too little free disk: nothing was written; try again later."""


class SpoolBusy(SpoolError):
    """Another process holds this writer's folder."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one source that arrived together; `records` are raw, as received.

    `transport`: http_bulk · http_ndjson · http_hec · http_otlp · syslog_udp · syslog_tcp · syslog_tls · upload · folder ·
    pull · tail.
    """

    source_id: int
    unit_id: int
    source_kind: str
    transport: str
    received_ms: int
    peer: str
    records: Sequence[bytes]
    ids: Sequence[bytes | None] | None = None  # the sender's own ids, at most 65,534 bytes each


@dataclass(frozen=True, slots=True)
class Frame:
    """A part of a batch as read back; record i has sequence number `first_seq + i`."""

    first_seq: int
    source_id: int
    unit_id: int
    source_kind: str
    transport: str
    received_ms: int
    peer: str
    records: list[bytes]
    ids: list[bytes | None] | None


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a writer's spool: where the next frame starts and the sequence number expected there (0: unknown)."""

    segment: int = 0
    offset: int = 0
    next_seq: int = 0

    def dump(self) -> str:
        """Text for a database column; `Position.load` reads it back."""
        return f"{self.segment}:{self.offset}:{self.next_seq}"

    @classmethod
    def load(cls, text: str) -> Position:
        segment, offset, next_seq = text.split(":")
        return cls(int(segment), int(offset), int(next_seq))


START = Position()


def event_id(writer: int, sequence: int) -> int:
    """Identity of a record in the whole system: fits a signed 64-bit integer, grows per writer."""
    return writer << 47 | sequence


def writer_folder(folder: Path, writer: int) -> Path:
    return folder / str(writer)


def writers(folder: Path) -> list[int]:
    """Numbers of the writers that have a folder here, ascending."""
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit() and path.is_dir())


Read = Callable[[int, int], bytes]  # (size, offset) -> bytes, fewer at the end of the file


class Window:
    """Reads a file ahead, up to `end`: small frames cost one system call for hundreds of them.

    What lies before `end`, the writer's synced mark, never changes, so it may be kept.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._start = 0
        self._data = b""
        self.end = 0

    def __call__(self, size: int, offset: int) -> bytes:
        at = offset - self._start
        if at < 0 or at + size > len(self._data):
            self._data = os.pread(self._fd, max(size, min(_AHEAD_BYTES, self.end - offset)), offset)
            self._start, at = offset, 0
        return self._data[at : at + size]


class Head(NamedTuple):
    """A frame header whose checksum was right."""

    offset: int
    first_seq: int
    records: int
    source_id: int
    unit_id: int
    received_ms: int
    has_ids: bool
    text: bytes
    payload_offset: int
    payload_bytes: int
    payload_crc: int
    raw_bytes: int

    @property
    def end(self) -> int:
        return self.payload_offset + self.payload_bytes


def segments(folder: Path) -> list[int]:
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(name[:-4]) for name in names if name.endswith(".seg") and name[:-4].isdigit())


def segment_path(folder: Path, number: int) -> Path:
    return folder / f"{number:010d}.seg"


def read_salt(fd: int) -> tuple[bytes, int] | None:
    """Salt and first sequence number of a segment; None when its header is damaged."""
    head = os.pread(fd, SEGMENT_HEAD, 0)
    if len(head) < SEGMENT_HEAD or zlib.crc32(head[: SEGMENT.size]) != CRC.unpack_from(head, SEGMENT.size)[0]:
        return None
    magic, version, _writer, first_seq, salt = SEGMENT.unpack_from(head)
    if magic != SEGMENT_MAGIC or version != VERSION:
        return None
    return salt, first_seq


def read_head(read: Read, offset: int, end: int, salt: bytes) -> Head | None:
    """The frame header at `offset`, or None when no whole, undamaged frame fits before `end`."""
    head = read(FRAME_HEAD, offset)
    if len(head) < FRAME_HEAD or offset + FRAME_HEAD > end:
        return None
    (magic, version, flags, text_bytes, payload_bytes, raw_bytes, payload_crc, count, first_seq, source, unit, ms) = (
        FRAME.unpack_from(head)
    )
    payload_offset = offset + FRAME_HEAD + text_bytes
    if magic != FRAME_MAGIC or version != VERSION or payload_offset + payload_bytes > end:
        return None
    text = read(text_bytes, offset + FRAME_HEAD)
    if CRC.unpack_from(head, FRAME.size)[0] != zlib.crc32(text, zlib.crc32(head[: FRAME.size], zlib.crc32(salt))):
        return None
    return Head(
        offset, first_seq, count, source, unit, ms, bool(flags & HAS_IDS), text,
        payload_offset, payload_bytes, payload_crc, raw_bytes,
    )  # fmt: skip


def next_head(read: Read, offset: int, end: int, salt: bytes) -> Head | None:
    """The first good frame header after damage at `offset`. Reads the rest of the segment: rare, and bounded by it."""
    rest = read(end - offset, offset)
    at = rest.find(FRAME_MAGIC, 1)
    while at >= 0:
        if (
            head := read_head(lambda size, at: rest[at - offset : at - offset + size], offset + at, end, salt)
        ) is not None:
            return head
        at = rest.find(FRAME_MAGIC, at + 1)
    return None


def payload_is_good(read: Read, head: Head) -> bool:
    return zlib.crc32(read(head.payload_bytes, head.payload_offset)) == head.payload_crc


def cut(
    sizes: Iterable[int], *, max_bytes: int = FRAME_BYTES, max_records: int = FRAME_RECORDS
) -> Iterator[tuple[int, int]]:
    """Ranges of records that make one frame each: bounded in count and bytes, at least one record."""
    sizes = list(sizes)
    if 0 < len(sizes) <= max_records and sum(sizes) <= max_bytes:  # as nearly always
        yield 0, len(sizes)
        return
    start = stop = held = 0
    for size in sizes:
        if stop > start and (held + size > max_bytes or stop - start >= max_records):
            yield start, stop
            start, held = stop, 0
        held += size
        stop += 1
    if stop > start:
        yield start, stop


def encode(
    batch: Batch, start: int, stop: int, *, first_seq: int, salt: bytes, compressor: zstandard.ZstdCompressor
) -> bytes:
    """One frame of the batch's records from `start` to before `stop`; `read_head` with the same salt and `decode` read it."""
    records = batch.records[start:stop]
    count = len(records)
    parts = [struct.pack(f"<{count}I", *map(len, records))]
    if batch.ids is not None:
        ids = batch.ids[start:stop]
        parts.append(struct.pack(f"<{count}H", *(NO_ID if one is None else len(one) for one in ids)))
        parts.extend(one for one in ids if one)
    parts.extend(records)
    raw = b"".join(parts)
    payload = compressor.compress(raw)
    peer = batch.peer[:200].replace("\0", "")
    text = f"{batch.source_kind}\0{batch.transport}\0{peer}".encode(errors="replace")
    head = FRAME.pack(
        FRAME_MAGIC, VERSION, HAS_IDS if batch.ids is not None else 0, len(text), len(payload), len(raw),
        zlib.crc32(payload), count, first_seq, batch.source_id, batch.unit_id, batch.received_ms,
    )  # fmt: skip
    crc = zlib.crc32(text, zlib.crc32(head, zlib.crc32(salt)))
    return b"".join((head, CRC.pack(crc), text, payload))


def decode(read: Read, head: Head) -> Frame | None:
    payload = read(head.payload_bytes, head.payload_offset)
    if zlib.crc32(payload) != head.payload_crc:
        return None
    try:
        raw = zstandard.ZstdDecompressor().decompress(payload, max_output_size=head.raw_bytes or 1)
        lengths = struct.unpack_from(f"<{head.records}I", raw)
        at = 4 * head.records
        ids: list[bytes | None] | None = None
        if head.has_ids:
            id_lengths = struct.unpack_from(f"<{head.records}H", raw, at)
            at += 2 * head.records
            ids = []
            for length in id_lengths:
                if length == NO_ID:
                    ids.append(None)
                else:
                    ids.append(raw[at : at + length])
                    at += length
        records = []
        for length in lengths:
            records.append(raw[at : at + length])
            at += length
        kind, transport, peer = head.text.decode().split("\0")
    except (zstandard.ZstdError, struct.error, ValueError):
        return None
    return Frame(head.first_seq, head.source_id, head.unit_id, kind, transport, head.received_ms, peer, records, ids)


def read_mark(folder: Path) -> Position | None:
    """How far the writer has fsynced; None while there is no readable mark."""
    try:
        raw = (folder / "synced").read_bytes()
    except FileNotFoundError:
        return None
    if len(raw) != MARK.size + CRC.size or zlib.crc32(raw[: MARK.size]) != CRC.unpack_from(raw, MARK.size)[0]:
        return None
    return Position(*MARK.unpack_from(raw))


def fsync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
