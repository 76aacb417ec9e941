"""Text in UTF-16 is read as UTF-8: PowerShell 5, Event Viewer and Excel write it."""

import codecs

from dekhang.pipeline.formats.limits import CHUNK_BYTES
from dekhang.pipeline.formats.unpack import Readable, Stream


class Utf8:
    """A stream in another encoding read as UTF-8; what is no text there becomes U+FFFD."""

    def __init__(self, source: Readable, encoding: str) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._started = False
        self._ahead = b""  # decoded, from _at on not yet read
        self._at = 0

    def read(self, size: int = CHUNK_BYTES, /) -> bytes:
        while self._at >= len(self._ahead):
            data = self._source.read(size)
            text = self._decoder.decode(data, final=not data)
            if not self._started and text:
                self._started = True
                text = text.removeprefix("\ufeff")
            self._ahead, self._at = text.encode("utf-8", "replace"), 0
            if not data:
                break
        taken = self._ahead[self._at : self._at + size]
        self._at += len(taken)
        return taken


def unmarked(stream: Stream, head_bytes: int) -> tuple[Readable, bytes]:
    """Return a stream of UTF-8 without byte order mark, and its beginning."""
    head = stream.peek(head_bytes)
    if head.startswith(b"\xef\xbb\xbf"):
        stream.read(3)
        return stream, head[3:]
    encoding = _utf16(head)
    if not encoding:
        return stream, head
    text = head[: len(head) & ~1].decode(encoding, "replace")
    return Utf8(stream, encoding), text.removeprefix("\ufeff").encode("utf-8", "replace")


def _utf16(head: bytes) -> str:
    """Name the flavour of UTF-16, "" when it is something else. Without a mark: every other byte of ASCII is zero."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    sample = head[:64]
    if len(sample) < 8 or len(sample) % 2:
        return ""
    even, odd = sample[::2], sample[1::2]
    if not any(odd) and 0 not in even:
        return "utf-16-le"
    if not any(even) and 0 not in odd:
        return "utf-16-be"
    return ""
