"""CSV and TSV with a header: one JSON object a row. Excel, Event Viewer, Defender, Sentinel and Purview export such.

Values stay text. What Event Viewer puts behind its last named column is the event's message.
"""

import csv
import io
import re
from collections.abc import Iterator

import orjson

from dekhang.pipeline.formats.envelopes import unwrapped
from dekhang.pipeline.formats.limits import CHUNK_BYTES, COLUMNS, FILE_RECORD_BYTES
from dekhang.pipeline.formats.problems import Problems
from dekhang.pipeline.formats.unpack import Readable

csv.field_size_limit(FILE_RECORD_BYTES)

_DELIMITERS = (",", ";", "\t", "|")
_COLUMN = re.compile(r"[\w .@#/()\[\]\-%$&'?:]{1,80}")
_EXCEL_HINT = re.compile(rb'"?sep=(.)"?\s*')  # Excel's own first line
_SAMPLE_ROWS = 4
_TIME_OF_DAY = re.compile(r"\d:\d\d")


def csv_dialect(head: bytes, *, named_csv: bool) -> str | None:
    """Return the delimiter when `head` starts with a CSV header and rows that fit it, else None.

    A file named .csv may have two columns; otherwise three are asked, so that log lines with a comma stay log lines.
    """
    hint = _EXCEL_HINT.match(head)
    if hint and head[hint.end() - 1 : hint.end()] == b"\n":
        return hint[1].decode("latin-1")
    complete = head[: head.rfind(b"\n") + 1] or head
    text = complete.decode("utf-8", "replace").replace("\x00", "\ufffd")
    for delimiter in _DELIMITERS:
        rows = _first_rows(text, delimiter)
        header = [name.strip() for name in rows[0]] if rows else []
        if not _is_header(header, least=2 if named_csv and delimiter != "|" else 3):
            continue
        if len(rows) < 2 or all(_fits(row, header, named_csv=named_csv) for row in rows[1:]):
            return delimiter
    return None


def _first_rows(text: str, delimiter: str) -> list[list[str]]:
    """Header and first rows that are surely whole: the sample may end in the middle of the last one."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) == _SAMPLE_ROWS + 1:
                return rows
    except csv.Error:
        return rows
    return rows[:-1] if len(rows) > 2 else rows


def _is_header(header: list[str], *, least: int) -> bool:
    if not least <= len(header) <= COLUMNS or len(set(header)) != len(header):
        return False
    return all(
        _COLUMN.fullmatch(name)
        and not name[0].isdigit()
        and any(map(str.isalpha, name))
        and not _TIME_OF_DAY.search(name)
        for name in header
    )


def _fits(row: list[str], header: list[str], *, named_csv: bool) -> bool:
    return len(row) == len(header) or _message_follows(header) or (named_csv and len(row) > 1)


def _message_follows(header: list[str]) -> bool:
    """Event Viewer names five columns and writes six."""
    return len(header) == 5 and {"Source", "Event ID"} <= set(header)


def read_csv(stream: Readable, problems: Problems, delimiter: str, *, first_index: int) -> Iterator[bytes]:
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
            if not _EXCEL_HINT.fullmatch(delimiter.join(row).encode("utf-8", "replace")):
                header = _names(row)
            continue
        if len(row) != len(header):
            problems.note(index, f"Hàng có {len(row)} cột trong khi dòng tiêu đề có {len(header)} cột.")
        fields = dict(zip(header, row, strict=False))
        for number, value in enumerate(row[len(header) : COLUMNS], start=len(header) + 1):
            fields[f"column_{number}"] = value
        record = orjson.dumps(fields)
        if len(record) > FILE_RECORD_BYTES:
            problems.note(index, f"Hàng dài {len(record)} byte, quá giới hạn {FILE_RECORD_BYTES} byte, nên bị bỏ qua.")
            continue
        yield unwrapped(record)
        index += 1


def _names(row: list[str]) -> list[str]:
    header = [name.strip() for name in row[:COLUMNS]]
    return [*header, "Message"] if _message_follows(header) else header


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
        if len(rest) > FILE_RECORD_BYTES:
            yield _text(rest)
            rest = b""
    if rest:
        yield _text(rest)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").replace("\x00", "\ufffd")
