"""Packed files (gz, xz, zst, zip) as bounded byte streams."""

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Protocol, cast

import zstandard

from dekhang.pipeline.formats.limits import (
    CHUNK_BYTES,
    PACKING_DEPTH,
    RATIO,
    RATIO_FREE_BYTES,
    UNPACKED_BYTES,
    XZ_MEMORY_BYTES,
    ZIP_MEMBERS,
    ZSTD_WINDOW_BYTES,
)

MAGICS = ((b"\x1f\x8b", "gz"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zst"), (b"PK\x03\x04", "zip"))


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class UnpackError(Exception):
    """The packed data cannot be read further; the text is a Vietnamese sentence."""


@dataclass(slots=True)
class Budget:
    """Unpacked bytes that one file on disk may still become, whatever its layers."""

    packed_bytes: int
    unpacked_bytes: int = field(default=0)

    def spend(self, size: int) -> None:
        self.unpacked_bytes += size
        if self.unpacked_bytes > UNPACKED_BYTES:
            raise UnpackError(
                f"Tệp nén bung ra hơn {UNPACKED_BYTES >> 30} GB nên việc đọc dừng ở đây; hãy chia nhỏ rồi gửi lại."
            )
        if self.unpacked_bytes > RATIO_FREE_BYTES and self.unpacked_bytes > RATIO * max(self.packed_bytes, 1):
            raise UnpackError(
                f"Tệp nén bung ra gấp hơn {RATIO} lần kích thước của nó, giống một quả bom nén, nên việc đọc dừng ở đây."
            )


class Stream:
    """A byte stream with look-ahead and a budget; every fault of the packing is an UnpackError."""

    def __init__(self, source: Readable, budget: Budget | None) -> None:
        # read1 hands over what is there; read would gather, and lose all of it when the end is damaged
        self._read: Callable[[int], bytes] = getattr(source, "read1", source.read)
        self._budget = budget
        self._ahead = b""

    def peek(self, size: int) -> bytes:
        while len(self._ahead) < size:
            try:
                more = self._fetch(max(size - len(self._ahead), 65_536))
            except UnpackError:
                if self._ahead:  # what could be read is read; the fault shows again when the reader gets there
                    break
                raise
            if not more:
                break
            self._ahead += more
        return self._ahead[:size]

    def read(self, size: int = CHUNK_BYTES, /) -> bytes:
        if self._ahead:
            taken, self._ahead = self._ahead[:size], self._ahead[size:]
            return taken
        return self._fetch(size)

    def _fetch(self, size: int) -> bytes:
        try:
            data = self._read(size)
        except (
            EOFError,
            zlib.error,
            lzma.LZMAError,
            zstandard.ZstdError,
            zipfile.BadZipFile,
            gzip.BadGzipFile,
        ) as fault:
            raise UnpackError(
                f"Dữ liệu nén bị hỏng hoặc bị cắt giữa chừng ({_short(fault)}); phần trước đó đã được đọc."
            ) from fault
        except (NotImplementedError, RuntimeError) as fault:  # zip: encrypted or an unknown method
            raise UnpackError(f"Không mở được phần nén này ({_short(fault)}); hãy giải nén rồi gửi lại.") from fault
        if self._budget is not None and data:
            self._budget.spend(len(data))
        return data


class _Xz:
    """xz with a memory limit, which lzma.LZMAFile does not offer; several streams in a row are read as one."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._decoder: lzma.LZMADecompressor | None = None
        self._rest = b""

    def read(self, size: int = CHUNK_BYTES, /) -> bytes:
        while True:
            if self._decoder is None:
                self._rest = self._rest.lstrip(b"\x00") or self._source.read(65_536).lstrip(b"\x00")
                if not self._rest:
                    return b""
                self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)
            packed = self._rest
            self._rest = b""
            if not packed and self._decoder.needs_input:
                packed = self._source.read(65_536)
                if not packed:
                    raise EOFError("xz")
            data = self._decoder.decompress(packed, size)
            if self._decoder.eof:
                self._rest = self._decoder.unused_data
                self._decoder = None
            if data:
                return data


@dataclass(slots=True)
class Member:
    """One file inside: the file itself, or a member of a zip."""

    name: str
    stream: Stream | None  # None: could not be opened, see fault
    fault: str = ""


def members(file: IO[bytes], *, name: str, size_bytes: int) -> Iterator[Member]:
    """Yield what is inside `file`, unpacked; a plain file yields itself.

    Streams are to be read one after another. Raises nothing for bad content: see Member.fault and UnpackError of reads.
    """
    yield from _inside(Stream(file, None), file, name, Budget(size_bytes), 0)


def packing_of(head: bytes) -> str:
    return next((kind for magic, kind in MAGICS if head.startswith(magic)), "")


def _inside(stream: Stream, seekable: IO[bytes] | None, name: str, budget: Budget, depth: int) -> Iterator[Member]:
    try:
        kind = packing_of(stream.peek(6))
    except UnpackError as fault:
        yield Member(name, None, str(fault))
        return
    if not kind:
        yield Member(name, stream)
    elif depth >= PACKING_DEPTH:
        yield Member(name, None, f"Tệp được nén lồng nhau quá {PACKING_DEPTH} lớp; hãy giải nén rồi gửi lại.")
    elif kind == "zip":
        yield from _zip(stream, seekable, name, budget, depth)
    else:
        inner = Stream(_OPENERS[kind](stream), budget)
        yield from _inside(inner, None, _without_suffix(name), budget, depth + 1)


def _zip(stream: Stream, seekable: IO[bytes] | None, name: str, budget: Budget, depth: int) -> Iterator[Member]:
    if seekable is None:  # zip inside something: its table of contents is at the end
        try:
            seekable = io.BytesIO(_read_all(stream, RATIO_FREE_BYTES))
        except UnpackError as fault:
            yield Member(name, None, str(fault))
            return
    try:
        archive = zipfile.ZipFile(seekable)
    except (zipfile.BadZipFile, OSError, ValueError, EOFError) as fault:
        yield Member(name, None, f"Tệp zip bị hỏng nên không mở được ({_short(fault)}).")
        return
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        for entry in entries[:ZIP_MEMBERS]:
            inner_name = f"{name}/{entry.filename}"
            try:
                opened = archive.open(entry)
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError) as fault:
                yield Member(inner_name, None, f"Không mở được phần “{entry.filename[:80]}” ({_short(fault)}).")
                continue
            with opened:
                yield from _inside(Stream(opened, budget), None, inner_name, budget, depth + 1)
        if len(entries) > ZIP_MEMBERS:
            yield Member(name, None, f"Tệp zip có {len(entries)} phần, chỉ {ZIP_MEMBERS} phần đầu được đọc.")


def _read_all(stream: Stream, limit: int) -> bytes:
    parts = []
    total = 0
    while data := stream.read(CHUNK_BYTES):
        total += len(data)
        if total > limit:
            raise UnpackError(f"Tệp zip nằm trong tệp nén khác và lớn hơn {limit >> 20} MB; hãy giải nén rồi gửi lại.")
        parts.append(data)
    return b"".join(parts)


def _open_zst(source: Readable) -> Readable:
    decoder = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    reader: Readable = decoder.stream_reader(cast("IO[bytes]", source), read_across_frames=True)
    return reader


def _open_gz(source: Readable) -> Readable:
    return gzip.GzipFile(fileobj=cast("IO[bytes]", source), mode="rb")


_OPENERS: dict[str, Callable[[Readable], Readable]] = {"gz": _open_gz, "xz": _Xz, "zst": _open_zst}


def _without_suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and suffix.lower() in {"gz", "xz", "zst", "zstd"} else name


def _short(fault: BaseException) -> str:
    text = ""
    with suppress(Exception):
        text = str(fault)
    return (text or type(fault).__name__)[:120]
