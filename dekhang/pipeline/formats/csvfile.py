"""CSV with a header: one JSON object a row."""

import csv
import re
from collections.abc import Iterator

import orjson

from dekhang.pipeline.formats.limits import CHUNK_BYTES, RECORD_BYTES
from dekhang.pipeline.formats.problems import Problems
from dekhang.pipeline.formats.unpack import Readable

csv.field_size_limit(RECORD_BYTES)

_COLUMN = re.compile(r"[\w .@#/()\-%$]{1,80}")
_CSV_COLUMNS = 1_000


def csv_dialect(head: bytes, *, named_csv: bool) -> str | None:
    """Return the delimiter when `head` starts with a CSV header and a row that fits it, else None.

    A file named .csv may have two columns; otherwise three are asked, so that log lines with a comma stay log lines.
    """
    lines = head.decode("utf-8", "replace").splitlines()[:2]
    if not lines:
        return None
    for delimiter in (",", ";", "\t"):
        try:
            rows = list(csv.reader(lines, delimiter=delimiter))
        except csv.Error:
            continue
        header = [name.strip() for name in rows[0]] if rows else []
        if not (2 if named_csv else 3) <= len(header) <= _CSV_COLUMNS:
            continue
        if len(set(header)) != len(header) or not all(_COLUMN.fullmatch(name) for name in header):
            continue
        if any(name[0].isdigit() or not any(map(str.isalpha, name)) for name in header):
            continue
        if len(rows) < 2 or len(rows[1]) == len(header) or (named_csv and len(rows[1]) > 1):
            return delimiter
    return None


def read_csv(stream: Readable, problems: Problems, delimiter: str, *, first_index: int) -> Iterator[bytes]:
    """Yield each row as a JSON object named by the header; values stay text."""
    index = first_index
    rows = csv.reader(_text_lines(stream), delimiter=delimiter)
    header: list[str] = []
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as fault:
            problems.note(index, f"Một hàng CSV không đọc được ({fault}); việc đọc tiếp tục từ hàng sau.")
            continue
        if not row:
            continue
        if not header:
            header = [name.strip() for name in row]
            continue
        if len(row) != len(header):
            problems.note(index, f"Hàng có {len(row)} cột trong khi dòng tiêu đề có {len(header)} cột.")
        fields = dict(zip(header, row, strict=False))
        for number, value in enumerate(row[len(header) : _CSV_COLUMNS], start=len(header) + 1):
            fields[f"column_{number}"] = value
        record = orjson.dumps(fields)
        if len(record) > RECORD_BYTES:
            problems.note(index, f"Hàng dài {len(record)} byte, quá giới hạn {RECORD_BYTES} byte, nên bị bỏ qua.")
            continue
        yield record
        index += 1


def _text_lines(stream: Readable) -> Iterator[str]:
    """Lines with their ends, as csv.reader wants them: a quoted value may span lines.

    A line beyond the record bound is handed over in pieces; csv's own field limit then refuses it.
    """
    rest = b""
    while data := stream.read(CHUNK_BYTES):
        lines = (rest + data).splitlines(keepends=True)
        rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        for line in lines:
            yield _text(line)
        if len(rest) > 2 * RECORD_BYTES:
            yield _text(rest)
            rest = b""
    if rest:
        yield _text(rest)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").replace("\x00", "\ufffd")
