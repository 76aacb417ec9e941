"""Typed readers of the environment. Each names the fault; `about` also makes docs/reference/settings.md."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo


class SettingError(Exception):
    """A setting cannot be read; the message is the sentence to show."""


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    kind: str
    default: str
    about: str


KNOWN: dict[str, Setting] = {}


def _read(name: str, kind: str, default: object, about: str) -> str | None:
    KNOWN[name] = Setting(name, kind, "" if default is None else str(default), about)
    value = os.environ.get(name)
    if value is None and (path := os.environ.get(f"{name}_FILE")):
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingError(f"{name}_FILE={path!r}: cannot be read ({error.strerror})") from error
        except UnicodeDecodeError:
            raise SettingError(f"{name}_FILE={path!r}: is not UTF-8 text ({about})") from None
    return value


def env_str(name: str, default: str, *, about: str) -> str:
    value = _read(name, "text", default, about)
    return default if value is None else value


def env_choice(name: str, default: str, choices: Sequence[str], *, about: str) -> str:
    value = _read(name, "one of " + ", ".join(choices), default, about)
    if value is None or value in choices:
        return default if value is None else value
    raise SettingError(f"{name}={value!r}: expected one of {', '.join(choices)} ({about})")


def env_zone(name: str, default: str, *, about: str) -> str:
    value = env_str(name, default, about=about)
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise SettingError(f"{name}={value!r}: expected a time zone such as {default} ({about})") from None
    return value


def env_int(name: str, default: int, *, about: str, at_least: int | None = None) -> int:
    value = _read(name, "whole number", default, about)
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError:
        raise SettingError(f"{name}={value!r}: expected a whole number ({about})") from None
    if at_least is not None and number < at_least:
        raise SettingError(f"{name}={value!r}: expected {at_least} or more ({about})")
    return number


def env_bool(name: str, default: bool, *, about: str) -> bool:
    value = _read(name, "yes or no", "yes" if default else "no", about)
    if value is None:
        return default
    if value.lower() in {"1", "yes", "true", "on"}:
        return True
    if value.lower() in {"0", "no", "false", "off", ""}:
        return False
    raise SettingError(f"{name}={value!r}: expected yes or no ({about})")


def env_list(name: str, default: tuple[str, ...], *, about: str) -> list[str]:
    value = _read(name, "list, separated by commas", ",".join(default), about)
    if value is None:
        return list(default)
    return [part.strip() for part in value.split(",") if part.strip()]


def env_path(name: str, default: Path, *, about: str) -> Path:
    value = _read(name, "folder", default.name, about)
    return default if value is None else Path(value).expanduser().resolve()
