"""Mends one EVTX chunk so that the records still whole can be read.

Records lie one behind the other from byte 512: magic, size (u32), record id (u64), FILETIME (u64), binary XML, size
again. Their templates are addressed by offsets within the chunk, so nothing may move. Where records are broken, one
placeholder record is laid over the gap up to the next whole record; the chunk's header is written anew to end where the
last record ends. The placeholder is recognised by its id and left out of the result.

Format: libyal's "Windows XML Event Log (EVTX) format", sections chunk and event record; facts only.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

CHUNK_MAGIC = b"ElfChnk\x00"
CHUNK_BYTES = 65_536
RECORDS_AT = 512
PLACEHOLDER_ID = 0xFFFFFFFF_FFFFFFF0
_RECORD_MAGIC = b"**\x00\x00"
_RECORD_LEAST = 28
_HEAD = struct.Struct("<4sIQQ")
_U32 = struct.Struct("<I")
_EMPTY_XML = b"\x0f\x01\x01\x00\x00"  # a fragment header and the end of the fragment
_PLACEHOLDER_LEAST = _HEAD.size + len(_EMPTY_XML) + _U32.size
_NUMBERS = struct.Struct("<QQQQIII")  # from byte 8: first, last number; first, last id; header, last, free offsets
_TABLES_CRC = (128, RECORDS_AT)  # string and template offsets, part of the header's checksum


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes of a chunk that are no record any more."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Repair:
    content: bytes
    gaps: tuple[Gap, ...]


def declared_records(chunk: bytes) -> int:
    """How many records the chunk's header claims to hold; 0 for an unused one."""
    first, last, *_ = _NUMBERS.unpack_from(chunk, 8)
    return int(last - first + 1) if 0 < first <= last < first + CHUNK_BYTES else 0


def follows_unlisted(chunk: bytes) -> bool:
    """Does a whole record stand where the header says that free space begins?

    So it is in a file copied while Windows was writing: the records are there, the header is not yet brought up to date.
    What follows must carry the next record id, because free space may hold older records.
    """
    *_, last_id, _header, last_offset, free = _NUMBERS.unpack_from(chunk, 8)
    if not _record_size(chunk, free):
        return False
    if not _record_size(chunk, last_offset):
        return True
    return bool(_HEAD.unpack_from(chunk, free)[2] == last_id + 1)


def mended(chunk: bytes) -> Repair:
    """Return the chunk with its gaps covered and its header made to fit; linear in the chunk's size."""
    content = bytearray(chunk)
    gaps: list[Gap] = []
    at = RECORDS_AT
    last = 0
    ids: list[int] = []
    while True:
        size = _record_size(chunk, at)
        if size:
            if ids and _HEAD.unpack_from(chunk, at)[2] < ids[-1]:
                break  # free space with records of an earlier time
            ids.append(_HEAD.unpack_from(chunk, at)[2])
            last = at
            at += size
            continue
        following = _next_record(chunk, at + 1)
        if following < 0:
            break
        if following - at >= _PLACEHOLDER_LEAST:
            _cover(content, at, following)
            gaps.append(Gap(at, following - at))
            at = following
        else:  # too narrow to be covered, so that the record behind it is given up with it
            behind = following + _record_size(chunk, following)
            _cover(content, at, behind)
            gaps.append(Gap(at, behind - at))
            at = behind
    tail = _cut_record(chunk, at)
    if tail:
        gaps.append(Gap(at, tail))
    content[: _TABLES_CRC[0]] = bytes(_TABLES_CRC[0])
    content[:8] = CHUNK_MAGIC
    first_id, last_id = (ids[0], ids[-1]) if ids else (1, 0)
    _NUMBERS.pack_into(content, 8, 1, max(1, len(ids) + len(gaps)), first_id, last_id, 128, last, at)
    if not _tables_plausible(content):
        content[_TABLES_CRC[0] : _TABLES_CRC[1]] = bytes(_TABLES_CRC[1] - _TABLES_CRC[0])
    _U32.pack_into(content, 52, zlib.crc32(content[RECORDS_AT:at]))
    _U32.pack_into(content, 124, zlib.crc32(content[:120] + content[_TABLES_CRC[0] : _TABLES_CRC[1]]))
    return Repair(bytes(content), tuple(gaps))


def _record_size(chunk: bytes, at: int) -> int:
    """Size of the whole record at `at`, 0 when there is none."""
    if at < RECORDS_AT or at + _RECORD_LEAST > CHUNK_BYTES or not chunk.startswith(_RECORD_MAGIC, at):
        return 0
    size = int(_U32.unpack_from(chunk, at + 4)[0])
    if not _RECORD_LEAST <= size <= CHUNK_BYTES - at:
        return 0
    return size if _U32.unpack_from(chunk, at + size - 4)[0] == size else 0


def _next_record(chunk: bytes, at: int) -> int:
    while (at := chunk.find(_RECORD_MAGIC, at)) >= 0:
        if _record_size(chunk, at):
            return at
        at += 1
    return -1


def _cut_record(chunk: bytes, at: int) -> int:
    """Bytes of a record that begins at `at` and is not whole, 0 when free space begins there."""
    if at + _HEAD.size > CHUNK_BYTES or not chunk.startswith(_RECORD_MAGIC, at):
        return 0
    return len(chunk[at:].rstrip(b"\x00"))


def _cover(content: bytearray, start: int, end: int) -> None:
    """Lay a placeholder over a gap. Only its edges are written: templates inside may serve later records."""
    body = _HEAD.pack(_RECORD_MAGIC, end - start, PLACEHOLDER_ID, 0) + _EMPTY_XML
    content[start : start + len(body)] = body
    _U32.pack_into(content, end - _U32.size, end - start)


def _tables_plausible(chunk: bytearray) -> bool:
    """Do all string and template offsets lie within the chunk?"""
    offsets = struct.unpack_from("<96I", chunk, _TABLES_CRC[0])
    return all(offset == 0 or RECORDS_AT <= offset < CHUNK_BYTES for offset in offsets)
