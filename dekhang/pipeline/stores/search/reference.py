"""What a question means: one record, in the obvious way. The lake is asked with sql.py, which must say the same.

A record is a row of the lake as a mapping of its columns (docs/reference/lake.md).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from dekhang.pipeline.stores.search.folding import fold
from dekhang.pipeline.stores.search.names import places
from dekhang.pipeline.stores.search.nodes import (
    And,
    Compare,
    Everything,
    Exists,
    Field,
    Ids,
    Named,
    Network,
    Node,
    Not,
    Or,
    Pattern,
    Text,
    Wild,
)

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_ID_COLUMNS = {"unit": "unit_id", "source": "source_id", "event": "event_id"}


def matches(node: Node, row: Mapping[str, Any]) -> bool:
    match node:
        case Everything():
            return True
        case And(parts):
            return all(matches(part, row) for part in parts)
        case Or(parts):
            return any(matches(part, row) for part in parts)
        case Not(part):
            return not matches(part, row)
        case Ids(what, ids):
            return row[_ID_COLUMNS[what]] in ids
        case Text(pattern):
            sought = _expression(pattern, without="\\")
            return any(re.search(sought, fold(text).replace("\\", ""), re.DOTALL) for text in _texts(row))
        case Field(name, pattern):
            sought = _expression(pattern)
            return any(re.fullmatch(sought, fold(value), re.DOTALL) for value in _values(row, name))
        case Exists(name):
            return any(_values(row, name))
        case Compare(name, operator, number):
            return any(
                _compare(float(value), operator, number) for value in _values(row, name) if _NUMBER.fullmatch(value)
            )
        case Network(name, network):
            return any(_is_in(value, network) for value in _values(row, name))
        case Named():
            raise TypeError("resolve names before matching")


def _expression(pattern: Pattern, *, without: str = "") -> str:
    pieces = []
    for piece in pattern:
        if piece is Wild.MANY:
            pieces.append(".*")
        elif piece is Wild.ONE:
            pieces.append(".")
        else:
            assert isinstance(piece, str)
            folded = fold(piece)
            pieces.append(re.escape(folded.replace(without, "") if without else folded))
    return "".join(pieces)


def _texts(row: Mapping[str, Any]) -> Iterator[str]:
    """What was received, if it is text; and what was read from it."""
    yield row["message"] if row["raw_base64"] else row["raw"]
    if row["fields"] is not None:
        yield row["fields"]
    elif "\\u" in row["raw"]:  # letters written as numbers
        yield "\x1f".join(text for value in orjson.loads(row["raw"]).values() if (text := _text(value)) is not None)


def _values(row: Mapping[str, Any], name: str) -> Iterator[str]:
    where = places(name)
    for column in where.columns:
        if row[column] is not None:
            yield row[column]
    document = orjson.loads(row["raw"] if row["fields"] is None else row["fields"])
    for field in where.fields:
        value = document.get(field)
        for one in value if isinstance(value, list) else [value]:
            text = _text(one)
            if text is not None:
                yield text


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _compare(value: float, operator: str, number: float) -> bool:
    return {"<": value < number, "<=": value <= number, ">": value > number, ">=": value >= number}[operator]


def _is_in(value: str, network: ipaddress.IPv4Network) -> bool:
    try:
        return ipaddress.IPv4Address(value) in network
    except ValueError:
        return False
