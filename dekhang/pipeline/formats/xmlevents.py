"""Windows events as XML: what Event Viewer saves, what wevtutil and Get-WinEvent print, with or without a root.

The text is cut into single `<Event …>…</Event>` elements; nothing is parsed here and no tree is built. Windows escapes
what people and programs wrote into an event, so `</Event>` can only be the end of one.
"""

import re
from collections.abc import Iterator

from dekhang.pipeline.formats.limits import CHUNK_BYTES, FILE_RECORD_BYTES
from dekhang.pipeline.formats.problems import Problems
from dekhang.pipeline.formats.unpack import Readable, fill

_TAG = re.compile(rb"<(?:Event(?=[\s>])|/Event\s{0,32}>)")
_TAG_BYTES = 64  # longer than any of these tags: kept for the next block, in case a tag stands on the border
_STARTS = re.compile(rb"(?:<\?xml[^>]{0,200}>)?\s*(?:<!--.{0,2000}?-->\s*)?<(?:Events|Event)[\s>]", re.DOTALL)
_ENCODING = re.compile(rb"<\?xml[^>]{0,100}encoding=[\"']([\w-]{1,30})[\"']")
_UTF = {b"utf-8", b"utf-16", b"utf8", b"utf16", b"us-ascii", b"ascii"}
_ENCODINGS = re.compile(rb"(?:windows|cp|ibm)-?\d{3,4}|iso-8859-\d{1,2}", re.IGNORECASE)


def looks_like_events(text: bytes) -> bool:
    return _STARTS.match(text) is not None and _TAG.search(text) is not None


def declared_encoding(head: bytes) -> str:
    """The one-byte encoding that the XML declaration names; "" for UTF, which is known by its marks."""
    found = _ENCODING.match(head)
    if not found or found[1].lower() in _UTF or not _ENCODINGS.fullmatch(found[1]):
        return ""
    return found[1].decode().lower()


def read_events(stream: Readable, problems: Problems, *, first_index: int) -> Iterator[bytes]:
    """Yield each element as it stands in the file; memory holds one block and one record."""
    index = first_index
    data = b""
    start = -1  # of the element that is open
    searched = 0
    while True:
        block, fault = fill(stream, CHUNK_BYTES)
        data += block
        for tag in _TAG.finditer(data, searched):
            searched = tag.end()
            if not data.startswith(b"</", tag.start()):
                if start >= 0:
                    problems.note(index, "Một sự kiện XML không có phần kết thúc </Event> nên bị bỏ qua.")
                start = tag.start()
            elif start >= 0:
                yield data[start : tag.end()]
                index += 1
                start = -1
        searched = max(searched, len(data) - _TAG_BYTES, 0)
        keep_from = start if start >= 0 else searched
        if len(data) - keep_from > FILE_RECORD_BYTES:
            problems.note(index, f"Sự kiện XML dài quá giới hạn {FILE_RECORD_BYTES} byte, nên bị bỏ qua.")
            start, keep_from = -1, searched
        data = data[keep_from:]
        searched -= keep_from
        start = 0 if start >= 0 else -1
        if fault is not None or len(block) < CHUNK_BYTES:
            break
    if start >= 0:
        problems.note(index, "Tệp XML kết thúc giữa một sự kiện; sự kiện đó bị bỏ qua, các sự kiện trước đã được đọc.")
    if fault is not None:
        raise fault
