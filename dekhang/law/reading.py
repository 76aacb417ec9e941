"""Reads one YAML file into typed, frozen structs; every fault carries file, line and place."""

import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from dekhang.law.errors import Fault, LawError

T = TypeVar("T")

_PLACE = re.compile(r" - at `(?P<place>[^`]+)`$")
_PART = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>[^`]*)`$")
_MISSING = re.compile(r"^Object missing required field `(?P<name>[^`]*)`$")
_WRONG_TYPE = re.compile(r"^Expected `(?P<expected>[^`]*)`, got `(?P<got>[^`]*)`$")
_WRONG_VALUE = re.compile(r"^Invalid enum value (?P<value>.*)$")


def read_yaml(path: Path, shape: type[T]) -> T:
    """Return the file as `shape`.

    Raises:
        LawError: not UTF-8, not YAML, a key twice, an unknown or missing key, a value of the wrong kind.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise LawError(
            [Fault(path, 0, f"không đọc được tệp ({fault}). Hãy kiểm tra quyền đọc và mã UTF-8.")]
        ) from fault
    try:
        tree = yaml.compose(text, Loader=yaml.CSafeLoader)
        data = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 0
        problem = getattr(fault, "problem", None) or str(fault)
        raise LawError([Fault(path, line, f"không phải YAML hợp lệ: {problem}.")]) from fault
    if tree is None:
        raise LawError([Fault(path, 0, "tệp trống.")])
    # PyYAML silently keeps the last of two equal keys: a duty would vanish without a word
    if repeated := _repeated_keys(path, tree):
        raise LawError(repeated)
    try:
        return msgspec.convert(data, shape, strict=True)
    except msgspec.ValidationError as error:
        raise LawError([_fault(path, tree, str(error))]) from error


def lines_of(path: Path, top: str) -> dict[str, int]:
    """Return key → line of the entries of the list `top`, for the messages of cross checks."""
    tree = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    entries = _child(tree, top)
    lines: dict[str, int] = {}
    for entry in entries.value if isinstance(entries, yaml.SequenceNode) else ():
        key = _child(entry, "key")
        if isinstance(key, yaml.ScalarNode):
            lines.setdefault(key.value, key.start_mark.line + 1)
    return lines


def _repeated_keys(path: Path, node: Any) -> list[Fault]:
    faults: list[Fault] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                faults.append(Fault(path, key.start_mark.line + 1, f"khóa “{key.value}” viết hai lần; hãy bỏ một."))
            seen.add(key.value)
            faults += _repeated_keys(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            faults += _repeated_keys(path, value)
    return faults


def _child(node: Any, name: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return value
    return None


def _fault(path: Path, tree: Any, message: str) -> Fault:
    found = _PLACE.search(message)
    place = found["place"] if found else "$"
    reason = _PLACE.sub("", message)
    node = tree
    for part in _PART.finditer(place):
        if part["name"] is not None:
            below = _child(node, part["name"])
        elif isinstance(node, yaml.SequenceNode) and part["index"].isdigit() and int(part["index"]) < len(node.value):
            below = node.value[int(part["index"])]
        else:
            below = None
        if below is None:
            break
        node = below
    line = node.start_mark.line + 1
    if unknown := _UNKNOWN.match(reason):
        name = unknown["name"]
        if isinstance(node, yaml.MappingNode):
            line = next((key.start_mark.line + 1 for key, _ in node.value if key.value == name), line)
        reason = f"khóa lạ “{name}”. Hãy sửa chính tả hoặc thêm khóa này vào dekhang/law/shapes.py."
    elif missing := _MISSING.match(reason):
        reason = f"thiếu khóa bắt buộc “{missing['name']}”."
    elif wrong := _WRONG_TYPE.match(reason):
        reason = f"giá trị sai kiểu: cần {wrong['expected']}, đang là {wrong['got']}."
    elif value := _WRONG_VALUE.match(reason):
        reason = f"giá trị {value['value']} không nằm trong danh sách cho phép."
    return Fault(path, line, reason, place)
