"""IBM's Log Event Extended Format: `LEEF:1.0|vendor|product|version|event id|` and tabs, 2.0 with a delimiter of its own."""

from __future__ import annotations

import re

from dekhang.pipeline.parse.event import FIELDS_PER_RECORD, NAME_CHARS, TRUNCATED, VALUE_CHARS, Facts, Fields
from dekhang.pipeline.parse.securityevent import facts_of_device, put_common
from dekhang.pipeline.parse.times import any_ms, stamp_ms

LINE_CHARS = 131_072  # of a line are read
_HEADER = re.compile(
    r"LEEF: ?(?P<version>[12])(?:\.\d)?\|([^|]{0,256})\|([^|]{0,256})\|([^|]{0,256})\|([^|]{0,1024})\|"
)
_DELIMITER = re.compile(r"(?:0?x(?P<code>[0-9A-Fa-f]{1,6})|(?P<sign>[^|]?))\|")
_HEADER_NAMES = ("device_vendor", "device_product", "device_version", "signature_id")


def recognise(text: str, received_ms: int) -> Facts | None:
    """Facts of a LEEF message, or None; the caller has seen `LEEF:`."""
    header = _HEADER.match(text)
    if header is None:
        return None
    fields: Fields = dict(zip(_HEADER_NAMES, header.groups()[1:], strict=True))
    start, delimiter = header.end(), "\t"
    if header["version"] == "2":
        own = _DELIMITER.match(text, start)
        if own is not None:
            start = own.end()
            code = int(own["code"], 16) if own["code"] else 0
            delimiter = (chr(code) if 0 < code < 0x110000 else "") or own["sign"] or "\t"
    body = text[start:LINE_CHARS]
    if delimiter not in body and delimiter == "\t" and "\\t" in body:  # relays write a tab as two letters
        delimiter = "\\t"
    for pair in body.split(delimiter, FIELDS_PER_RECORD // 2):
        name, sign, value = pair.partition("=")
        name = name.strip()
        if sign and name and len(name) <= NAME_CHARS:
            fields.setdefault(name, value.strip()[:VALUE_CHARS])
    if len(text) > LINE_CHARS or len(fields) > FIELDS_PER_RECORD // 2:
        fields[TRUNCATED] = True
    put_common(fields)
    facts = facts_of_device(fields, str(fields["device_vendor"]), str(fields["device_product"]), "leef")
    facts.host = str(fields.get("devName") or fields.get("identHostName") or "")[:255]
    stamp = fields.get("devTime")
    if isinstance(stamp, str):
        facts.time_ms = any_ms(stamp, received_ms) or stamp_ms(stamp, received_ms)
    fields["message"] = text
    return facts
