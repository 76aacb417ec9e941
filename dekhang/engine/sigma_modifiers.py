"""Value modifiers where pySigma does less than the specification: registered in its table under their names.

- `utf16le` is missing in pySigma; `wide`, `utf16be`, `utf16` take ASCII only there. Encoded bytes are written here as
  the characters U+0000–U+00FF, and the base64 modifiers encode just these bytes.
- `windash` knows all five dashes of the appendix also in the rule's own text.
- `expand` fills lists in at once, so that every other modifier works on their values; `\\%` is a plain percent sign.
- `cidr` may follow `expand`.

Spec: sigma-appendix-modifiers.md; sigma-rules-specification.md "Placeholders".
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import product
from typing import Any, TypeAlias

import sigma.exceptions as faults
import sigma.modifiers as modifiers
import sigma.types as types

Placeholders: TypeAlias = Mapping[str, Sequence[str]]
Parts: TypeAlias = list[Any]  # of a SigmaString: texts, wildcards, placeholders

EXPANDED_MAX = 10_000  # values that one value may become; a list of all machines of a province has fewer
DASHES = "-/\N{EN DASH}\N{EM DASH}\N{HORIZONTAL BAR}"
DASHES_MAX = 4  # in one value: 5⁴ = 625 texts

_lists: ContextVar[Placeholders] = ContextVar("lists", default={})  # noqa: B039  (never changed, only replaced)


class CannotEvaluate(Exception):
    """The rule is sound, but something it needs is not here. The message is a Vietnamese sentence."""


@contextmanager
def filled_with(placeholders: Placeholders) -> Iterator[None]:
    """Let `expand` use these lists while rules are read."""
    token = _lists.set(placeholders)
    try:
        yield
    finally:
        _lists.reset(token)


class Encoded(modifiers.SigmaValueModifier[types.SigmaString, types.SigmaString]):  # type: ignore[misc]  # pySigma: untyped
    """Encode text as bytes, each written as the character with its number."""

    codec = "utf-16-le"
    mark = ""

    def modify(self, val: types.SigmaString) -> types.SigmaString:
        encoded = [part.encode(self.codec).decode("latin-1") if isinstance(part, str) else part for part in val.s]
        return _string([self.mark, *encoded] if self.mark else encoded)


class EncodedBigEndian(Encoded):
    codec = "utf-16-be"


class EncodedWithMark(Encoded):
    mark = "\xff\xfe"


class Base64(modifiers.SigmaValueModifier[types.SigmaString, types.SigmaString]):  # type: ignore[misc]  # pySigma: untyped
    """Encode the value as Base64."""

    def modify(self, val: types.SigmaString) -> types.SigmaString:
        return _string([b64encode(_plain_bytes(val, self.applied_modifiers)).decode()])


class Base64Offset(modifiers.SigmaValueModifier[types.SigmaString, types.SigmaExpansion]):  # type: ignore[misc]  # pySigma: untyped
    """Encode the value as it looks inside a longer Base64 text, at each of three positions.

    A first character that also holds bits of the byte before, and a last one that also holds bits of the byte after,
    are left out.
    """

    def modify(self, val: types.SigmaString) -> types.SigmaExpansion:
        data = _plain_bytes(val, self.applied_modifiers)
        found: list[types.SigmaType] = []
        for shift in range(3):
            encoded = b64encode(b"\0" * shift + data).decode()
            whole_bits = (shift + len(data)) * 8
            certain = encoded[(0, 2, 3)[shift] : whole_bits // 6]
            if not certain:
                raise faults.SigmaModifierError(f"base64offset needs more than '{val}'")
            found.append(_string([certain]))
        return types.SigmaExpansion(found)


class AnyDash(modifiers.SigmaValueModifier[types.SigmaString, types.SigmaExpansion]):  # type: ignore[misc]  # pySigma: untyped
    """Let a dash or slash at the beginning of a word be any of them."""

    at_word = re.compile(rf"\B[{DASHES}]\b")

    def modify(self, val: types.SigmaString) -> types.SigmaExpansion:
        choices: list[Sequence[Any]] = []
        dashes = 0
        for part in val.s:
            if not isinstance(part, str):
                choices.append([part])
                continue
            end = 0
            for dash in self.at_word.finditer(part):
                choices.extend(([part[end : dash.start()]], DASHES))
                dashes += 1
                end = dash.end()
            choices.append([part[end:]])
        if dashes > DASHES_MAX:
            raise faults.SigmaModifierError(f"windash takes at most {DASHES_MAX} dashes in one value")
        return types.SigmaExpansion([_like(val, list(parts)) for parts in product(*choices)])


class Filled(
    modifiers.SigmaValueModifier[  # type: ignore[misc]
        types.SigmaString | types.SigmaRegularExpression, types.SigmaString | types.SigmaExpansion
    ]
):
    """Replace %name% by each value of the list of that name. The values may have wildcards."""

    names = re.compile(r"\\(?P<plain>%)|%(?P<name>[^%\\]+)%|%")

    def modify(self, val: types.SigmaString | types.SigmaRegularExpression) -> Any:
        if isinstance(val, types.SigmaRegularExpression):
            # the whole expression as written; what is filled in is text, not an expression
            patterns = ["".join(map(str, parts)) for parts in self._filled([str(val.regexp)], as_pattern)]
            return _one_or_many(
                [types.SigmaRegularExpression(pattern, set(val.flags), policy=val.policy) for pattern in patterns]
            )
        return _one_or_many([_like(val, parts) for parts in self._filled(val.s, as_parts)])

    def _filled(self, parts: Sequence[Any], write: Any) -> list[Parts]:
        choices: list[list[Parts]] = []
        for part in parts:
            if not isinstance(part, str):
                choices.append([[part]])
                continue
            end = 0
            for found in self.names.finditer(part):
                choices.append([[part[end : found.start()]]])
                name = found["name"]
                choices.append([write(text) for text in values_of(name)] if name else [["%"]])
                end = found.end()
            choices.append([[part[end:]]])
        size = 1
        for choice in choices:
            size *= len(choice)
        if size > EXPANDED_MAX:
            raise CannotEvaluate(f"Luật thành hơn {EXPANDED_MAX:,} giá trị sau khi điền danh sách.".replace(",", "."))
        return [[part for chosen in choice for part in chosen] for choice in product(*choices)]


class AddressRange(modifiers.SigmaValueModifier[types.SigmaString, types.SigmaCIDRExpression]):  # type: ignore[misc]  # pySigma: untyped
    """Take the value as an IPv4 or IPv6 network."""

    def modify(self, val: types.SigmaString) -> types.SigmaCIDRExpression:
        if any(one is not Filled for one in self.applied_modifiers):
            raise faults.SigmaValueError("cidr stands alone or after expand", source=self.source)
        return types.SigmaCIDRExpression(str(val), source=self.source)


def values_of(name: str) -> Sequence[str]:
    """Return the list behind %name%.

    Raises:
        CannotEvaluate: there is none, or it is empty.
    """
    lists = _lists.get()
    if name not in lists:
        raise CannotEvaluate(
            f"Luật cần danh sách %{name}% mà nơi này chưa khai; hãy thêm `{name}` vào tệp danh sách (placeholders)."
        )
    if not lists[name]:
        raise CannotEvaluate(f"Danh sách %{name}% đang trống nên luật không khớp được gì.")
    return lists[name]


def as_parts(text: str) -> Parts:
    return list(types.SigmaString(text).s)


def as_pattern(text: str) -> Parts:
    wildcards = {types.SpecialChars.WILDCARD_MULTI: ".*", types.SpecialChars.WILDCARD_SINGLE: "."}
    return [re.escape(part) if isinstance(part, str) else wildcards[part] for part in as_parts(text)]


def _plain_bytes(value: types.SigmaString, applied: Sequence[type]) -> bytes:
    if any(not isinstance(part, str) for part in value.s):
        raise faults.SigmaModifierError("base64 cannot encode wildcards")
    text = "".join(map(str, value.s))
    return text.encode("latin-1" if any(issubclass(one, Encoded) for one in applied) else "utf-8")


def _string(parts: Parts) -> types.SigmaString:
    text = types.SigmaString()
    text.s = _joined(parts)
    return text


def _like(value: types.SigmaString, parts: Parts) -> types.SigmaString:
    """Return the parts as a text of the same kind: cased stays cased."""
    text = value.__class__()
    text.s = _joined(parts)
    return text


def _joined(parts: Parts) -> Parts:
    joined: Parts = []
    for part in parts:
        if part == "":
            continue
        if joined and isinstance(part, str) and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def _one_or_many(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else types.SigmaExpansion(values)


def register() -> None:
    """Put these in pySigma's table, in this process."""
    modifiers.modifier_mapping.update(
        {
            "base64": Base64,
            "base64offset": Base64Offset,
            "cidr": AddressRange,
            "expand": Filled,
            "utf16": EncodedWithMark,
            "utf16be": EncodedBigEndian,
            "utf16le": Encoded,
            "wide": Encoded,
            "windash": AnyDash,
        }
    )
