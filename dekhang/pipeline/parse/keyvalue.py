"""Lines of `name=value name="quoted value"` as firewalls write them."""

from __future__ import annotations

import re

from dekhang.pipeline.parse.event import FIELDS_PER_RECORD, NAME_CHARS, TRUNCATED, VALUE_CHARS, Fields

LINE_CHARS = 65_536  # of a line are read; the longest that devices send is a quarter of it

# Possessive, so linear: a quote that is never closed can occur once, every later `name="` would close it.
_PAIR = re.compile(r'([A-Za-z_][\w.\-]*+)=(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"|([^\s"]\S*+)?)', re.DOTALL)


def pairs(text: str) -> Fields:
    """Read the pairs of a line; of a name that occurs twice the first counts: what an attacker typed stands later.

    Bounded: at most FIELDS_PER_RECORD fields, values of VALUE_CHARS; what is left out marks the record as truncated.
    """
    fields: Fields = {}
    for name, quoted, bare in _PAIR.findall(text[:LINE_CHARS]):
        if name in fields or len(name) > NAME_CHARS:
            continue
        if quoted:
            if "\\" in quoted:
                quoted = quoted.replace('\\"', '"').replace("\\\\", "\\")
            fields[name] = quoted
        else:
            fields[name] = bare
    if len(text) > LINE_CHARS or len(fields) > FIELDS_PER_RECORD:
        fields = {name: str(fields[name])[:VALUE_CHARS] for name in list(fields)[: FIELDS_PER_RECORD // 2]}
        fields[TRUNCATED] = True
    return fields
