"""Reads and decodes a request body without letting the sender choose how much memory or time it costs."""

from __future__ import annotations

import asyncio
import io
import zlib
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Protocol

import zstandard

WIRE_BYTES = 32 * 1024 * 1024
DECODED_BYTES = 32 * 1024 * 1024
RATIO = 1000  # decoded ÷ sent above this is not a log (real logs: 5 to 60) …
RATIO_FREE_BYTES = 4 * 1024 * 1024  # … but small bodies may repeat as they like
HELD_BYTES = 128 * 1024 * 1024  # of all bodies being received; beyond it senders are asked to wait
BODY_IDLE_SECONDS = 30.0
BODY_SECONDS = 300.0  # for a whole body, however steadily it drips
DRAIN_BYTES = 64 * 1024 * 1024  # read and forgotten after a refusal, so that the sender sees the answer
DRAIN_SECONDS = 5.0
_STEP = 1024 * 1024


class BodyProblem(Exception):
    """The body is refused; `status` is 400, 413 or 415 and the text a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def decode(wire: bytes, encoding: str, *, limit: int = DECODED_BYTES) -> bytes:
    """Undo Content-Encoding (gzip, deflate, zstd, identity), at most `limit` bytes and RATIO times the size sent.

    Raises:
        BodyProblem: 413 too much, 400 damaged, 415 an encoding that we do not know.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        if len(wire) > limit:
            raise too_large(limit)
        return wire
    try:
        if encoding in ("gzip", "x-gzip", "deflate"):
            return _bounded(_Inflate(wire), len(wire), limit)
        if encoding == "zstd":
            reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(
                io.BytesIO(wire), read_across_frames=True
            )
            return _bounded(reader, len(wire), limit)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise BodyProblem(400, f"Nội dung nén {encoding} bị hỏng nên không mở được: {error}.") from error
    raise BodyProblem(415, f"Chưa hỗ trợ kiểu nén “{encoding[:40]}”; hãy dùng gzip, zstd hoặc không nén.")


class _Inflate:
    """gzip (several members allowed) or zlib, a bounded piece at a time."""

    def __init__(self, wire: bytes) -> None:
        self._rest = wire
        self._inflate = zlib.decompressobj(47)  # gzip or zlib, told apart by the header

    def read(self, size: int, /) -> bytes:
        while True:
            if self._inflate.eof:
                self._rest = self._inflate.unused_data
                if not self._rest:
                    return b""
                self._inflate = zlib.decompressobj(47)
            had = len(self._rest)
            piece = self._inflate.decompress(self._rest, size)
            if not self._inflate.eof:
                self._rest = self._inflate.unconsumed_tail
            if piece:
                return piece
            if (not self._inflate.eof and len(self._rest) == had) or (not self._rest and not self._inflate.eof):
                raise EOFError("dữ liệu bị cắt giữa chừng")


def _bounded(stream: _Readable, sent_bytes: int, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while piece := stream.read(_STEP):
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        if size > RATIO_FREE_BYTES and size > sent_bytes * RATIO:
            raise BodyProblem(413, f"Nội dung nén nở ra hơn {RATIO} lần, không giống nhật ký; đã từ chối.")
        parts.append(piece)
    return b"".join(parts)


def too_large(limit: int) -> BodyProblem:
    return BodyProblem(
        413, f"Một lần gửi tối đa {limit // 1024 // 1024} MB sau khi giải nén. Hãy giảm kích thước gói (bulk_max_size)."
    )


@dataclass(slots=True)
class Held:
    """What the bodies of one process share: how much of them is in memory, and who takes large ones apart."""

    large: asyncio.Semaphore
    threads: Executor
    size_bytes: int = 0


class Body:
    """The body of one request: read within bounds, or drained."""

    def __init__(self, held: Held, scope: Any, protocol: Any) -> None:
        self._held = held
        self._scope = scope
        self._protocol = protocol
        self._chunks: AsyncIterator[bytes] | None = None  # granian lets a body be asked for once
        self._ended = False
        self.size_bytes = 0

    async def _next(self) -> bytes:
        """The next chunk, empty at the end."""
        if self._chunks is None:
            self._chunks = aiter(self._protocol)
        chunk = b""
        try:
            while not chunk:
                chunk = await self._chunks.__anext__()  # anext(…, default) crashes CPython 3.11 on granian's awaitable
        except StopAsyncIteration:
            return b""
        return chunk

    async def read(self) -> bytes:
        """The whole body, decoded.

        Raises:
            BodyProblem: 400 damaged, 413 too much, 415 unknown encoding, 429 too many bodies at once.
            TimeoutError: nothing came for BODY_IDLE_SECONDS, or it took longer than BODY_SECONDS.
        """
        headers = self._scope.headers
        announced = headers.get("content-length") or ""
        if announced.isdigit() and int(announced) > WIRE_BYTES:
            raise too_large(WIRE_BYTES)
        parts: list[bytes] = []
        clock = asyncio.get_running_loop().time
        async with asyncio.timeout(BODY_IDLE_SECONDS) as patience:
            deadline = clock() + BODY_SECONDS
            while chunk := await self._next():
                patience.reschedule(min(clock() + BODY_IDLE_SECONDS, deadline))
                self._count(len(chunk))
                if self.size_bytes > WIRE_BYTES:
                    raise too_large(WIRE_BYTES)
                parts.append(chunk)
        self._ended = True
        wire = b"".join(parts)
        encoding = headers.get("content-encoding") or ""
        if not encoding and wire[:2] == b"\x1f\x8b":  # some senders forget to say so
            encoding = "gzip"
        if not encoding:
            return wire
        async with self._held.large:
            content = await asyncio.get_running_loop().run_in_executor(self._held.threads, decode, wire, encoding)
            self._count(len(content))  # many small bodies that unpack to 32 MB each count as what they have become
            return content

    def _count(self, size_bytes: int) -> None:
        self.size_bytes += size_bytes
        self._held.size_bytes += size_bytes
        if self._held.size_bytes > HELD_BYTES:
            raise BodyProblem(429, "Máy nhận đang bận vì quá nhiều gói đến cùng lúc; hãy gửi lại sau vài giây.")

    def release(self) -> None:
        self._held.size_bytes -= self.size_bytes
        self.size_bytes = 0

    async def drain(self) -> None:
        """Read and forget the rest, so that the sender gets to read our answer instead of a broken connection."""
        if self._ended or self._scope.method in ("GET", "HEAD"):
            return
        seen = 0
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while chunk := await self._next():
                    seen += len(chunk)
                    if seen > DRAIN_BYTES:
                        return
        except Exception:  # noqa: S110 - whatever is wrong with the rest, nobody wants it
            pass
