"""A table that people download, as CSV or XLSX: every cell is text, and none can become a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import xlsxwriter

from dekhang.apps.core.cells import guarded

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
WIDE = 40  # characters; longer cells are wrapped


@dataclass(frozen=True, slots=True)
class Table:
    """`notes` say what the numbers mean, on a sheet of their own; in CSV they are the last rows, after an empty one."""

    title: str
    headings: Sequence[str]
    rows: Iterable[Sequence[object]]
    notes: Sequence[tuple[str, str]] = field(default=())


def as_csv(table: Table) -> bytes:
    """UTF-8 with a mark at the start, so that Excel reads Vietnamese letters."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(table.headings)
    writer.writerows([guarded(_text(cell)) for cell in row] for row in table.rows)
    if table.notes:
        writer.writerow([])
        writer.writerows([guarded(label), guarded(words)] for label, words in table.notes)
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(table: Table) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(
        target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    sheet = book.add_worksheet(table.title[:31])
    widths = [len(heading) for heading in table.headings]
    for place, heading in enumerate(table.headings):
        sheet.write_string(0, place, heading, bold)
    for number, row in enumerate(table.rows, start=1):
        for place, cell in enumerate(row):
            text = guarded(_text(cell))
            widths[place] = max(widths[place], len(text))
            sheet.write_string(number, place, text, wrap)
    for place, width in enumerate(widths):
        sheet.set_column(place, place, min(WIDE, width + 2))
    sheet.freeze_panes(1, 0)
    if table.notes:
        notes = book.add_worksheet("Định nghĩa")
        notes.set_column(0, 0, 28)
        notes.set_column(1, 1, 100)
        for number, (label, words) in enumerate(table.notes):
            notes.write_string(number, 0, guarded(label), bold)
            notes.write_string(number, 1, guarded(words), wrap)
    book.close()
    return target.getvalue()


def render(table: Table, form: str) -> bytes:
    return as_csv(table) if form == "csv" else as_xlsx(table)


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)
