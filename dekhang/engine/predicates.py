"""What a test means for one value. The reference asks here; the fast path too, for all but the plain texts."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import ClassVar, TypeAlias

import re2
import regex as backtracking  # type: ignore[import-untyped]

from dekhang.engine.expressions import CidrTest, NumberTest, RegexTest, Test, TextTest, TimeTest, Wild, WildcardTest
from dekhang.engine.text import Scalar, clean, fold, text_of

TextPredicate: TypeAlias = Callable[[str], bool]

# what RE2 cannot express (look-around, back references) may backtrack; a search gets this much processor time a value,
SECONDS_PER_VALUE = 0.05
# halved at each value that needs more, down to this: a flood of hostile values costs a thousandth of a second each
SECONDS_AT_LEAST = 0.001
# RE2 works in linear time; more than this in one expression is a mistake of the rule
REGEX_MEMORY_BYTES = 8 << 20

NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?\Z")


class RegexError(ValueError):
    """The expression is not valid in any engine we have."""


@lru_cache(maxsize=65_536)  # more than any rule set has: a forgotten one would forget its overruns
def regex(pattern: str, flags: str) -> TextPredicate:
    """Return a search for a rule's regular expression in a cleaned text.

    Linear time (RE2) wherever RE2 knows the syntax; \\d, \\w and \\s then mean ASCII, as in PCRE. Everything else under
    a budget of processor time.

    Raises:
        RegexError: neither engine accepts it; the message is the engine's.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = REGEX_MEMORY_BYTES
    inline = f"(?{flags})" if flags else ""
    try:
        search = re2.compile(inline + pattern, options).search
        return lambda text: search(text) is not None
    except re2.error:
        pass
    if pattern.endswith(r"\z"):
        pattern = pattern[:-1] + "Z"  # that engine's name for the very end
    try:
        return Backtracking(inline + pattern).found
    except (backtracking.error, OverflowError, RecursionError, ValueError) as error:
        raise RegexError(str(error)) from error


class Backtracking:
    """A search that may take exponential time, under a budget per value. A value that exceeds it does not match.

    The budget is processor time, so a busy machine changes no verdict of an ordinary value.
    """

    __slots__ = ("overruns", "search", "seconds")
    any_overran: ClassVar[bool] = False  # of all expressions

    def __init__(self, pattern: str) -> None:
        self.search = backtracking.compile(pattern, cache_pattern=False).search
        self.seconds = SECONDS_PER_VALUE
        self.overruns = 0

    def found(self, text: str) -> bool:
        try:
            return self.search(text, timeout=self.seconds, concurrent=False) is not None
        except (TimeoutError, MemoryError):
            Backtracking.any_overran = True
            self.overruns += 1
            self.seconds = max(SECONDS_AT_LEAST, self.seconds / 2)
            return False


def any_overran() -> bool:
    """Return whether `overruns` is above 0 for any expression; it rarely is."""
    return Backtracking.any_overran


def overruns(test: RegexTest) -> int:
    """Return how many values exceeded the budget of an expression since the process began; 0 for linear ones."""
    search = getattr(regex(test.pattern, test.flags), "__self__", None)
    return search.overruns if isinstance(search, Backtracking) else 0


def is_linear(pattern: str, flags: str) -> bool:
    """Return whether RE2 evaluates the expression, so that its time is linear in the value."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = REGEX_MEMORY_BYTES
    try:
        re2.compile((f"(?{flags})" if flags else "") + pattern, options)
    except re2.error:
        return False
    return True


def shape(parts: tuple[str | Wild, ...], escape: Callable[[str], str]) -> str:
    """Return wildcard parts as a regular expression without anchors; the dot must match line ends."""
    return "".join(escape(part) if isinstance(part, str) else (".*", ".")[part] for part in parts)


@lru_cache(maxsize=8_192)
def wildcards(parts: tuple[str | Wild, ...]) -> TextPredicate:
    """Return a test of the whole text against a shape, in linear time."""
    options = re2.Options()
    options.log_errors = False
    match = re2.compile("(?s)" + shape(parts, re2.escape), options).fullmatch
    return lambda text: match(text) is not None


def number_of(value: Scalar) -> int | float | None:
    """Return a value as a number, None when it does not read as one. Decimal only; never nan."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value if value == value else None
    text = value.strip()
    if len(text) > 64 or not NUMBER.match(text):
        return None
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def compare(how: str, left: float, right: float) -> bool:
    if how == "lt":
        return left < right
    if how == "lte":
        return left <= right
    if how == "gt":
        return left > right
    if how == "gte":
        return left >= right
    return left != right


@lru_cache(maxsize=1_024)
def network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text, strict=False)


def in_network(value: Scalar, where: IPv4Network | IPv6Network) -> bool:
    """Return whether a text is an address in the network; ::ffff:192.0.2.1 counts as 192.0.2.1."""
    if not isinstance(value, str) or not 2 <= len(value) <= 64:
        return False
    try:
        address = ip_address(value.strip())
    except ValueError:
        return False
    if address.version == 6 and where.version == 4 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address in where  # addresses of the other version are never inside


def time_of(value: Scalar) -> datetime | None:
    """Return a value as a point of time: ISO text, or epoch seconds or milliseconds. Zones stay as written."""
    if isinstance(value, str):
        text = value.strip()
        if 8 <= len(text) <= 40 and not text.isdigit():
            # Windows writes 7 digits of a second, datetime reads 6
            shortened = re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", text)
            try:
                return datetime.fromisoformat(shortened)
            except ValueError:
                return None
    number = number_of(value)
    if number is None or not 0 <= number < 1e14:
        return None
    return datetime.fromtimestamp(number / 1_000 if number >= 1e11 else number, UTC)


def time_part(unit: str, moment: datetime) -> int:
    if unit == "week":
        return moment.isocalendar().week
    part: int = getattr(moment, unit)
    return part


def text_satisfies(test: TextTest | WildcardTest | RegexTest, text: str) -> bool:
    """Return whether a text passes. It is folded already, or only cleaned if the test is cased or a RegexTest."""
    if isinstance(test, TextTest):
        how = test.how
        if how == "contains":
            return test.text in text
        if how == "endswith":
            return text.endswith(test.text)
        if how == "startswith":
            return text.startswith(test.text)
        return text == test.text
    if isinstance(test, WildcardTest):
        return wildcards(test.parts)(text)
    return regex(test.pattern, test.flags)(text)


def satisfies(test: Test, value: Scalar) -> bool:
    """Return whether one value passes a test that needs nothing but the value."""
    if isinstance(test, (TextTest, WildcardTest)):
        return text_satisfies(test, clean(text_of(value)) if test.cased else fold(text_of(value)))
    if isinstance(test, RegexTest):
        return text_satisfies(test, clean(text_of(value)))
    if isinstance(test, NumberTest):
        number = number_of(value)
        return number is not None and compare(test.how, number, test.number)
    if isinstance(test, CidrTest):
        return in_network(value, network(test.network))
    if isinstance(test, TimeTest):
        moment = time_of(value)
        return moment is not None and time_part(test.unit, moment) == test.number
    raise TypeError(f"{type(test).__name__} is not about a single value")


def relates(how: str, left: Scalar, right: Scalar) -> bool:
    """Return whether two values of one record stand in a relation, case aside."""
    one, other = fold(text_of(left)), fold(text_of(right))
    if how == "equals":
        return one == other
    if how == "contains":
        return other in one
    return one.startswith(other) if how == "startswith" else one.endswith(other)
