"""Reads lists of indicators as text: one a line, hosts files, blocklists of browsers, CSV with a header.

A comment at the top may say who made the list (`# Title: …`, `# Author: …`, `# License: …`, `# TLP: …`, `# Source: …`).
"""

import csv
import re
from collections.abc import Iterator
from pathlib import PurePath

from dekhang.engine.indicators import values
from dekhang.engine.indicators.intake import Intake
from dekhang.engine.indicators.shapes import Kind, Note, Source
from dekhang.engine.indicators.values import ValueProblem
from dekhang.engine.rules import Level

LINE_CHARS_MAX = 8_192
HEAD_LINES = 50  # comments further down are about single entries

COMMENT = ("#", ";", "!", "//")
SAID = re.compile(
    r"(?:#|;|!|//)+\s*(title|name|author|maintainer|licen[sc]e|tlp|source|homepage|url)\s*:\s*(\S.{0,300})", re.I
)
HOSTS = re.compile(r"(?:0\.0\.0\.0|127\.0\.0\.1|::1?)\s+(\S+)\Z")
BLOCKLIST = re.compile(r"\|\|([^\^/$|]+)\^(?:\$.*)?\Z")
TRAILING_COMMENT = re.compile(r"\s+(?:#|//|;).*\Z")
TLP = re.compile(r"(?:tlp:)?(clear|white|green|amber\+strict|amber|red)\Z", re.I)
LOCALHOST = frozenset(("localhost", "localhost.localdomain", "local", "broadcasthost", "ip6-localhost", "ip6-loopback"))

VALUE_COLUMNS = (
    "value",
    "indicator",
    "ioc",
    "ioc_value",
    "indicator_value",
    "observable",
    "url",
    "domain",
    "ip",
    "hash",
    "sha256",
)
COMMENT_COLUMNS = ("comment", "description", "threat", "malware", "tags", "event_info", "malware_printable")
CONFIDENCE_COLUMNS = ("confidence", "confidence_level")
ID_COLUMNS = ("uuid", "id")
# MISP's own values are of these types; others say nothing that a log could contain
MISP_SPLIT = "|"


def read_list(text: str, path: str, intake: Intake) -> None:
    """Put the indicators of a plain list into `intake`; each line that is none is an error with its number."""
    source = _source(text, path)
    note = Note()
    for number, line in enumerate(_lines(text), start=1):
        entry = line.strip().lstrip("\ufeff")
        if not entry or entry.startswith(COMMENT):
            continue
        if len(entry) > LINE_CHARS_MAX:
            intake.error(path, number, f"Dòng dài hơn {LINE_CHARS_MAX} ký tự nên không được đọc.")
            continue
        named = HOSTS.match(entry) or BLOCKLIST.match(entry)
        if named is not None:
            entry = named.group(1)
            if entry.lower() in LOCALHOST:
                continue
        elif " " in entry or "\t" in entry:
            entry = TRAILING_COMMENT.sub("", entry)
        try:
            kind, value = values.recognise(entry.strip("\"',"))
        except ValueProblem as problem:
            intake.error(path, number, str(problem))
        else:
            intake.add(kind, value, source, note, number)


def read_csv(text: str, path: str, intake: Intake) -> None:
    """Put the indicators of a CSV file with a header into `intake`; also MISP's export (type, value, to_ids, comment)."""
    source = _source(text, path)
    lines = ((number, line) for number, line in enumerate(_lines(text), start=1) if line.strip() and line[:1] != "#")
    numbers: list[int] = []

    def remembered() -> Iterator[str]:
        for number, line in lines:
            numbers[:] = [number]
            yield line[:LINE_CHARS_MAX]

    rows = csv.reader(remembered(), delimiter=_delimiter(text), skipinitialspace=True)
    try:
        header = [name.strip().strip('"').lower() for name in next(rows)]
        column = next(header.index(name) for name in VALUE_COLUMNS if name in header)
        for row in rows:
            if len(row) > column:
                _row(header, row, column, source, path, numbers[0], intake)
            elif any(row):
                intake.error(path, numbers[0], f"Dòng có {len(row)} cột, thiếu cột `{header[column]}`.")
    except csv.Error as error:
        intake.error(path, numbers[0] if numbers else 1, f"CSV hỏng từ dòng này ({error}); phần sau không được đọc.")


def is_csv(text: str) -> bool:
    """Return whether the first line that is no comment is a CSV header which names a column of indicators."""
    for line in _lines(text[:65_536]):
        if line.strip() and not line.startswith("#"):
            names = [name.strip().strip('"').lower() for name in re.split("[,;\t]", line)]
            return len(names) > 1 and any(name in VALUE_COLUMNS for name in names)
    return False


def tlp_of(text: str) -> str:
    """Return a Traffic Light Protocol mark in its newest words ("white" is "clear" since 2.0), "" for anything else."""
    found = TLP.match(text.strip())
    word = found.group(1).lower() if found is not None else ""
    return "clear" if word == "white" else word


def level_of(confidence: float) -> Level:
    """Return how serious an indicator is in which its source has this confidence, 0–100."""
    if confidence >= 85:
        return "high"
    if confidence >= 50:
        return "medium"
    return "low" if confidence >= 15 else "informational"


def add_typed(misp_type: str, text: str, source: Source, note: Note, path: str, line: int, intake: Intake) -> None:
    """Put a value of a MISP attribute type ("ip-dst|port", "filename|sha256" …) into `intake`."""
    parts = text.split(MISP_SPLIT) if MISP_SPLIT in misp_type else [text]
    types = misp_type.split(MISP_SPLIT)
    if len(parts) != len(types):
        intake.error(path, line, f"Giá trị kiểu `{misp_type}` phải có {len(types)} phần ngăn bằng `|`.")
        return
    if types[0] == "filename" and len(types) == 2:  # the hash says more than the name, and the name alone too little
        types, parts = types[1:], parts[1:]
    known = False
    for one, part in zip(types, parts, strict=True):
        kind = MISP_KINDS.get(one)
        if kind is None:
            continue
        known = True
        try:
            kind, value = _typed(kind, part)
        except ValueProblem as problem:
            intake.error(path, line, str(problem))
        else:
            intake.add(kind, value, source, note, line)
    if not known:
        intake.skip(path, line, f"Kiểu `{misp_type}` không có trong log nên không dùng được.")


def _typed(kind: Kind, text: str) -> tuple[Kind, str]:
    if kind is Kind.IP:
        return values.network(text) if "/" in text else values.address(text)
    if kind is Kind.DOMAIN:  # people write ports and addresses there too
        found = values.recognise(text)
        return found if found[0] is not Kind.FILENAME else (kind, values.domain(text))
    if kind is Kind.URL:
        return values.url(text if "//" in text else "//" + text)
    if kind is Kind.HASH:
        return kind, values.file_hash(text)
    if kind is Kind.EMAIL:
        return kind, values.email(text)
    return Kind.FILENAME, values.filename(text)


MISP_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("ip-src", "ip-dst", "ip"), Kind.IP),
    **dict.fromkeys(("domain", "hostname"), Kind.DOMAIN),
    **dict.fromkeys(("url", "uri"), Kind.URL),
    **dict.fromkeys(("md5", "sha1", "sha256", "sha512", "x509-fingerprint-sha1", "x509-fingerprint-sha256"), Kind.HASH),
    **dict.fromkeys(("email", "email-src", "email-dst", "email-reply-to", "target-email"), Kind.EMAIL),
    "filename": Kind.FILENAME,
}


def _row(header: list[str], row: list[str], column: int, source: Source, path: str, line: int, intake: Intake) -> None:
    def cell(*names: str) -> str:
        for name in names:
            if name in header and header.index(name) < len(row):
                return row[header.index(name)].strip()
        return ""

    level: Level | None = None
    confidence = cell(*CONFIDENCE_COLUMNS)
    if confidence.isdigit():
        level = level_of(int(confidence))
    if cell("to_ids").lower() in ("0", "false"):
        level = "low"
    note = Note(
        id=cell(*ID_COLUMNS)[:100], group=cell("event_id")[:100], title=cell(*COMMENT_COLUMNS)[:300], level=level
    )
    value, misp_type = row[column].strip(), cell("type", "ioc_type").lower()
    if not value:
        intake.error(path, line, f"Cột `{header[column]}` trống.")
    elif misp_type in MISP_KINDS or MISP_SPLIT in misp_type:
        add_typed(misp_type, value, source, note, path, line, intake)
    else:
        try:
            kind, value = values.recognise(value)
        except ValueProblem as problem:
            intake.error(path, line, str(problem))
        else:
            intake.add(kind, value, source, note, line)


def _delimiter(text: str) -> str:
    for line in _lines(text[:65_536]):
        if line.strip() and not line.startswith("#"):
            return max(",;\t", key=line.count)
    return ","


def _source(text: str, path: str) -> Source:
    said: dict[str, str] = {}
    for line in text[:65_536].split("\n")[:HEAD_LINES]:
        found = SAID.match(line.strip().lstrip("\ufeff"))
        if found is not None:
            said.setdefault(found.group(1).lower(), found.group(2).strip())
    links = tuple(said[key] for key in ("source", "homepage", "url") if said.get(key, "").startswith("http"))
    return Source(
        name=said.get("title") or said.get("name") or PurePath(path).stem,
        path=path,
        author=said.get("author") or said.get("maintainer") or "",
        license=said.get("license") or said.get("licence") or "",
        tlp=tlp_of(said.get("tlp", "")),
        references=links,
    )


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a text one by one: split() would hold a million strings at once."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        if end < 0:
            end = len(text)
        yield text[start:end]
        start = end + 1
