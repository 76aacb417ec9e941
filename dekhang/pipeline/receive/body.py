"""Decodes a request body without letting the sender choose how much memory it costs."""

from __future__ import annotations

import io
import zlib
from typing import Protocol

import zstandard

WIRE_BYTES = 32 * 1024 * 1024
DECODED_BYTES = 32 * 1024 * 1024
RATIO = 1000  # decoded ÷ sent above this is not a log (real logs: 5 to 60) …
RATIO_FREE_BYTES = 4 * 1024 * 1024  # … but small bodies may repeat as they like
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
