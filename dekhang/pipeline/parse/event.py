"""What a parser returns, and the bounds of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from dekhang.engine.records import Record
from dekhang.engine.text import Value

FIELDS_PER_RECORD = 512
VALUE_CHARS = 32_768  # kept for detection; the raw record keeps the rest
NAME_CHARS = 256
NESTING = 20
LIST_ITEMS = 256
TRUNCATED = "_truncated"  # field that marks a record of which detection does not see everything

Fields = dict[str, Value]


@dataclass(slots=True)
class ParsedEvent:
    """One log record as the house knows it (docs/explanation/architecture.md, "Shapes").

    Args:
        kind: one of those in docs/reference/fields.md: windows, linux_auth, linux_auditd, web_access, … raw.
        time_ms: event time, UTC; the time of receipt when `time_from_event` is False.
        problem: a Vietnamese sentence when the line is not what its source should send.
        fields_are_raw: the raw record is itself a flat JSON object with these fields: the lake need not keep them twice.
    """

    kind: str
    time_ms: int
    time_from_event: bool
    host: str
    record: Record
    problem: str | None = None
    fields_are_raw: bool = False


@dataclass(slots=True)
class Facts:
    """What one format's parser found; `parse` makes a ParsedEvent of it."""

    kind: str
    fields: Fields
    product: str = ""
    service: str = ""
    category: str = ""
    host: str = ""
    time_ms: int | None = None
    fields_are_raw: bool = False


def flatten(document: Mapping[str, object], *, into: Fields | None = None, prefix: str = "") -> Fields:
    """Turn nested objects into one level, names joined by dots; lists of objects become lists per leaf.

    Bounded in depth, number of fields and items; what does not fit is left out and the record marked TRUNCATED.
    """
    fields: Fields = {} if into is None else into
    _flatten(document, prefix, fields, 0)
    return fields


def _flatten(document: Mapping[str, object], prefix: str, fields: Fields, depth: int) -> None:
    for name, value in document.items():
        if len(fields) >= FIELDS_PER_RECORD or len(prefix) + len(name) > NAME_CHARS:
            fields[TRUNCATED] = True
            continue
        if isinstance(value, dict):
            if depth >= NESTING:
                fields[TRUNCATED] = True
            else:
                _flatten(value, f"{prefix}{name}.", fields, depth + 1)
        elif isinstance(value, list):
            _flatten_list(value, f"{prefix}{name}", fields, depth)
        else:
            fields[prefix + name] = value  # type: ignore[assignment]  # JSON knows no other scalars


def _flatten_list(items: list[object], name: str, fields: Fields, depth: int) -> None:
    scalars: list[Value] = []
    for item in items[:LIST_ITEMS]:
        if isinstance(item, dict):
            if depth >= NESTING:
                fields[TRUNCATED] = True
                continue
            inner: Fields = {}
            _flatten(item, f"{name}.", inner, depth + 1)
            for leaf, value in inner.items():
                _append(fields, leaf, value)
        elif isinstance(item, list):  # lists in lists are rare: their text is enough to search in
            scalars.append(str(item)[:VALUE_CHARS])
        else:
            scalars.append(item)  # type: ignore[arg-type]
    if len(items) > LIST_ITEMS:
        fields[TRUNCATED] = True
    if scalars:
        fields[name] = scalars


def _append(fields: Fields, name: str, value: Value) -> None:
    present = fields.get(name)
    if isinstance(present, list):
        if len(present) < LIST_ITEMS:
            present.extend(value if isinstance(value, list) else [value])
    elif len(fields) < FIELDS_PER_RECORD:
        fields[name] = list(value) if isinstance(value, list) else [value]
    else:
        fields[TRUNCATED] = True


def bound(fields: Fields) -> Fields:
    """Cut what is too long or too much; returns `fields` itself when nothing is."""
    cut = False
    for name, value in fields.items():
        if isinstance(value, str):
            if len(value) > VALUE_CHARS:
                fields[name] = value[:VALUE_CHARS]
                cut = True
        elif isinstance(value, list):
            fields[name] = [item[:VALUE_CHARS] if isinstance(item, str) else item for item in value[:LIST_ITEMS]]
            cut = cut or fields[name] != value
    if len(fields) > FIELDS_PER_RECORD:
        fields = {name: fields[name] for name in list(fields)[: FIELDS_PER_RECORD - 1]}
        cut = True
    if cut:
        fields[TRUNCATED] = True
    return fields


def text_of(value: object) -> str:
    """A scalar as text; "" for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, (int, float)):
        return str(value)
    return ""
