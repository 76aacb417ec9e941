"""Reads a user's own mapping files: which of their records a rule's `logsource` means (docs/reference/logsources.md).

mapping = load_mapping([Path("nguon-log.yml")])     # ours and theirs, later files after earlier ones
"""

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import yaml

from dekhang.engine.logsources import (
    LogsourceMapping,
    MappingDocument,
    MappingError,
    default_documents,
    default_mapping,
    read_mapping,
)

FILE_BYTES_MAX = 1 << 20  # ours together have 40 kB


def load_mapping(paths: Sequence[Path]) -> LogsourceMapping:
    """Return our own mapping with the files of a user after it; without files just ours.

    Raises:
        MappingError: everything that is wrong, sentences with file, place and what to do.
    """
    if not paths:
        return default_mapping()
    documents: list[MappingDocument] = []
    problems: list[str] = []
    for path in paths:
        try:
            documents.append(MappingDocument(str(path), _content(path)))
        except MappingError as error:
            problems.extend(error.problems)
    if problems:
        raise MappingError(problems)
    return read_mapping(*default_documents(), *documents)


def _content(path: Path) -> object:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise MappingError([f"{path}: không đọc được tệp ánh xạ ({error.strerror}); hãy kiểm tra đường dẫn."]) from None
    if len(raw) > FILE_BYTES_MAX:
        raise MappingError([f"{path}: tệp ánh xạ lớn hơn {FILE_BYTES_MAX >> 20} MiB; đây có đúng là tệp ánh xạ không?"])
    try:
        content = yaml.load(raw.decode("utf-8-sig"), _StrictLoader)  # noqa: S506 it is a safe loader
    except UnicodeDecodeError:
        raise MappingError([f"{path}: tệp không phải UTF-8; hãy lưu lại với mã UTF-8."]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        what = getattr(error, "problem", None) or "YAML sai"
        raise MappingError([f"{place}: {what}; hãy sửa dòng này (thụt lề, dấu hai chấm, dấu nháy)."]) from None
    except RecursionError:
        raise MappingError([f"{path}: các mục lồng nhau quá sâu; hãy viết lại theo ví dụ."]) from None
    if content is None:
        raise MappingError([f"{path}: tệp ánh xạ trống; hãy khai ít nhất một nguồn ở mục others."])
    return content


class _StrictLoader(yaml.CSafeLoader):
    """YAML, but a key that stands twice is told: the reader would take one and drop the other silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"khóa {key.value!r} viết hai lần", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)
