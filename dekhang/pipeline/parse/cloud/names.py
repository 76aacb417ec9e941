"""Names under which Sigma's rules ask for what cloud services write nested, or under another name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import orjson

from dekhang.engine.text import Value
from dekhang.pipeline.parse.event import LIST_ITEMS, NESTING, VALUE_CHARS, Fields

Document: TypeAlias = dict[str, Any]
Table: TypeAlias = Mapping[str, tuple[str, ...]]  # name in rules → names in records, the first present counts


def also(fields: Fields, table: Table) -> Fields:
    """Return the names of the table that the fields lack, with the values that stand under other names."""
    found: Fields = {}
    for name, others in table.items():
        if name not in fields:
            for other in others:
                if other in fields:
                    found[name] = fields[other]
                    break
    return found


def first(fields: Fields, *names: str) -> str:
    """The first name whose value is text, or ""."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def as_text(value: object) -> Value:
    """A nested value as rules search in it: its JSON text; with it texts inside that are JSON themselves (policies)."""
    if isinstance(value, str):
        return value
    if not isinstance(value, (dict, list)):
        return None
    try:
        text = orjson.dumps(value).decode()[:VALUE_CHARS]
    except (TypeError, ValueError):
        return None
    inner = [one[:VALUE_CHARS] for one in _texts(value, 0) if '"' in one][: LIST_ITEMS - 1]
    return [text, *inner] if inner else text


def unpacked(value: object) -> object:
    """A list or object that a table's export holds as JSON text; anything else as it is."""
    if isinstance(value, str) and value[:1] in ("[", "{") and len(value) <= 1_000_000:
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def objects(value: object) -> list[Document]:
    """The objects of a list, or of a single object."""
    value = unpacked(value)
    if isinstance(value, dict):
        return [value]
    return [one for one in value[:LIST_ITEMS] if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < NESTING and isinstance(value, dict):
        for one in value.values():
            yield from _texts(one, depth + 1)
    elif depth < NESTING and isinstance(value, list):
        for one in value:
            yield from _texts(one, depth + 1)
