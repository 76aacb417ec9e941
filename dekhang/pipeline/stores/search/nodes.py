"""A question to the lake as a value: what may stand in it, and how much."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Literal, TypeAlias

QUESTION_CHARS = 2_000
CONDITIONS_MOST = 64
DEPTH_MOST = 12


class Wild(enum.Enum):
    MANY = "*"
    ONE = "?"


Pattern: TypeAlias = tuple["str | Wild", ...]  # plain pieces and wildcards, in order
Operator: TypeAlias = Literal["<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Everything:
    """Every record: the empty question."""


@dataclass(frozen=True, slots=True)
class Text:
    """Somewhere in the record: in what was received or in a field read from it. Backslashes do not count."""

    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Field:
    """A field, or a member of its list, is as a whole so."""

    name: str
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Exists:
    """A field is there and not empty."""

    name: str


@dataclass(frozen=True, slots=True)
class Compare:
    """A field, or a member of its list, is a decimal number and compares so."""

    name: str
    operator: Operator
    number: float


@dataclass(frozen=True, slots=True)
class Network:
    """A field, or a member of its list, is an IPv4 address of the network."""

    name: str
    network: IPv4Network


@dataclass(frozen=True, slots=True)
class Named:
    """A unit or source by name or number; `resolving.resolve` replaces it by Ids, before the lake is asked."""

    what: Literal["unit", "source"]
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Ids:
    what: Literal["unit", "source", "event"]
    ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Not:
    part: Node


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]


Node: TypeAlias = Everything | Text | Field | Exists | Compare | Network | Named | Ids | Not | And | Or


def asserted(node: Node) -> Iterator[Node]:
    """Yield the conditions that stand without a negation before them: what a match can be shown by."""
    if isinstance(node, (And, Or)):
        for part in node.parts:
            yield from asserted(part)
    elif not isinstance(node, Not):
        yield node


def required(node: Node) -> Iterator[Text | Field]:
    """Yield texts and fields that every match has: what a segment without them need not be read for."""
    if isinstance(node, (Text, Field)):
        yield node
    elif isinstance(node, And):
        for part in node.parts:
            yield from required(part)
