"""Which format a file has: its content decides, its name only breaks a tie (CSV of two columns)."""

import orjson

from dekhang.pipeline.formats.csvfile import csv_dialect
from dekhang.pipeline.formats.evtxfile import CHUNK_MAGIC, FILE_MAGIC, HEADER_BYTES
from dekhang.pipeline.formats.jsonstream import starts_whole_value

FORMATS = {
    "evtx": "tệp sự kiện Windows (EVTX)",
    "jsonl": "mỗi dòng một đối tượng JSON",
    "json": "mảng JSON, hoặc các đối tượng JSON nối nhau",
    "csv": "bảng CSV hay TSV có dòng tiêu đề",
    "lines": "văn bản, mỗi dòng một bản ghi",
}
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))


def recognise(head: bytes, name: str) -> tuple[str, str]:
    """Name the format of a file that starts with `head`: one of FORMATS or "binary"; and the delimiter of CSV."""
    if head.startswith((FILE_MAGIC, CHUNK_MAGIC)) or head[HEADER_BYTES : HEADER_BYTES + 8] == CHUNK_MAGIC:
        return "evtx", ""
    text = head.lstrip()
    if text[:1] in (b"{", b"["):
        first_line = text.split(b"\n", 1)[0]
        if text[:1] == b"{" and _is_json(first_line):
            return "jsonl", ""
        if starts_whole_value(text):
            return "json", ""
        return ("jsonl" if text[:1] == b"{" else "lines"), ""
    if len(head.translate(None, _CONTROL)) * 20 < len(head) * 19:  # text has next to none, random bytes one in ten
        return "binary", ""
    delimiter = csv_dialect(head[:65_536], named_csv=name.lower().endswith((".csv", ".tsv")))
    return ("csv", delimiter) if delimiter else ("lines", "")


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
