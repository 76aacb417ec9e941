"""Which row groups a hunt need not read: those whose text cannot contain any of what is looked for.

Only what surely stands in the stored text prunes. If one indicator or rule of a hunt says nothing of its text, all is
read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address

import numpy as np

from dekhang.engine import Rule
from dekhang.engine.expressions import And, Atom, Expression, Or, TextTest, WildcardTest
from dekhang.engine.indicators import Indicator, IndicatorSet, Kind
from dekhang.pipeline.hunt.target import Rules, Target
from dekhang.pipeline.stores.lake.grams import any_held, places_of
from dekhang.pipeline.stores.search.nodes import And as Every
from dekhang.pipeline.stores.search.nodes import Node, Text
from dekhang.pipeline.stores.search.nodes import Or as Any_
from dekhang.pipeline.stores.search.pruning import WRITTEN_OTHERWISE, Sieve, sieve

INDICATORS_MOST = 50_000  # × ~30 places × 8 B ≈ 12 MB, and about 15 ms a row group
_NAME = re.compile(r"[a-z0-9._-]{4,}")


def sieve_of(target: Target) -> Sieve | None:
    """Return the test of a row group's bitmap; None: everything has to be read."""
    if not isinstance(target, Rules):
        return sieve(target)
    if target.indicators is not None:
        return _of_indicators(target.indicators) if not target.ruleset.rules else None
    asked = [_of_rule(rule) for rule in target.ruleset.rules if rule.correlation is None]
    known = [one for one in asked if one is not None]
    return sieve(Any_(tuple(known))) if known and len(known) == len(asked) else None


def _of_indicators(indicators: IndicatorSet) -> Sieve | None:
    if len(indicators) > INDICATORS_MOST:
        return None
    found = []
    for one in indicators:
        for writing in _writings(one):
            places = places_of(writing)
            if not len(places):
                return None
            found.append(places)
    starts = np.cumsum([0, *map(len, found[:-1])])
    every = np.concatenate(found)
    return lambda bitmap: any_held(bitmap, every, starts)


def _writings(indicator: Indicator) -> Iterator[str]:
    """Parts of texts of which every text has one that the indicator is seen in; "" = nothing is sure."""
    yield _stands_in_text(indicator)
    if indicator.kind is Kind.IP and ":" not in indicator.value:  # as IPv6 writes it: ::ffff:c000:207
        high = int(IPv4Address(indicator.value)) >> 16
        yield from {f":ffff:{high:x}:", f":ffff:{high:04x}:"}


def _stands_in_text(indicator: Indicator) -> str:
    """A part of every text that the indicator is seen in; "" = nothing is sure."""
    value = indicator.value
    if indicator.kind is Kind.HASH or (indicator.kind is Kind.IP and ":" not in value):
        return value
    if indicator.kind is Kind.DOMAIN:
        name = value
    elif indicator.kind is Kind.URL:
        name = re.split(r"[/?#:]", value.removeprefix("http://").removeprefix("https://"))[0]
    elif indicator.kind is Kind.EMAIL:
        name = value.rpartition("@")[2]
    else:
        return ""
    # a name of other letters may be written in two ways
    return name if _NAME.fullmatch(name) and "xn--" not in name else ""


def _of_rule(rule: Rule) -> Node | None:
    """What the text of every record must have that a rule matches, as a question; None = nothing is sure.

    Windows only: there one stored record is one event. Records of auditd are put together first.
    """
    if rule.condition is None or rule.logsource.product != "windows":
        return None
    return _of_expression(rule.condition)


def _of_expression(expression: Expression) -> Node | None:
    if isinstance(expression, And):
        parts = [part for one in expression.parts if (part := _of_expression(one)) is not None]
        return Every(tuple(parts)) if parts else None
    if isinstance(expression, Or):
        either = [_of_expression(one) for one in expression.parts]
        known = [one for one in either if one is not None]
        return Any_(tuple(known)) if len(known) == len(either) else None
    if isinstance(expression, Atom):
        return _of_test(expression.test)
    return None


def _of_test(test: object) -> Node | None:
    if isinstance(test, TextTest):
        pieces = [test.text]
    elif isinstance(test, WildcardTest):
        pieces = [part for part in test.parts if isinstance(part, str)]
    else:
        return None
    texts = [Text((part,)) for piece in pieces for part in WRITTEN_OTHERWISE.split(piece) if len(places_of(part))]
    return Every(tuple(texts)) if texts else None
