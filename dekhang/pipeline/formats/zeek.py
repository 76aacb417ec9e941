"""Zeek logs in their own table format: each row becomes one JSON object, its values typed as `#types` says.

`_zeek` carries the name of the log (`#path`: conn, dns, http …). Unset fields are left out, an empty set is [].
Times and intervals are numbers of seconds, as in Zeek's JSON.

Format: Zeek documentation, "Zeek Log Formats"; escapes are `\\xHH`.
"""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from dekhang.pipeline.formats.chunk import Lines
from dekhang.pipeline.formats.limits import COLUMNS
from dekhang.pipeline.formats.problems import Problems
from dekhang.pipeline.formats.unpack import Readable

_ESCAPE = re.compile(rb"\\x([0-9a-fA-F]{2})")
_ELEMENTS = 10_000  # of one set
_SEPARATOR_CHARS = 8

Convert = Callable[[bytes], Any]


def looks_like_zeek(text: bytes) -> bool:
    return text.startswith((b"#separator ", b"#fields\t", b"#path\t", b"#set_separator"))


def read_zeek(stream: Readable, problems: Problems, *, first_index: int) -> Iterator[bytes]:
    lines = Lines(stream, problems, first_index)
    table = _Table()
    for line in lines:
        if line.startswith(b"#"):
            table.directive(line)
            continue
        if not table.names:
            lines.note("Hàng đứng trước dòng “#fields” nên không biết tên các cột; hàng này bị bỏ qua.")
            continue
        values = line.split(table.separator)
        if len(values) != len(table.names):
            lines.note(f"Hàng có {len(values)} cột trong khi dòng “#fields” có {len(table.names)} cột.")
        yield orjson.dumps(table.row(values))
        lines.index += 1


class _Table:
    """What the lines with # have said so far; a file put together of several logs says it anew."""

    def __init__(self) -> None:
        self.separator = b"\t"
        self.names: list[str] = []
        self._set_separator = b","
        self._empty = b"(empty)"
        self._unset = b"-"
        self._path = ""
        self._types: list[str] = []
        self._columns: list[tuple[str, Convert]] = []

    def directive(self, line: bytes) -> None:
        if line.startswith(b"#separator "):
            self.separator = unescaped(line[11:].strip())[:_SEPARATOR_CHARS] or b"\t"
            return
        word, _, rest = line.partition(self.separator)
        if word == b"#fields":
            self.names = [_text(name) for name in rest.split(self.separator)][:COLUMNS]
        elif word == b"#types":
            self._types = [_text(name) for name in rest.split(self.separator)][:COLUMNS]
        elif word == b"#path":
            self._path = _text(rest)[:100]
        elif word == b"#set_separator":
            self._set_separator = rest[:_SEPARATOR_CHARS] or b","
        elif word == b"#empty_field":
            self._empty = rest
        elif word == b"#unset_field":
            self._unset = rest
        types = [*self._types, *["string"] * len(self.names)]
        self._columns = [(name, self._converter(kind)) for name, kind in zip(self.names, types, strict=False)]

    def row(self, values: list[bytes]) -> dict[str, Any]:
        unset = self._unset
        fields: dict[str, Any] = {
            name: convert(value)
            for (name, convert), value in zip(self._columns, values, strict=False)
            if value != unset
        }
        for number, value in enumerate(values[len(self._columns) : COLUMNS], start=len(self._columns) + 1):
            fields[f"column_{number}"] = _text(value)
        fields["_zeek"] = self._path
        return fields

    def _converter(self, kind: str) -> Convert:
        container, bracket, inner = kind.partition("[")
        if bracket and container in ("set", "vector", "table"):
            convert = _SCALARS.get(inner.rstrip("]"), _text)
            separator, empty, unset = self._set_separator, self._empty, self._unset

            def elements(value: bytes) -> list[Any]:
                if value == empty:
                    return []
                return [None if one == unset else convert(one) for one in value.split(separator, _ELEMENTS)]

            return elements
        if kind in _SCALARS:
            return _SCALARS[kind]
        empty_text = self._empty
        return lambda value: "" if value == empty_text else _text(value)


def unescaped(value: bytes) -> bytes:
    if b"\\" not in value:
        return value
    return _ESCAPE.sub(lambda found: bytes((int(found[1], 16),)), value).replace(b"\\\\", b"\\")


def _text(value: bytes) -> str:
    return unescaped(value).decode("utf-8", "replace")


def _whole(value: bytes) -> int | str:
    digits = value.removeprefix(b"-")
    return int(value) if digits.isdigit() and len(digits) < 19 else _text(value)


def _real(value: bytes) -> float | str:
    try:
        number = float(value)
    except ValueError:
        return _text(value)
    return number if math.isfinite(number) else _text(value)


def _truth(value: bytes) -> bool | str:
    return {b"T": True, b"F": False}.get(value, _text(value))


_SCALARS: dict[str, Convert] = {
    "count": _whole,
    "int": _whole,
    "port": _whole,
    "double": _real,
    "time": _real,
    "interval": _real,
    "bool": _truth,
}
