"""W3C extended log files: IIS, Windows Firewall, Exchange, TMG, CloudFront and others with a `#Fields:` line.

Each row becomes one JSON object with the names of the header and the values as text, as they are (`-` for nothing
included); `_w3c` carries what `#Software:` says and `_date` the day of `#Date:` when the rows have none.

Format: W3C working draft WD-logfile; the header may come again in the middle with other fields.
"""

import csv
import re
from collections.abc import Iterator

import orjson

from dekhang.pipeline.formats.chunk import Lines
from dekhang.pipeline.formats.limits import COLUMNS
from dekhang.pipeline.formats.problems import Problems
from dekhang.pipeline.formats.unpack import Readable

_QUOTED = re.compile(r'"((?:[^"]|"")*)"(?=\s|$)|(\S+)')
_NAME_CHARS = 80


def looks_like_w3c(text: bytes) -> bool:
    """Does a `#Fields:` line stand among the lines with # at the beginning?"""
    for line in text[:65_536].split(b"\n", 100):
        if line[:8].lower() == b"#fields:":
            return True
        if line.strip() and not line.startswith(b"#"):
            break
    return False


def read_w3c(stream: Readable, problems: Problems, *, first_index: int) -> Iterator[bytes]:
    lines = Lines(stream, problems, first_index)
    names: list[str] = []
    software = date = ""
    delimiter: str | None = None
    for line in lines:
        text = line.decode("utf-8", "replace")
        if text.startswith("#"):
            directive, _, value = text[1:].partition(":")
            directive, value = directive.strip().lower(), value.strip()
            if directive == "fields":
                delimiter = next((one for one in ("\t", ",") if one in value), None)
                names = [name.strip()[:_NAME_CHARS] for name in value.split(delimiter)][:COLUMNS]
            elif directive == "software":
                software = value[:200]
            elif directive == "date":
                date = value[:30]
            continue
        if not names:
            lines.note("Hàng đứng trước dòng “#Fields:” nên không biết tên các cột; hàng này bị bỏ qua.")
            continue
        values = _values(text, delimiter, len(names))
        if len(values) != len(names):
            lines.note(f"Hàng có {len(values)} cột trong khi dòng “#Fields:” có {len(names)} cột.")
        fields = dict(zip(names, values, strict=False))
        for number, value in enumerate(values[len(names) : COLUMNS], start=len(names) + 1):
            fields[f"column_{number}"] = value
        if date and "date" not in fields and "date-time" not in fields:
            fields["_date"] = date
        fields["_w3c"] = software
        yield orjson.dumps(fields)
        lines.index += 1


def _values(text: str, delimiter: str | None, count: int) -> list[str]:
    if delimiter is not None:
        values = text.split(delimiter)
        if len(values) != count and '"' in text and delimiter == ",":
            values = next(csv.reader([text]), [])
        return values
    if "\t" in text:  # CloudFront names its fields with blanks between and its values with tabs
        values = text.split("\t")
        if len(values) == count:
            return values
    values = text.split()
    if len(values) != count and '"' in text:  # strings may be quoted, a quote in them doubled
        values = [
            quoted.replace('""', '"') if quoted or not plain else plain for quoted, plain in _QUOTED.findall(text)
        ]
    return values
