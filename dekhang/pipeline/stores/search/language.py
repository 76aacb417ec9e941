"""What a person types → a question. docs/reference/search.md is the description for people.

word  "some words"  -word  a*b  field:value  field:(a OR b)  field>=500  field:1..9  src_ip:192.0.2.0/24  ( … OR … )
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network

from dekhang.pipeline.stores.search.folding import fold
from dekhang.pipeline.stores.search.names import ID_NAMES, SOURCE_NAMES, UNIT_NAMES, plain
from dekhang.pipeline.stores.search.nodes import (
    CONDITIONS_MOST,
    DEPTH_MOST,
    QUESTION_CHARS,
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
    Operator,
    Or,
    Pattern,
    Text,
    Wild,
)

_OPENING, _CLOSING = '"“', {'"': '"', "“": "”"}
_WORDS = {"OR": "OR", "HOẶC": "OR", "AND": "AND", "VÀ": "AND", "NOT": "NOT", "KHÔNG": "NOT"}
_NAME = re.compile(r"[^\W\d][\w.@-]*")
_OPERATORS: tuple[Operator, ...] = ("<=", ">=", "<", ">")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_RANGE = re.compile(r"(-?\d{1,15}(?:\.\d{1,15})?)\.\.(-?\d{1,15}(?:\.\d{1,15})?)")
_ADDRESS_RANGE = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}/\d{1,3}")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")


class QueryError(ValueError):
    """A question that cannot be read. The text is a sentence for people.

    Args:
        position: of the fault, in characters from 0.
    """

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position


def parse(text: str) -> Node:
    """Return what a text asks for.

    Raises:
        QueryError: it cannot be read, or asks too much.
    """
    if len(text) > QUESTION_CHARS:
        raise QueryError(f"Câu tìm dài hơn {QUESTION_CHARS} ký tự; hãy rút gọn.", QUESTION_CHARS)
    return _Parser(text).whole()


def quoted(value: str) -> str:
    """Return a value as it is typed to mean exactly itself."""
    exactly = re.sub(r"[*?]", r"[\g<0>]", value)
    return '"' + re.sub(r'(\\*)(["”]|\Z)', lambda m: m[1] * 2 + (f"\\{m[2]}" if m[2] else ""), exactly) + '"'


def narrowed(text: str, name: str, value: str, *, exclude: bool = False) -> str:
    """Return a question that asks besides that a field has, or has not, a value."""
    text = text.strip()
    if isinstance(parse(text), Or):
        text = f"({text})"
    asked = f"{'-' if exclude else ''}{name if _NAME.fullmatch(name) else quoted(name)}:{quoted(value)}"
    return f"{text} {asked}".strip()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word as it was typed.

    Args:
        start: of its first character; stop: behind its last one.
        quoted: whether it stood in quotes.
    """

    text: str
    start: int
    stop: int
    quoted: bool = False


class _Parser:
    """Recursive descent over the characters; `_at` is where it stands."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._conditions = 0

    def whole(self) -> Node:
        self._space()
        if self._at == len(self._text):
            return Everything()
        node = self._alternatives("")
        if self._at < len(self._text):
            raise QueryError("Dấu ngoặc đóng này không có ngoặc mở đi trước.", self._at)
        return node

    # -- structure

    def _alternatives(self, name: str) -> Node:
        """Args: name: of the field in whose parentheses this stands, "" = none."""
        parts = [self._together(name)]
        while self._word("OR"):
            parts.append(self._together(name))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _together(self, name: str) -> Node:
        parts: list[Node] = []
        while True:
            self._space()
            at = self._at
            if self._at == len(self._text) or self._text[self._at] == ")" or self._next_word() == "OR":
                break
            if self._word("AND"):
                if not parts:
                    raise QueryError("Trước AND cần có một điều kiện.", at)
                self._space()
                if self._at == len(self._text) or self._text[self._at] == ")" or self._next_word():
                    raise QueryError("Sau AND cần có một điều kiện.", at)
                continue
            parts.append(self._negatable(name))
        if not parts:
            if self._next_word() == "OR":
                raise QueryError("Trước OR cần có một điều kiện.", self._at)
            if self._text[: self._at].rstrip().upper().endswith(("OR", "HOẶC")):
                raise QueryError("Sau OR cần có một điều kiện.", max(0, self._at - 1))
            raise QueryError("Trong ngoặc chưa có gì để tìm.", max(0, self._at - 1))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negatable(self, name: str) -> Node:
        start = self._at
        negations = 0
        while True:
            if self._word("NOT"):
                negations += 1
            elif self._text[self._at : self._at + 1] == "-" and not self._text[self._at + 1 : self._at + 2].isspace():
                self._at += 1
                negations += 1
            else:
                break
            self._space()
            if self._at == len(self._text) or self._text[self._at] == ")":
                raise QueryError("Sau dấu trừ hoặc NOT cần có một điều kiện.", start)
        node = self._one(name)
        return Not(node) if negations % 2 else node

    def _one(self, name: str) -> Node:
        if self._text[self._at] == "(":
            return self._group(name)
        self._conditions += 1
        if self._conditions > CONDITIONS_MOST:
            raise QueryError(f"Câu tìm có hơn {CONDITIONS_MOST} điều kiện; hãy bớt đi.", self._at)
        if name:
            return self._value(name, self._piece(), self._at)
        field = self._field_name()
        if field is None:
            return self._anywhere(self._piece())
        at = self._at
        for operator in _OPERATORS:
            if self._text.startswith(operator, self._at):
                self._at += len(operator)
                return self._compared(field.text, operator, at)
        self._at += 1  # the colon
        for operator in _OPERATORS:
            if self._text.startswith(operator, self._at):
                self._at += len(operator)
                return self._compared(field.text, operator, at)
        if self._at == len(self._text) or self._text[self._at].isspace() or self._text[self._at] == ")":
            raise QueryError(
                f"Thiếu giá trị ngay sau “{field.text}:”. Nếu muốn tìm nguyên văn, đặt cả cụm trong ngoặc kép.", at
            )
        if self._text[self._at] == "(":
            return self._group(field.text)
        return self._value(field.text, self._piece(), at)

    def _group(self, name: str) -> Node:
        opened = self._at
        self._at += 1
        self._depth += 1
        if self._depth > DEPTH_MOST:
            raise QueryError(f"Ngoặc lồng nhau quá {DEPTH_MOST} lớp.", opened)
        node = self._alternatives(name)
        if self._text[self._at : self._at + 1] != ")":
            raise QueryError("Thiếu dấu ngoặc đóng cho ngoặc mở này.", opened)
        self._at += 1
        self._depth -= 1
        return node

    # -- conditions

    def _anywhere(self, piece: _Piece) -> Node:
        pattern = _pattern(piece.text)
        while pattern and pattern[0] is Wild.MANY:
            pattern = pattern[1:]
        while pattern and pattern[-1] is Wild.MANY:
            pattern = pattern[:-1]
        if not any(isinstance(part, str) and fold(part).replace("\\", "") for part in pattern):
            if piece.text == "*":
                return Everything()
            raise QueryError("Ở đây không có chữ nào để tìm.", piece.start)
        return Text(pattern)

    def _value(self, name: str, piece: _Piece, at: int) -> Node:
        key = plain(name)
        text = piece.text
        if key in ID_NAMES:
            if not re.fullmatch(r"[0-9]{1,18}", text):
                raise QueryError("Số hiệu sự kiện là một số nguyên.", piece.start)
            return Ids("event", frozenset({int(text)}))
        if key in UNIT_NAMES or key in SOURCE_NAMES:
            return Named("unit" if key in UNIT_NAMES else "source", _pattern(text))
        if not piece.quoted:
            if text == "*":
                return Exists(name)
            if between := _RANGE.fullmatch(text):
                low, high = float(between[1]), float(between[2])
                return And((Compare(name, ">=", low), Compare(name, "<=", high)))
            if "/" in text and re.fullmatch(r"[0-9A-Fa-f:]*::?[0-9A-Fa-f:]*/\d{1,3}", text):
                raise QueryError("Chưa tìm được theo dải IPv6; hãy dùng dấu *, ví dụ 2001:db8:*.", piece.start)
            if _ADDRESS_RANGE.fullmatch(text):
                try:
                    return Network(name, IPv4Network(text, strict=False))
                except ValueError:
                    raise QueryError(f"“{text}” không phải là dải địa chỉ IPv4.", piece.start) from None
        pattern = _pattern(text)
        if not pattern:
            raise QueryError(f"Giá trị của “{name}” trống; để tìm bản ghi không có trường này hãy ghi -{name}:*", at)
        return Field(name, pattern)

    def _compared(self, name: str, operator: Operator, at: int) -> Node:
        self._space()
        piece = self._piece() if self._at < len(self._text) and self._text[self._at] not in "()" else None
        if piece is None or not _NUMBER.fullmatch(piece.text):
            raise QueryError(f"Sau “{name}{operator}” cần một số, ví dụ {name}{operator}500.", at)
        return Compare(name, operator, float(piece.text))

    # -- characters

    def _space(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _next_word(self) -> str:
        """The word of the language that comes next, "" = none. It stands alone and in capitals."""
        found = re.compile(r"\s*([A-ZẶÀÔ]{2,5})(?=[\s()]|$)").match(self._text, self._at)
        return _WORDS.get(found[1], "") if found else ""

    def _word(self, wanted: str) -> bool:
        if self._next_word() != wanted:
            return False
        self._space()
        while self._at < len(self._text) and not self._text[self._at].isspace() and self._text[self._at] not in "()":
            self._at += 1
        return True

    def _field_name(self) -> _Piece | None:
        """Step over a field's name if one comes; the operator behind it is next then."""
        start = self._at
        if self._text[start] in _OPENING:
            piece = self._piece()
            if self._text[self._at : self._at + 1] == ":" and piece.text.strip():
                return piece
            self._at = start
            return None
        found = _NAME.match(self._text, start)
        if found is None:
            return None
        name = found[0]
        rest = self._text[found.end() :]
        if rest.startswith(":"):
            # http://…, C:\…, fe80::1 and hardware addresses are no fields
            if rest.startswith(("://", "::")) or (len(name) == 1 and rest[1:2] in ("\\", "/")):
                return None
            if _MAC.match(self._text, start):
                return None
        elif not re.match(r"[<>]=?\s*-?\d", rest):
            return None
        self._at = found.end()
        return _Piece(name, start, self._at)

    def _piece(self) -> _Piece:
        """The value that begins here: in quotes, or up to the next white space or closing parenthesis."""
        start = self._at
        if self._text[start] in _OPENING:
            return self._quoted()
        open_inside = 0
        while self._at < len(self._text):
            character = self._text[self._at]
            if character.isspace() or (character == ")" and not open_inside and self._depth):
                break
            open_inside += (character == "(") - (character == ")" and open_inside > 0)
            self._at += 1
        return _Piece(self._text[start : self._at], start, self._at)

    def _quoted(self) -> _Piece:
        start = self._at
        closing = _CLOSING[self._text[start]]
        found: list[str] = []
        self._at += 1
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == "\\":
                run = len(self._text[self._at :]) - len(self._text[self._at :].lstrip("\\"))
                behind = self._text[self._at + run : self._at + run + 1]
                if behind in ('"', "”") and behind:
                    found.append("\\" * (run // 2))
                    self._at += run
                    if run % 2:
                        found.append(behind)
                        self._at += 1
                    continue
                found.append("\\" * run)
                self._at += run
                continue
            if character == closing:
                self._at += 1
                return _Piece("".join(found), start, self._at, quoted=True)
            found.append(character)
            self._at += 1
        raise QueryError("Thiếu dấu ngoặc kép đóng cho ngoặc kép này.", start)


def _pattern(text: str) -> Pattern:
    """Read wildcards: `*` many, `?` one; `[*]` and `[?]` mean the characters. A backslash is a backslash: C:\\Temp\\*.exe."""
    pieces: list[str | Wild] = []
    letters: list[str] = []
    for found in re.finditer(r"\[([*?])\]|([*?])|([^*?\[]+|\[)", text):
        exact, wildcard, others = found.groups()
        if wildcard is None:
            letters.append(exact or others)
            continue
        if letters:
            pieces.append("".join(letters))
            letters.clear()
        wild = Wild(wildcard)
        if not (wild is Wild.MANY and pieces and pieces[-1] is Wild.MANY):
            pieces.append(wild)
    if letters:
        pieces.append("".join(letters))
    return tuple(pieces)
