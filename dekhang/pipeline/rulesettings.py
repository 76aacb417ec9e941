"""What an installation adds to the meaning of its rules: files in its data folder, both may be missing.

    <data>/settings/placeholders.yml    lists for `%name%` in rules (docs/reference/detection.md)
    <data>/settings/logsources.yml      log sources of its own (docs/reference/logsources.md)

book = load_installed_rules(folders, data)      # what the worker, doctor and the pages have in common
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from dekhang.engine import LogsourceMapping, RuleError, default_mapping
from dekhang.engine.logsources import MappingError
from dekhang.pipeline.mappingfile import load_mapping
from dekhang.pipeline.rulebook import PlaceholderError, Placeholders, Rulebook, load_rules, read_placeholders

UNTIL_MENDED = "Cho đến khi tệp được sửa, hệ thống dùng bản đọc được gần nhất kể từ khi khởi động, nếu có."
_LINE = re.compile(r"(?::| dòng )(\d{1,7}):")


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """What is in force.

    Args:
        faults: of files that could not be used; in their place stands what was good before, or nothing.
    """

    placeholders: Placeholders
    mapping: LogsourceMapping
    faults: tuple[RuleError, ...] = ()


def folder_of(data: Path) -> Path:
    """Return where the files lie."""
    return data / "settings"


def files_of(data: Path) -> tuple[Path, Path]:
    """Return the files of lists and of log sources; they need not exist."""
    return folder_of(data) / "placeholders.yml", folder_of(data) / "logsources.yml"


def read_settings(data: Path, before: RuleSettings | None = None) -> RuleSettings:
    """Read both files. Never raises: the worker goes on with what was good.

    Args:
        before: what was in force until now; it stays so where a file is faulty.
    """
    lists, sources = files_of(data)
    placeholders: Placeholders = MappingProxyType({})
    mapping = default_mapping()
    faults: list[RuleError] = []
    try:
        if lists.exists():
            placeholders = read_placeholders(lists)
    except (PlaceholderError, OSError) as error:
        placeholders = before.placeholders if before is not None else placeholders
        faults.append(_fault(lists, str(error)))
    try:
        if sources.exists():
            mapping = load_mapping([sources])
    except (MappingError, OSError) as error:
        mapping = before.mapping if before is not None else mapping
        problems = error.problems if isinstance(error, MappingError) else [str(error)]
        faults.extend(_fault(sources, problem) for problem in problems)
    return RuleSettings(placeholders, mapping, tuple(faults))


def load_installed_rules(folders: Sequence[Path], data: Path, settings: RuleSettings | None = None) -> Rulebook:
    """Read rule folders as this installation means them; faults of its settings are among the errors.

    Args:
        settings: as read before, to keep what was good; None = read them now.
    """
    settings = settings or read_settings(data)
    book = load_rules(folders, cache=data / "rules-cache", mapping=settings.mapping, placeholders=settings.placeholders)
    return replace(book, errors=(*settings.faults, *book.errors))


def _fault(path: Path, problem: str) -> RuleError:
    said = problem.removeprefix(f"{path}")
    line = _LINE.search(said)
    reason = said.removeprefix(f":{line[1]}" if line else "").removeprefix(":").strip().rstrip(".")
    return RuleError(str(path), int(line[1]) if line else 1, f"{reason}. {UNTIL_MENDED}")
