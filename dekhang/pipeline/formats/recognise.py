"""Which format a file has: its content decides, its name only breaks a tie (CSV of two columns)."""

import re

import orjson

from dekhang.pipeline.formats.csvfile import csv_dialect
from dekhang.pipeline.formats.envelopes import unwrapped
from dekhang.pipeline.formats.evtxfile import CHUNK_MAGIC, FILE_MAGIC, HEADER_BYTES
from dekhang.pipeline.formats.journal import looks_like_journal
from dekhang.pipeline.formats.jsonstream import is_envelope, starts_whole_value
from dekhang.pipeline.formats.w3c import looks_like_w3c
from dekhang.pipeline.formats.xmlevents import looks_like_events
from dekhang.pipeline.formats.zeek import looks_like_zeek

FORMATS = {
    "evtx": "tệp sự kiện Windows (EVTX)",
    "xml": "sự kiện Windows dạng XML (Event Viewer, wevtutil)",
    "jsonl": "mỗi dòng một đối tượng JSON",
    "json": "mảng JSON, các đối tượng JSON nối nhau, hoặc câu trả lời chứa mảng bản ghi (CloudTrail, Graph, Elasticsearch)",
    "bulk": "NDJSON cho Elasticsearch _bulk: dòng lệnh rồi dòng bản ghi",
    "csv": "bảng CSV hay TSV có dòng tiêu đề",
    "w3c": "nhật ký W3C có dòng #Fields: (IIS, Windows Firewall, Exchange, CloudFront)",
    "zeek": "nhật ký Zeek dạng bảng (dòng #separator, #fields)",
    "journal": "nhật ký systemd (journalctl -o export)",
    "lines": "văn bản, mỗi dòng một bản ghi (syslog, auditd, CEF, LEEF, nhật ký web)",
}

_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))
ACTION = re.compile(rb'\s{0,16}\{\s{0,16}"(?:index|create|update|delete)"\s{0,16}:\s{0,16}\{')
_SAMPLE_LINES = 50
_SAMPLE_BYTES = 256 << 10


def recognise(head: bytes, name: str) -> tuple[str, str]:
    """Name the format of a file that starts with `head`: one of FORMATS or "binary"; and the delimiter of CSV."""
    if head.startswith((FILE_MAGIC, CHUNK_MAGIC)) or head[HEADER_BYTES : HEADER_BYTES + 8] == CHUNK_MAGIC:
        return "evtx", ""
    text = head.lstrip()
    if text.startswith(b"{"):
        return _of_objects(text), ""
    if text.startswith(b"["):
        return ("json" if starts_whole_value(text) else "lines"), ""
    if looks_like_journal(text):  # before the test for binary data, because its values may be
        return "journal", ""
    if len(head.translate(None, _CONTROL)) * 20 < len(head) * 19:  # text has next to none, random bytes one in ten
        return "binary", ""
    if looks_like_zeek(text):
        return "zeek", ""
    if looks_like_w3c(text):
        return "w3c", ""
    if text.startswith(b"<") and looks_like_events(text):
        return "xml", ""
    if _mostly_objects(text):
        return "jsonl", ""
    delimiter = csv_dialect(head[:65_536], named_csv=name.lower().endswith((".csv", ".tsv")))
    return ("csv", delimiter) if delimiter else ("lines", "")


def _of_objects(text: bytes) -> str:
    """bulk, jsonl or json: are these objects one a line, or one of many lines, or one that carries records?"""
    first, newline, rest = text.partition(b"\n")
    following = rest.lstrip()[:1]
    if ACTION.match(first) and following == b"{":
        return "bulk"
    if _is_json(first):
        carries = is_envelope(first) or unwrapped(first) is not first
        return "json" if carries else "jsonl"
    if not newline:  # one line longer than the head, or cut short
        return "json" if starts_whole_value(text) else "jsonl"
    if not first.rstrip().endswith((b"{", b"[", b",")) and _is_json(rest.lstrip().split(b"\n", 1)[0]):
        return "jsonl"  # only the first line is broken
    return "json" if starts_whole_value(text) else "jsonl"


def _mostly_objects(text: bytes) -> bool:
    """A file of JSON lines of which the first is not one: a torn log, or a heading that a tool has printed."""
    lines = text[:_SAMPLE_BYTES].split(b"\n", _SAMPLE_LINES)[1:_SAMPLE_LINES]
    objects = sum(1 for line in lines if line.startswith(b"{") and line.rstrip().endswith(b"}"))
    return objects > 0 and objects * 5 >= len([line for line in lines if line.strip()]) * 4


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
