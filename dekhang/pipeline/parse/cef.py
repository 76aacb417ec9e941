"""ArcSight's Common Event Format: `CEF:0|vendor|product|version|signature id|name|severity|key=value …`."""

from __future__ import annotations

import re

from dekhang.pipeline.parse.event import FIELDS_PER_RECORD, NAME_CHARS, TRUNCATED, VALUE_CHARS, Facts, Fields
from dekhang.pipeline.parse.securityevent import facts_of_device, put_common
from dekhang.pipeline.parse.times import epoch_ms, iso_ms, stamp_ms

LINE_CHARS = 131_072  # of a line are read
_HEADER = re.compile(r"CEF: ?(\d{1,2})((?:\|(?:[^|\\]++|\\.)*+){6})\|", re.DOTALL)
_HEADER_PART = re.compile(r"\|((?:[^|\\]++|\\.)*+)", re.DOTALL)
_KEY = re.compile(r"(?:^|\s)([A-Za-z_][\w.\-\[\]]*+)=")  # \= in a value: the backslash is no part of a name
_ESCAPE = re.compile(r"\\([\\=|nr])")
_LETTERS = {"n": "\n", "r": "\r"}
_HEADER_NAMES = ("device_vendor", "device_product", "device_version", "signature_id", "name", "severity")
_LABELLED = re.compile(r"(?:cs|cn|cfp|c6a|flexString|flexNumber|flexDate|deviceCustomDate|ad\.)\w{0,64}")
_FORTINET_PREFIXES = ("FTNTFGT", "ad.")  # FortiOS puts its own names behind one of these
_TIMES = ("rt", "end", "start", "deviceReceiptTime")
_CEF_STAMP = re.compile(r"[A-Z][a-z]{2} \d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d")


def recognise(text: str, received_ms: int) -> Facts | None:
    """Facts of a CEF message, or None; the caller has seen `CEF:`."""
    header = _HEADER.match(text)
    if header is None:
        return None
    fields: Fields = {}
    for name, value in zip(_HEADER_NAMES, _HEADER_PART.findall(header[2]), strict=False):
        fields[name] = _unescaped(value)[:VALUE_CHARS]
    body = text[header.end() : LINE_CHARS]
    _extension(body, fields)
    if len(text) > LINE_CHARS:
        fields[TRUNCATED] = True
    _labels(fields)
    put_common(fields)
    facts = facts_of_device(fields, str(fields["device_vendor"]), str(fields["device_product"]), "cef")
    if facts.product in ("fortigate", "fortinet"):
        _fortinet(facts)
    facts.host = str(fields.get("dvchost") or fields.get("deviceHostName") or fields.get("dvc") or "")[:255]
    facts.time_ms = _time(fields, received_ms)
    fields["message"] = text
    return facts


def _extension(body: str, fields: Fields) -> None:
    """A value reaches to the next ` name=`; blanks belong to it, `\\=` and `\\\\` are escaped."""
    pieces = _KEY.split(body, maxsplit=FIELDS_PER_RECORD // 2)  # labels may double them
    if len(pieces) > FIELDS_PER_RECORD:
        fields[TRUNCATED] = True
    for name, value in zip(pieces[1::2], pieces[2::2], strict=True):
        if len(name) <= NAME_CHARS:
            if "\\" in value:
                value = _unescaped(value)
            fields.setdefault(name if name not in _HEADER_NAMES else f"ext_{name}", value.strip()[:VALUE_CHARS])


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: _LETTERS.get(found[1], found[1]), text)


def _labels(fields: Fields) -> None:
    """`cs1Label=Rule Name cs1=allow`: the value is found under its label too, as the device's people know it."""
    labels = [name for name in fields if name.endswith("Label") and _LABELLED.match(name)]
    for name in labels:
        label, value = fields[name], fields.get(name[:-5])
        if isinstance(label, str) and label and value not in (None, ""):
            fields.setdefault(label[:NAME_CHARS], value)


def _fortinet(facts: Facts) -> None:
    fields = facts.fields
    for name in list(fields):
        for prefix in _FORTINET_PREFIXES:
            if name.startswith(prefix) and len(name) > len(prefix):
                fields.setdefault(name[len(prefix) :], fields[name])
    kind = fields.get("type") or str(fields.get("cat", "")).partition(":")[0]
    if kind:
        facts.service = str(kind).lower()[:64]


def _time(fields: Fields, received_ms: int) -> int | None:
    for name in _TIMES:
        value = fields.get(name)
        if isinstance(value, str) and value:
            if value.isascii() and value.isdigit() and len(value) <= 20:
                return epoch_ms(int(value))
            if _CEF_STAMP.match(value):
                return stamp_ms(value, received_ms)
            found = iso_ms(value, received_ms)
            if found is not None:
                return found
    return None
