"""A question as a condition of SQL. Everything that a person typed goes in as a parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from dekhang.pipeline.stores.search.folding import MARKS, expression_of, fold
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

ID_COLUMNS = {"unit": "unit_id", "source": "source_id", "event": "event_id"}
_DOCUMENT = "coalesce(fields, raw)"
_NUMBER = r"-?[0-9]{1,15}(\.[0-9]{1,15})?"
_BETWEEN = r"\x1f"  # stands between the members of a list when they are one text
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"


class Parameters:
    """Values of one statement; `add` returns what stands for a value in the SQL."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._texts: dict[str, str] = {}  # an expression that is asked of several places is one parameter

    def add(self, value: object) -> str:
        if isinstance(value, str) and value in self._texts:
            return self._texts[value]
        name = f"v{len(self.values)}"
        self.values[name] = value
        if isinstance(value, str):
            self._texts[value] = f"${name}"
        return f"${name}"


def condition(node: Node, parameters: Parameters) -> str:
    """Return SQL that is true or false, never unknown, for every row of the lake."""
    match node:
        case Everything():
            return "true"
        case And(parts):
            return f"({' AND '.join(condition(part, parameters) for part in parts)})"
        case Or(parts):
            return f"({' OR '.join(condition(part, parameters) for part in parts)})"
        case Not(part):
            return f"(NOT {condition(part, parameters)})"
        case Ids(what, ids):
            return f"({ID_COLUMNS[what]} IN (SELECT unnest({parameters.add(sorted(ids))}::BIGINT[])))"
        case Text(pattern):
            return _text(parameters.add("(?s)" + expression(pattern, ignored=rf"\\{MARKS}", dropped="\\")))
        case Field(name, pattern):
            # marks before the first letter belong to nothing
            sought = f"[{MARKS}]*" + expression(pattern, ignored=MARKS, many=f"[^{_BETWEEN}]*")
            return _some_value(name, _like(sought, parameters), parameters)
        case Exists(name):
            return _some_value(name, _Test(lambda text: f"{text} <> ''"), parameters)
        case Compare(name, operator, number):
            limit = parameters.add(number)
            compared = _Test(
                lambda text: (
                    f"CASE WHEN regexp_full_match({text}, '{_NUMBER}')"
                    f" THEN CAST({text} AS DOUBLE) {operator} {limit} ELSE false END"
                )
            )
            return _some_value(name, compared, parameters)
        case Network(name, network):
            return _some_value(name, _like(addresses(network), parameters), parameters)
        case Named():
            raise TypeError("resolve names before asking")


def expression(pattern: Pattern, *, ignored: str, dropped: str = "", many: str = ".*") -> str:
    """Return a pattern as RE2, to be used with (?s).

    Args:
        ignored: characters, as inside [], that may follow any letter.
        dropped: characters of the pattern that do not count.
        many: what any number of characters is.
    """
    pieces = []
    for piece in pattern:
        if piece is Wild.MANY:
            pieces.append(many)
        elif piece is Wild.ONE:
            pieces.append(f"[^{ignored}{_BETWEEN}][{ignored}]*")
        else:
            assert isinstance(piece, str)
            pieces.extend(f"{expression_of(c)}[{ignored}]*" for c in fold(piece) if c not in dropped)
    return "".join(pieces)


def addresses(network: IPv4Network) -> str:
    """Return RE2 of the addresses of a network: equal octets, one that varies in part, free ones."""
    octets = []
    for low, high in zip(network.network_address.packed, network.broadcast_address.packed, strict=True):
        if (low, high) == (0, 255):
            octets.append(_OCTET)
        else:
            octets.append("(?:" + "|".join(map(str, range(low, high + 1))) + ")")
    return r"\.".join(octets)


def _text(sought: str) -> str:
    """The record as received, what was read from it, and letters that JSON wrote as numbers."""
    return (
        f"(regexp_matches(CASE WHEN raw_base64 THEN message ELSE raw END, {sought})"
        f" OR coalesce(regexp_matches(fields, {sought}), false)"
        " OR (fields IS NULL AND contains(raw, '\\u')"
        f" AND coalesce(regexp_matches(array_to_string(TRY(json_extract_string(raw, '$.*')), chr(31)), {sought}), false)))"
    )


@dataclass(frozen=True, slots=True)
class _Test:
    """A condition on a text, as SQL of the SQL of the text; `of_list` the same for a list of texts."""

    of_text: Callable[[str], str]
    of_list: Callable[[str], str] | None = None

    def some(self, members: str) -> str:
        if self.of_list is not None:
            return self.of_list(members)
        return f"list_bool_or(list_transform({members}, lambda member: {self.of_text('member')}))"


def _like(sought: str, parameters: Parameters) -> _Test:
    """The text is wholly so. Lists are joined: an expression in a lambda would be compiled for each member."""
    whole = f"(?s){sought}"
    among = f"(?s)(?:^|{_BETWEEN})(?:{sought})(?:{_BETWEEN}|$)"
    return _Test(  # a parameter that stands nowhere would be refused
        lambda text: f"regexp_full_match({text}, {parameters.add(whole)})",
        lambda members: f"regexp_matches(array_to_string({members}, chr(31)), {parameters.add(among)})",
    )


def _some_value(name: str, test: _Test, parameters: Parameters) -> str:
    """Some value of this name passes the test; a missing one does not."""
    where = places(name)
    columns = [f'"{column}"' for column in where.columns]
    found = [f"coalesce({test.of_text(column)}, false)" for column in columns]
    for field in where.fields:
        pointer = parameters.add("/" + field.replace("~", "~0").replace("/", "~1"))
        # TRY: what only a forgiving reader took for JSON has no fields here
        value = f"TRY(json_extract_string({_DOCUMENT}, {pointer}))"
        members = f"json_extract_string(json_extract({_DOCUMENT}, {pointer}), '$[*]')"
        found.append(
            f"coalesce(CASE WHEN {value}[1] = '[' AND json_type({_DOCUMENT}, {pointer}) = 'ARRAY'"
            f" THEN {test.some(members)} ELSE {test.of_text(value)} END, false)"
        )
    return f"({' OR '.join(found)})"
