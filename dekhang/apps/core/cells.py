"""Cells of spreadsheets that people download: no text of a stranger becomes a formula."""

# Excel and LibreOffice take a cell for a formula when it begins so; also after white space and in full width
FORMULA_STARTS = tuple("=+-@＝＋－＠\t\r\n|%")
MAX_CELL = 32_000  # Excel's own limit is 32,767


def guarded(text: str) -> str:
    """The text as a cell that no spreadsheet runs: a quote before whatever could start a formula."""
    text = text[:MAX_CELL].replace("\x00", "")
    return f"'{text}" if text.lstrip(" \u00a0").startswith(FORMULA_STARTS) else text
