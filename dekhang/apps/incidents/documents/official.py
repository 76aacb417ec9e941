"""The furniture of an official letter after Decree 30/2020, Appendix I: page, heads, number and date, signature.

Times New Roman is named, not shipped: the reader's machine has it or a metric twin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from docx import Document
from docx.document import Document as DocumentType
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph

FONT = "Times New Roman"
COUNTRY = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
MOTTO = "Độc lập - Tự do - Hạnh phúc"
BLANK = "…" * 20  # to fill by hand
CENTRE = WD_ALIGN_PARAGRAPH.CENTER


@dataclass(frozen=True, slots=True)
class Heads:
    """What stands above the title. `superior` may be empty."""

    superior: str
    issuer: str
    number: str
    place_and_date: str


def new_document(*, made_at: datetime, title: str, author: str) -> DocumentType:
    """An A4 page with the margins of the decree, 13 pt, page numbers centred at the top from the second page on."""
    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin = section.bottom_margin = Mm(20)
    section.left_margin, section.right_margin = Mm(30), Mm(15)
    section.different_first_page_header_footer = True
    style = document.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(13)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for script in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
        fonts.set(qn(script), FONT)
    style.paragraph_format.space_after = Pt(6)
    _page_number(section.header.paragraphs[0])
    properties = document.core_properties
    properties.title, properties.author, properties.language = title[:250], author[:250], "vi-VN"
    properties.created = properties.modified = made_at.replace(tzinfo=None)
    properties.last_modified_by, properties.comments = author[:250], ""
    return document


def put_heads(document: DocumentType, heads: Heads) -> None:
    table = document.add_table(rows=2, cols=2)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    _set_widths(table, (65, 100))
    left, right = table.rows[0].cells
    if heads.superior:
        _line(left, heads.superior.upper(), size=12, first=True)
    _line(left, heads.issuer.upper(), size=12, bold=True, first=not heads.superior)
    _rule(left.add_paragraph(), indent_mm=20)
    _line(right, COUNTRY, size=12, bold=True, first=True)
    _line(right, MOTTO, size=13, bold=True)
    _rule(right.add_paragraph(), indent_mm=22)  # as long as the motto
    below_left, below_right = table.rows[1].cells
    _line(below_left, heads.number, size=13, first=True)
    _line(below_right, heads.place_and_date, size=13, italic=True, first=True)


def put_title(document: DocumentType, title: str, subject: str) -> None:
    heading = document.add_paragraph()
    heading.alignment = CENTRE
    heading.paragraph_format.space_before = Pt(14)
    heading.paragraph_format.space_after = Pt(0)
    _run(heading, title.upper(), bold=True, size=14)
    under = document.add_paragraph()
    under.alignment = CENTRE
    under.paragraph_format.space_after = Pt(0)
    _run(under, subject, bold=True)
    _rule(document.add_paragraph(), indent_mm=60)


def put_recipients(document: DocumentType, recipients: Sequence[str]) -> None:
    line = document.add_paragraph()
    line.paragraph_format.left_indent = Mm(20)
    if len(recipients) == 1:
        _run(line, f"Kính gửi: {recipients[0]}")
        return
    _run(line, "Kính gửi:")
    for place, name in enumerate(recipients, start=1):
        item = document.add_paragraph()
        item.paragraph_format.left_indent = Mm(35)
        item.paragraph_format.space_after = Pt(10 if place == len(recipients) else 0)
        _run(item, f"- {name}{'.' if place == len(recipients) else ';'}")


def put_text(document: DocumentType, text: str, *, bold: bool = False, italic: bool = False, size: int = 13) -> None:
    """A body paragraph: justified, first line indented; line breaks in `text` become paragraphs."""
    for part in text.splitlines() or [""]:
        paragraph = document.add_paragraph()
        paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
        paragraph.paragraph_format.first_line_indent = Mm(10)
        _run(paragraph, part, bold=bold, italic=italic, size=size)


def put_field(document: DocumentType, label: str, value: str) -> None:
    """ "Label: value"; a value of several lines goes below its label."""
    lines = value.splitlines()
    paragraph = document.add_paragraph()
    if len(value) > 80:  # a short line, justified, would be pulled apart
        paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    paragraph.paragraph_format.first_line_indent = Mm(10)
    _run(paragraph, f"{label}: ", bold=True)
    if len(lines) == 1:
        _run(paragraph, lines[0])
        return
    for line in lines:
        below = document.add_paragraph()
        below.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
        below.paragraph_format.left_indent = Mm(10)
        below.paragraph_format.space_after = Pt(2)
        _run(below, line)


def put_table(
    document: DocumentType, heads: Sequence[str], widths_mm: Sequence[int], rows: Sequence[Sequence[str]]
) -> None:
    table = document.add_table(rows=1, cols=len(heads))
    table.style = "Table Grid"
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    for cell, head in zip(table.rows[0].cells, heads, strict=True):
        _line(cell, head, size=12, bold=True, first=True)
    _repeat_as_head(table.rows[0]._tr)
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.space_after = Pt(0)
            _run(paragraph, text, size=12)
        _keep_whole(table.rows[-1]._tr)
    _set_widths(table, widths_mm)


def put_signature(document: DocumentType, *, signer_title: str, signer_name: str, copies: Sequence[str]) -> None:
    """ "Nơi nhận" at the left, who signs at the right, on one line of a table without borders."""
    document.add_paragraph()
    table = document.add_table(rows=1, cols=2)
    table.autofit = False
    _set_widths(table, (80, 85))
    left, right = table.rows[0].cells
    paragraph = left.paragraphs[0]
    paragraph.paragraph_format.space_after = Pt(0)
    _run(paragraph, "Nơi nhận:", bold=True, italic=True, size=12)
    for copy in [*copies, "Lưu: VT."]:
        line = left.add_paragraph()
        line.paragraph_format.space_after = Pt(0)
        _run(line, f"- {copy}{'' if copy.endswith('.') else ';'}", size=11)
    _line(right, signer_title.upper(), size=13, bold=True, first=True)
    for _space in range(4):
        _line(right, "", size=13)
    _line(right, signer_name, size=13, bold=True)


def _line(
    cell: _Cell,
    text: str,
    *,
    size: int,
    bold: bool = False,
    italic: bool = False,
    first: bool = False,
) -> None:
    """A centred line of a cell; `first` uses the empty paragraph that every cell begins with."""
    paragraph = cell.paragraphs[0] if first else cell.add_paragraph()
    paragraph.alignment = CENTRE
    paragraph.paragraph_format.space_after = Pt(0)
    _run(paragraph, text, bold=bold, italic=italic, size=size)


def _run(paragraph: Paragraph, text: str, *, bold: bool = False, italic: bool = False, size: int = 13) -> None:
    # control characters are not XML: python-docx would refuse the whole document for one of them
    run = paragraph.add_run("".join(c for c in text if c.isprintable() or c in "\t\n"))
    run.bold, run.italic = bold or None, italic or None
    run.font.size, run.font.name = Pt(size), FONT


def _rule(paragraph: Paragraph, *, indent_mm: int) -> None:
    """A thin line as a paragraph of its own, drawn in from both sides."""
    layout = paragraph.paragraph_format
    layout.left_indent = layout.right_indent = Mm(indent_mm)
    layout.space_after, layout.line_spacing = Pt(4), Pt(4)
    borders = OxmlElement("w:pBdr")
    top = OxmlElement("w:top")
    for name, value in (("val", "single"), ("sz", "4"), ("space", "1"), ("color", "000000")):
        top.set(qn(f"w:{name}"), value)
    borders.append(top)
    properties = paragraph._p.get_or_add_pPr()
    # the schema wants the borders before spacing and indents; Word repairs nothing silently
    properties.insert(0, borders)


def _set_widths(table: Table, widths_mm: Sequence[int]) -> None:
    """Widths of cells (Word reads these) and of the grid (LibreOffice reads that)."""
    for column, width in zip(table.columns, widths_mm, strict=True):
        column.width = Mm(width)
    for row in table.rows:
        for cell, width in zip(row.cells, widths_mm, strict=True):
            cell.width = Mm(width)


def _repeat_as_head(row: object) -> None:
    properties = row.get_or_add_trPr()  # type: ignore[attr-defined]
    head = OxmlElement("w:tblHeader")
    head.set(qn("w:val"), "true")
    properties.append(head)


def _keep_whole(row: object) -> None:
    """A row of the table does not break over two pages."""
    whole = OxmlElement("w:cantSplit")
    whole.set(qn("w:val"), "true")
    row.get_or_add_trPr().append(whole)  # type: ignore[attr-defined]


def _page_number(paragraph: Paragraph) -> None:
    paragraph.alignment = CENTRE
    run = paragraph.add_run()
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        if kind:
            element = OxmlElement("w:fldChar")
            element.set(qn("w:fldCharType"), kind)
        else:
            element = OxmlElement("w:instrText")
            element.set(qn("xml:space"), "preserve")
            element.text = text
        run._r.append(element)
