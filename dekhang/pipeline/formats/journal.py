"""The journal's export format (`journalctl -o export`): each entry becomes one JSON object, as `-o json` prints it.

Format: systemd documentation, "Journal Export Formats": `NAME=value` lines; a value with line ends or odd bytes is
`NAME`, a line end, its length as 8 bytes little-endian, the value, a line end; an empty line ends the entry.
"""

import struct
from collections.abc import Iterator
from typing import Any

import orjson

from dekhang.pipeline.formats.limits import CHUNK_BYTES, FILE_RECORD_BYTES
from dekhang.pipeline.formats.problems import Problems
from dekhang.pipeline.formats.unpack import Readable, UnpackError, fill

_FIELDS = 1_000  # of one entry
_NAME_BYTES = 256


def looks_like_journal(text: bytes) -> bool:
    return text.startswith(b"__CURSOR=")


def read_journal(stream: Readable, problems: Problems, *, first_index: int) -> Iterator[bytes]:
    index = first_index
    source = _Source(stream)
    entry: dict[str, Any] = {}
    size = 0
    too_long = False
    while (line := source.line()) is not None:
        if not line:
            if too_long:
                problems.note(index, f"Mục nhật ký dài quá giới hạn {FILE_RECORD_BYTES} byte, nên bị bỏ qua.")
            elif entry:
                yield orjson.dumps(entry)
                index += 1
            entry, size, too_long = {}, 0, False
            continue
        name, equals, value = line.partition(b"=")
        if not equals:
            binary = source.sized() if len(line) <= _NAME_BYTES else None
            if binary is None:
                problems.note(index, "Từ mục này trở đi tệp journal bị hỏng hoặc bị cắt; các mục trước đã được đọc.")
                entry = {}
                break
            value = binary
        size += len(line) + len(value)
        too_long = too_long or size > FILE_RECORD_BYTES or len(entry) > _FIELDS
        if not too_long:
            _put(entry, name[:_NAME_BYTES].decode("utf-8", "replace"), value.decode("utf-8", "replace"))
    if entry and not too_long:
        yield orjson.dumps(entry)
    if source.fault is not None:
        raise source.fault


def _put(entry: dict[str, Any], name: str, value: str) -> None:
    known = entry.get(name)
    if known is None:
        entry[name] = value
    elif isinstance(known, list):
        known.append(value)
    else:
        entry[name] = [known, value]


class _Source:
    """Lines and counted bytes of one stream."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._data = b""
        self._at = 0
        self._ended = False
        self.fault: UnpackError | None = None

    def line(self) -> bytes | None:
        """The next line without its end; None at the end of the stream, or when a line has no end in sight."""
        searched = self._at
        while (end := self._data.find(b"\n", searched)) < 0:
            searched = len(self._data) - self._at
            if self._ended or searched > FILE_RECORD_BYTES:
                rest = self._data[self._at :]
                self._at = len(self._data)
                return rest if rest and self._ended else None
            self._more()
            searched += self._at
        line = self._data[self._at : end]
        self._at = end + 1
        return line

    def sized(self) -> bytes | None:
        """A value behind its length; None when the length cannot be right."""
        while len(self._data) - self._at < 8 and not self._ended:
            self._more()
        if len(self._data) - self._at < 8:
            return None
        size = struct.unpack_from("<Q", self._data, self._at)[0]
        if size > FILE_RECORD_BYTES:
            return None
        while len(self._data) - self._at < 8 + size + 1 and not self._ended:
            self._more()
        start = self._at + 8
        if self._data[start + size : start + size + 1] != b"\n":
            return None
        self._at = start + size + 1
        return self._data[start : start + size]

    def _more(self) -> None:
        block, self.fault = fill(self._stream, CHUNK_BYTES)
        self._ended = len(block) < CHUNK_BYTES
        self._data = self._data[self._at :] + block
        self._at = 0
