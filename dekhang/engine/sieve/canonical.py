"""Records → JSON for the kernel: as they are when they are simple, else folded by Python so that nothing is strange."""

from collections.abc import Mapping

import orjson

from dekhang.engine.sieve.paths import NAME_BYTES_MAX
from dekhang.engine.sieve.reading import SPANS_MAX
from dekhang.engine.text import Value, clean, fold, scalars, text_of

LONG_NAME = "_"  # no rule asks for a name this long


def plain_json(fields: Mapping[str, Value]) -> bytes | None:
    """Return fields as JSON, None when that is impossible (lone surrogates, huge numbers, foreign types)."""
    try:
        return orjson.dumps(fields)
    except (TypeError, RecursionError):
        return None


def canonical(fields: Mapping[str, Value]) -> bytes:
    """Return fields as JSON whose every value is a list of folded texts; the kernel can read all of it."""
    found: dict[str, list[str]] = {}
    room = SPANS_MAX - 1
    for name, value in fields.items():
        known = clean(name)
        if len(known.encode()) * 2 > NAME_BYTES_MAX or not known.isprintable() or '"' in known or "\\" in known:
            known = LONG_NAME
        values = found.setdefault(known, [])
        texts = [fold(text_of(scalar)) for scalar in scalars(value)[: max(0, room)]]
        values.extend(texts)
        room -= len(texts) + 1
        if room <= 0:
            break
    return orjson.dumps(found)
