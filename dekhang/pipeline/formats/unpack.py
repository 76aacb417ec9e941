"""Packed files (gz, bz2, xz, zst, zip, tar) as bounded byte streams."""

import bz2
import gzip
import io
import lzma
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Protocol, cast

import zstandard

from dekhang.pipeline.formats.limits import (
    CHUNK_BYTES,
    MEMBERS,
    PACKING_DEPTH,
    RATIO,
    RATIO_FREE_BYTES,
    SPOOLED_BYTES,
    UNPACKED_BYTES,
    XZ_MEMORY_BYTES,
    ZIP_DIRECTORY_BYTES,
    ZSTD_WINDOW_BYTES,
)
from dekhang.pipeline.formats.tarentries import looks_like_tar, tar_entries

MAGICS = (
    (b"\x1f\x8b", "gz"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),  # an empty one
)
# known, but not opened: the sentence can name what the officer has to unpack
FOREIGN_MAGICS = (
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"MSCF\x00\x00\x00\x00", "CAB"),
    (b"\x04\x22\x4d\x18", "LZ4"),
)
_HEAD = 512  # holds every magic, also tar's in the middle of its first header


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class UnpackError(Exception):
    """The packed data cannot be read further; the text is a Vietnamese sentence."""


def fill(stream: Readable, size: int) -> tuple[bytes, UnpackError | None]:
    """Read until `size` bytes are there, the stream ends, or it faults: what came before the fault is not lost."""
    parts: list[bytes] = []
    total = 0
    while total < size:
        try:
            data = stream.read(size - total)
        except UnpackError as fault:
            return b"".join(parts), fault
        if not data:
            break
        parts.append(data)
        total += len(data)
    return parts[0] if len(parts) == 1 else b"".join(parts), None


def read_into(stream: Readable, target: memoryview) -> int:
    """Read at most as many bytes as `target` holds into it; 0 at the end."""
    if isinstance(stream, Stream):
        return stream.readinto(target)
    data = stream.read(len(target))
    target[: len(data)] = data
    return len(data)


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

    def __init__(self, source: Readable, budget: Budget | None, *, packed: bool = True) -> None:
        # read1 hands over what is there; read would gather, and lose all of it when the end is damaged
        self._read: Callable[[int], bytes] = getattr(source, "read1", source.read)
        self._budget = budget
        self._packed = packed
        self._direct: Callable[[memoryview], int | None] | None = getattr(source, "readinto", None)
        self._ahead = b""  # looked at, from _at on not yet read
        self._at = 0

    def peek(self, size: int) -> bytes:
        if self._at:
            self._ahead, self._at = self._ahead[self._at :], 0
        parts = [self._ahead]
        held = len(self._ahead)
        while held < size:
            try:
                more = self._fetch(max(size - held, 65_536))
            except UnpackError:
                if held:  # what could be read is read; the fault shows again when the reader gets there
                    break
                raise
            if not more:
                break
            parts.append(more)
            held += len(more)
        self._ahead = b"".join(parts)
        return self._ahead[:size]

    def read(self, size: int = CHUNK_BYTES, /) -> bytes:
        if self._ahead:
            taken = self._ahead[self._at : self._at + size]
            self._at += len(taken)
            if self._at >= len(self._ahead):
                self._ahead, self._at = b"", 0
            return taken
        return self._fetch(size)

    def readinto(self, target: memoryview, /) -> int:
        if self._ahead or self._packed or self._direct is None:
            data = self.read(len(target))
            target[: len(data)] = data
            return len(data)
        return self._direct(target) or 0  # a plain file: straight into the reader's memory

    def _fetch(self, size: int) -> bytes:
        try:
            data = self._read(size)
        except (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError, zipfile.BadZipFile) as fault:
            if isinstance(fault, OSError) and not self._packed:  # the disk itself; bz2 and gzip also say OSError
                raise
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
    """One file inside: the file itself, or a member of an archive."""

    name: str
    stream: Stream | None  # None: could not be opened, see fault
    fault: str = ""


def members(file: IO[bytes], *, name: str, size_bytes: int, seekable: bool = True) -> Iterator[Member]:
    """Yield what is inside `file`, unpacked; a plain file yields itself.

    Streams are to be read one after another. Raises nothing for bad content: see Member.fault and UnpackError of reads.
    A pipe (`seekable=False`) has no size beforehand, so what it packs is bounded by the ratio-free part and the total.
    """
    yield from _inside(Stream(file, None, packed=False), file if seekable else None, name, Budget(size_bytes), 0)


def packing_of(head: bytes) -> str:
    """Name the packing of data that starts with `head` (512 bytes or all), "" for none."""
    found = next((kind for magic, kind in MAGICS if head.startswith(magic)), "")
    if found == "bz2" and not (head[3:4].isdigit() and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90")):
        return ""  # a text that happens to begin with BZh
    return found or ("tar" if looks_like_tar(head) else "")


def _inside(stream: Stream, seekable: IO[bytes] | None, name: str, budget: Budget, depth: int) -> Iterator[Member]:
    try:
        head = stream.peek(_HEAD)
    except UnpackError as fault:
        yield Member(name, None, str(fault))
        return
    kind = packing_of(head)
    foreign = next((kind for magic, kind in FOREIGN_MAGICS if head.startswith(magic)), "")
    if foreign:
        yield Member(name, None, f"“{name[-100:]}” là tệp nén {foreign}, loại chưa mở được; hãy giải nén rồi gửi lại.")
    elif not kind:
        yield Member(name, stream)
    elif depth >= PACKING_DEPTH:
        yield Member(name, None, f"Tệp được nén lồng nhau quá {PACKING_DEPTH} lớp; hãy giải nén rồi gửi lại.")
    elif kind == "zip":
        yield from _zip(stream, seekable, name, budget, depth)
    elif kind == "tar":
        yield from _tar(stream, name, budget, depth)
    else:
        inner = Stream(_OPENERS[kind](stream), budget)
        # .tar.gz is one layer for everyone who makes one
        layer = depth if _is_tar(inner) else depth + 1
        yield from _inside(inner, None, _without_suffix(name), budget, layer)


def _is_tar(stream: Stream) -> bool:
    try:
        return looks_like_tar(stream.peek(_HEAD))
    except UnpackError:
        return False


def _tar(stream: Stream, name: str, budget: Budget, depth: int) -> Iterator[Member]:
    count = 0
    for entry in tar_entries(stream):
        if entry.fault:
            yield Member(f"{name}/{entry.name}" if entry.name else name, None, entry.fault)
            continue
        count += 1
        if count > MEMBERS:
            yield Member(name, None, f"Tệp tar có hơn {MEMBERS} phần, chỉ {MEMBERS} phần đầu được đọc.")
            return
        yield from _inside(Stream(entry, None), None, f"{name}/{entry.name}", budget, depth + 1)


def _zip(stream: Stream, seekable: IO[bytes] | None, name: str, budget: Budget, depth: int) -> Iterator[Member]:
    with tempfile.SpooledTemporaryFile(RATIO_FREE_BYTES >> 3, prefix="dekhang-") as copy:
        if seekable is None:  # inside something, or through a pipe: a zip's table of contents is at the end
            try:
                _copy(stream, copy)
            except UnpackError as fault:
                yield Member(name, None, str(fault))
                return
            seekable = cast("IO[bytes]", copy)
        try:
            if _directory_bytes(seekable) > ZIP_DIRECTORY_BYTES:
                yield Member(name, None, "Tệp zip có mục lục quá lớn nên không được mở; hãy giải nén rồi gửi lại.")
                return
            archive = zipfile.ZipFile(seekable)
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError, struct.error) as fault:
            yield Member(name, None, f"Tệp zip bị hỏng nên không mở được ({_short(fault)}).")
            return
        with archive:
            yield from _zip_entries(archive, name, budget, depth)


def _zip_entries(archive: zipfile.ZipFile, name: str, budget: Budget, depth: int) -> Iterator[Member]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    for entry in entries[:MEMBERS]:
        inner_name = f"{name}/{entry.filename}"
        shown = entry.filename[-80:]
        if entry.flag_bits & 0x1:
            yield Member(
                inner_name, None, f"Phần “{shown}” của tệp zip có mật khẩu; hãy giải nén bằng mật khẩu rồi gửi lại."
            )
            continue
        try:
            opened = archive.open(entry)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError) as fault:
            yield Member(inner_name, None, f"Không mở được phần “{shown}” của tệp zip ({_short(fault)}).")
            continue
        with opened:
            yield from _inside(Stream(opened, budget), None, inner_name, budget, depth + 1)
    if len(entries) > MEMBERS:
        yield Member(name, None, f"Tệp zip có {len(entries)} phần, chỉ {MEMBERS} phần đầu được đọc.")


def _directory_bytes(file: IO[bytes]) -> int:
    """Size of a zip's table of contents by its own end record; zipfile would read all of it into memory.

    APPNOTE.TXT 4.3.14 to 4.3.16: end record (22 bytes and a comment), before it the zip64 locator (20 bytes).
    """
    size = file.seek(0, io.SEEK_END)
    start = max(0, size - 22 - 65_535 - 20)
    file.seek(start)
    tail = file.read(size - start)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < 22:
        return 0  # zipfile says what is wrong
    declared: int = struct.unpack_from("<I", tail, end + 12)[0]
    if declared == 0xFFFFFFFF and end >= 20 and tail.startswith(b"PK\x06\x07", end - 20):
        file.seek(struct.unpack_from("<Q", tail, end - 20 + 8)[0])
        record = file.read(56)
        declared = struct.unpack_from("<Q", record, 40)[0] if len(record) == 56 else declared
    file.seek(0)
    return declared


def _copy(stream: Stream, target: "tempfile.SpooledTemporaryFile[bytes]") -> None:
    total = 0
    while data := stream.read(CHUNK_BYTES):
        total += len(data)
        if total > SPOOLED_BYTES:
            raise UnpackError(
                f"Tệp zip đi qua ống hoặc nằm trong tệp nén khác và lớn hơn {SPOOLED_BYTES >> 30} GB; "
                "hãy lưu thành tệp rồi gửi lại."
            )
        target.write(data)
    target.seek(0)


def _open_zst(source: Readable) -> Readable:
    decoder = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    reader: Readable = decoder.stream_reader(cast("IO[bytes]", source), read_across_frames=True)
    return reader


def _open_gz(source: Readable) -> Readable:
    return gzip.GzipFile(fileobj=cast("IO[bytes]", source), mode="rb")


def _open_bz2(source: Readable) -> Readable:
    return bz2.BZ2File(cast("IO[bytes]", source), mode="rb")


_OPENERS: dict[str, Callable[[Readable], Readable]] = {"gz": _open_gz, "bz2": _open_bz2, "xz": _Xz, "zst": _open_zst}


def _without_suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    if suffix.lower() == "tgz":
        return f"{stem}.tar"
    return stem if dot and suffix.lower() in {"gz", "bz2", "xz", "zst", "zstd"} else name


def _short(fault: BaseException) -> str:
    text = ""
    with suppress(Exception):
        text = str(fault)
    return (text or type(fault).__name__)[:120]
