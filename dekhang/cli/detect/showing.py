"""Values that attackers may have written, made fit for a terminal, a spreadsheet, a page."""

from datetime import UTC, datetime, timedelta
from typing import Any

from dekhang.engine.text import scalars, text_of

VALUE_CHARS = 2_000  # of one field in the output; evidence for a reader, not a copy of the log
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MS = 253_000_000_000_000  # in the year 9987: what a broken clock wrote must not stop the output
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # some spreadsheets take the wide ones, too


def iso(time_ms: int) -> str:
    moment = utc(time_ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def utc(time_ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=min(max(time_ms, 0), LAST_MS))


def shortened(value: object, chars: int = VALUE_CHARS) -> Any:
    """Return a field's value for showing: numbers as they are, long texts cut."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else ", ".join(map(text_of, scalars(value)))
    return text if len(text) <= chars else text[:chars] + "…"


def printable(text: str) -> str:
    """Return text that cannot steer a terminal: what an attacker wrote is shown, not obeyed."""
    return "".join(one if one.isprintable() else "�" for one in text)


def guarded(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    text = printable(str(cell)) if isinstance(cell, str) else cell
    return f"'{text}" if isinstance(text, str) and text.startswith(FORMULA) else text
