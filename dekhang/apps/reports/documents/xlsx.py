"""A paper as a workbook: its words on one sheet, each of its tables on one of its own. No cell becomes a formula."""

from datetime import UTC
from io import BytesIO

import xlsxwriter

from dekhang.apps.core.cells import guarded
from dekhang.apps.reports.documents.paper import Code, Field, Heading, Paper, Table, Text

CHARACTERS_A_MM = 0.55  # Excel counts a column's width in characters


def as_xlsx(paper: Paper) -> bytes:
    target = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(target, options)
    # without a date of its own the workbook would carry the hour of its making
    book.set_properties(
        {
            "title": f"{paper.title} {paper.subject}"[:250],
            "author": paper.issuer[:250],
            "created": paper.made_at.astimezone(UTC).replace(tzinfo=None),
        }
    )
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    words = book.add_worksheet("Báo cáo")
    words.set_column(0, 0, 110)
    for line, (text, is_bold) in enumerate(_lines(paper)):
        words.write_string(line, 0, guarded(text), bold if is_bold else wrap)
    for table in paper.tables:
        sheet = book.add_worksheet(table.name)
        for column, (head, width) in enumerate(zip(table.heads, table.widths_mm, strict=True)):
            sheet.set_column(column, column, max(8, width * CHARACTERS_A_MM))
            sheet.write_string(0, column, guarded(head), bold)
        for place, row in enumerate(table.rows, start=1):
            for column, cell in enumerate(row):
                if isinstance(cell, int):
                    sheet.write_number(place, column, cell, wrap)
                else:
                    sheet.write_string(place, column, guarded(cell), wrap)
        sheet.freeze_panes(1, 0)
    book.close()
    return target.getvalue()


def _lines(paper: Paper) -> list[tuple[str, bool]]:
    """(text, bold) of every line of words; tables are named where they stand."""
    lines = [(paper.warning, True)] if paper.warning else []
    lines += [(text, False) for text in (paper.superior, paper.issuer, paper.number, paper.place_and_date) if text]
    lines += [(paper.title.upper(), True), (paper.subject, True)]
    lines += [(f"Kính gửi: {name}", False) for name in paper.recipients]
    for block in (*paper.blocks, *paper.appendix):
        match block:
            case Heading(text):
                lines.append((text, True))
            case Text(text):
                lines += [(part, False) for part in text.splitlines() or [""]]
            case Field(label, value):
                lines.append((f"{label}: {value}", False))
            case Table():
                lines.append((f"(bảng ở trang “{block.name}”)", False))
            case Code(_address, words):
                lines += [(part, False) for part in words.splitlines()]
    lines += [(paper.signer_title, True), (paper.signer_name, False)]
    return lines + [(note, False) for note in paper.notes]
