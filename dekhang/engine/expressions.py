"""A rule's detection as a tree of frozen values. An expression that makes no sense cannot be built.

    detection:                                   And((Atom("Image", TextTest("endswith", "\\cmd.exe")),
      selection: {Image|endswith: \\cmd.exe}  →       Not(Atom("User", TextTest("contains", "system")))))
      filter: {User|contains: SYSTEM}
      condition: selection and not filter

Every atom says something about a value that is present, so it is false for a missing field and its negation is true.
`null` is therefore Not(Atom(field, ValueTest())).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import ip_network
from typing import Literal, TypeAlias

DEPTH_MAX = 64  # nesting of one rule; deeper ones are refused when they are read

TextRelation: TypeAlias = Literal["equals", "contains", "startswith", "endswith"]
Comparison: TypeAlias = Literal["lt", "lte", "gt", "gte", "neq"]
TimeUnit: TypeAlias = Literal["minute", "hour", "day", "week", "month", "year"]


class Wild(IntEnum):
    """A wildcard inside a text."""

    MANY = 0  # * any number of characters, also none, also line ends
    ONE = 1  # ? exactly one character


@dataclass(frozen=True, slots=True)
class TextTest:
    """A relation to a text. `text` is folded already, unless `cased`."""

    how: TextRelation
    text: str
    cased: bool = False


@dataclass(frozen=True, slots=True)
class WildcardTest:
    """The whole value has this shape. Texts are folded, unless `cased`; two texts are never neighbours."""

    parts: tuple[str | Wild, ...]
    cased: bool = False


@dataclass(frozen=True, slots=True)
class RegexTest:
    """The expression is found somewhere in the value. Case counts unless "i" is among the flags (i, m, s)."""

    pattern: str
    flags: str = ""


@dataclass(frozen=True, slots=True)
class NumberTest:
    """The value is a number, or text that reads as one, standing in this relation to `number`."""

    how: Comparison
    number: int | float


@dataclass(frozen=True, slots=True)
class CidrTest:
    """The value is an address inside the network, v4 or v6."""

    network: str

    def __post_init__(self) -> None:
        ip_network(self.network, strict=False)


@dataclass(frozen=True, slots=True)
class TimeTest:
    """The value is a point of time (ISO text or epoch) and this part of it, as written, is `number`."""

    unit: TimeUnit
    number: int


@dataclass(frozen=True, slots=True)
class FieldTest:
    """The value stands in this relation to the value of another field of the same record."""

    how: TextRelation
    field: str


@dataclass(frozen=True, slots=True)
class ExistsTest:
    """The field is there, whatever its value."""


@dataclass(frozen=True, slots=True)
class ValueTest:
    """The field is there and has a value that is not null."""


Test: TypeAlias = (
    TextTest | WildcardTest | RegexTest | NumberTest | CidrTest | TimeTest | FieldTest | ExistsTest | ValueTest
)


@dataclass(frozen=True, slots=True)
class Atom:
    """One test on one field; field None: on any value in the record (a Sigma keyword)."""

    field: str | None
    test: Test

    def __post_init__(self) -> None:
        if self.field is None and isinstance(self.test, (FieldTest, ExistsTest, ValueTest)):
            raise ValueError("this test needs a field")


@dataclass(frozen=True, slots=True)
class And:
    parts: "tuple[Expression, ...]"

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("And of nothing")


@dataclass(frozen=True, slots=True)
class Or:
    parts: "tuple[Expression, ...]"

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("Or of nothing")


@dataclass(frozen=True, slots=True)
class Not:
    part: "Expression"


Expression: TypeAlias = Atom | And | Or | Not


def atoms(expression: Expression) -> Iterator[Atom]:
    """Yield every atom, left to right."""
    if isinstance(expression, Atom):
        yield expression
    elif isinstance(expression, Not):
        yield from atoms(expression.part)
    else:
        for part in expression.parts:
            yield from atoms(part)


def depth(expression: Expression) -> int:
    """Return how deep the tree is: 1 for an atom."""
    if isinstance(expression, Atom):
        return 1
    if isinstance(expression, Not):
        return 1 + depth(expression.part)
    return 1 + max(depth(part) for part in expression.parts)
