"""Tar archives as a stream of entries, without trusting any size that a header claims.

POSIX.1-2001 (ustar, pax) and GNU long names. Python's tarfile reads whatever length an extended header claims into
memory at once, which an attacker could use; here names are bounded, and damage is skipped to the next sound header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from dekhang.pipeline.formats.limits import CHUNK_BYTES, MEMBERS_SEEN

_BLOCK = 512
_NAME_BYTES = 64 << 10  # of a long name or pax header; what is longer is skipped
_PAX_PATH = re.compile(rb"(?:^|\n)\d+ path=([^\n]*)\n")
_PAX_SIZE = re.compile(rb"(?:^|\n)\d+ size=(\d{1,15})\n")
_FILE_TYPES = (b"0", b"\x00", b"7")


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class TarEntry:
    """One file in the archive; read it before asking for the next. `fault` says why it cannot be read."""

    def __init__(self, source: Readable, name: str, size: int, fault: str = "") -> None:
        self._source = source
        self.name = name
        self.left = size
        self.fault = fault

    def read(self, size: int = CHUNK_BYTES, /) -> bytes:
        if not self.left:
            return b""
        data = self._source.read(min(size, self.left))
        if not data:
            raise EOFError("tar")
        self.left -= len(data)
        return data


def looks_like_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar" and _checksum_fits(head[:_BLOCK])


def tar_entries(source: Readable) -> Iterator[TarEntry]:
    """Yield the regular files. Links and folders hold no log; what is damaged yields an entry with a fault."""
    long_name = b""
    pax_size = -1
    lost = False
    for _ in range(MEMBERS_SEEN):
        header = _exactly(source, _BLOCK)
        if len(header) < _BLOCK:
            return
        if not header.strip(b"\x00"):  # two such blocks end an archive; `tar -A` puts another behind them
            continue
        if not _checksum_fits(header):
            if not lost:
                lost = True
                yield TarEntry(source, "", 0, "Một đoạn của tệp tar bị hỏng; việc đọc tiếp tục từ phần lành kế tiếp.")
            continue
        lost = False
        size = max(0, _number(header[124:136]))
        kind = header[156:157]
        if kind in (b"L", b"x"):
            content = _exactly(source, min(size, _NAME_BYTES))
            _skip(source, size - len(content) + -size % _BLOCK)
            if kind == b"L":
                long_name = content.rstrip(b"\x00")
            else:
                path, claimed = _PAX_PATH.search(content), _PAX_SIZE.search(content)
                long_name = path[1] if path else long_name
                pax_size = int(claimed[1]) if claimed else -1
            continue
        if pax_size >= 0:
            size = pax_size
        name = _text(long_name or _short_name(header))
        long_name, pax_size = b"", -1
        if kind not in _FILE_TYPES:
            if kind in (b"S", b"M"):
                yield TarEntry(
                    source, name, 0, f"Phần “{name[-80:]}” của tệp tar là tệp thưa hoặc bị chia, không đọc được."
                )
            _skip(source, size + -size % _BLOCK)
            continue
        entry = TarEntry(source, name, size)
        yield entry
        _skip(source, entry.left + -size % _BLOCK)
    yield TarEntry(source, "", 0, f"Tệp tar có hơn {MEMBERS_SEEN} mục nên phần còn lại không được đọc.")


def _checksum_fits(header: bytes) -> bool:
    if len(header) < _BLOCK:
        return False
    return _number(header[148:156]) == sum(header) - sum(header[148:156]) + 8 * 32


def _number(field: bytes) -> int:
    """An octal number, or GNU's binary form for sizes beyond 8 GB; -1 when it is neither."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    digits = field.split(b"\x00", 1)[0].strip()
    if not digits:
        return 0
    try:
        return int(digits, 8)
    except ValueError:
        return -1


def _short_name(header: bytes) -> bytes:
    name = header[:100].split(b"\x00", 1)[0]
    prefix = header[345:500].split(b"\x00", 1)[0] if header[257:263] == b"ustar\x00" else b""
    return prefix + b"/" + name if prefix else name


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")[-1_000:]


def _exactly(source: Readable, size: int) -> bytes:
    parts = []
    while size > 0 and (data := source.read(size)):
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


def _skip(source: Readable, size: int) -> None:
    while size > 0 and (data := source.read(min(size, CHUNK_BYTES))):
        size -= len(data)
