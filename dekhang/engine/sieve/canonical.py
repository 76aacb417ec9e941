"""Records → JSON for the kernel: as they are when they are simple, else folded by Python so that nothing is strange."""

from collections.abc import Callable, Mapping
from math import isfinite

import orjson

from dekhang.engine.sieve.reading import NAME_BYTES_MAX, SPANS_MAX
from dekhang.engine.text import Value, fold, is_metadata, plain_name, scalars, text_of

# names that no rule asks for are all one: who invents them shall not fill our tables
UNASKED = "(unasked)"  # keywords look at it
UNASKED_METADATA = "_(unasked)"  # keywords do not
NAMES_MAX = 4_096  # of one record that rules ask for
JSON_BYTES_MAX = 64 << 20  # of one record
# what is no text, number or list is no value to rules: it must not become text here
_AS_THEY_ARE = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


def plain_json(fields: Mapping[str, Value]) -> bytes | None:
    """Return fields as JSON, None when that is impossible (lone surrogates, huge numbers, foreign types, too much)."""
    try:
        written = orjson.dumps(fields, option=_AS_THEY_ARE)
    except (TypeError, RecursionError):
        return None
    if len(written) > JSON_BYTES_MAX:
        return None
    if b"null" in written and not all(map(_is_finite, fields.values())):
        return None  # JSON knows no infinity and writes null
    return written


def canonical(fields: Mapping[str, Value], is_asked: Callable[[str], bool]) -> bytes | None:
    """Return fields as JSON whose every value is a list of folded texts; the kernel can read all of it.

    None: there is more than the kernel has room for.

    Args:
        is_asked: plain field name → whether a rule asks for it.
    """
    found: dict[str, list[str]] = {}
    room = SPANS_MAX - 2
    for name, value in fields.items():
        known = plain_name(name)
        if not is_asked(known):
            known = UNASKED_METADATA if is_metadata(name) else UNASKED
        elif not _fits(known):
            return None
        texts = [fold(text_of(scalar)) for scalar in scalars(value)]
        found.setdefault(known, []).extend(texts)
        room -= len(texts) + 1
        if room < 0:
            return None
    written = orjson.dumps(found)
    return written if len(found) <= NAMES_MAX and len(written) <= JSON_BYTES_MAX else None


def _fits(name: str) -> bool:
    try:
        return len(orjson.dumps(name)) <= NAME_BYTES_MAX
    except TypeError:  # lone surrogates
        return False


def _is_finite(value: object) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    return all(map(_is_finite, scalars(value))) if isinstance(value, (list, tuple)) else True
