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
    found = _PAIR.findall(text[:LINE_CHARS])
    fields: Fields = {name: quoted or bare for name, quoted, bare in found}
    is_ordinary = len(fields) == len(found) < FIELDS_PER_RECORD and len(text) <= VALUE_CHARS and "\\" not in text
    if is_ordinary and len(max(fields, key=len, default="")) <= NAME_CHARS:
        return fields
    return _carefully(found, is_whole=len(text) <= LINE_CHARS)


def _carefully(found: list[tuple[str, str, str]], *, is_whole: bool) -> Fields:
    """The pairs of a line that is not ordinary: names twice, escapes, more or longer than there should be."""
    fields: Fields = {}
    for name, quoted, bare in found:
        if name in fields:
            continue
        if len(name) > NAME_CHARS or len(fields) >= FIELDS_PER_RECORD // 2:
            is_whole = False
            continue
        value = quoted.replace('\\"', '"').replace("\\\\", "\\") if quoted else bare
        is_whole = is_whole and len(value) <= VALUE_CHARS
        fields[name] = value[:VALUE_CHARS]
    if not is_whole:
        fields[TRUNCATED] = True
    return fields
