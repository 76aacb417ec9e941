"""The furniture of an official letter after Decree 30/2020, Appendix I: page, heads, number and date, signature.

Times New Roman is named, not shipped: the reader's machine has it or a metric twin.
"""

import zipfile
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO

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


def date_line(day: date) -> str:
    """ "ngày 05 tháng 02 năm 2020": days below 10 and months 1 and 2 with a zero before.

    Law: ND30-2020/PL1
    """
    month = f"{day.month:02d}" if day.month < 3 else str(day.month)
    return f"ngày {day.day:02d} tháng {month} năm {day.year}"


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
    document: DocumentType,
    heads: Sequence[str],
    widths_mm: Sequence[int],
    rows: Sequence[Sequence[str]],
    *,
    size: int = 12,
    centred: frozenset[int] = frozenset(),
) -> None:
    """A table with borders whose head repeats on every page; `centred`: columns (from 0) of numbers."""
    table = document.add_table(rows=1, cols=len(heads))
    table.style = "Table Grid"
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    for cell, head in zip(table.rows[0].cells, heads, strict=True):
        _line(cell, head, size=size, bold=True, first=True)
    _set_widths(table, widths_mm)
    _repeat_as_head(table.rows[0]._tr)
    if not rows:
        return
    # rows are copies of one: python-docx takes a second for every hundred rows that it is asked to make
    for place, cell in enumerate(table.add_row().cells):
        cell.width = Mm(widths_mm[place])
        paragraph = cell.paragraphs[0]
        paragraph.paragraph_format.space_after = Pt(0)
        if place in centred:
            paragraph.alignment = CENTRE
        _run(paragraph, "", size=size)
    pattern = table.rows[-1]._tr
    _keep_whole(pattern)
    table._tbl.remove(pattern)
    for row in rows:
        copied = deepcopy(pattern)
        for cell_xml, text in zip(copied.tc_lst, row, strict=True):
            cell_xml.p_lst[0].r_lst[0].text = printable(text)
        table._tbl.append(copied)


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


def printable(text: str) -> str:
    """Control characters are not XML: python-docx would refuse the whole document for one of them."""
    return "".join(c for c in text if c.isprintable() or c in "\t\n")


def put_picture(document: DocumentType, png: bytes, words: str, *, width_mm: int) -> None:
    """A picture at the left, lines of words beside it."""
    table = document.add_table(rows=1, cols=2)
    table.autofit = False
    _set_widths(table, (width_mm + 5, 160 - width_mm))
    left, right = table.rows[0].cells
    left.paragraphs[0].add_run().add_picture(BytesIO(png), width=Mm(width_mm))
    for place, line in enumerate(words.splitlines()):
        paragraph = right.paragraphs[0] if place == 0 else right.add_paragraph()
        _run(paragraph, line, bold=place == 0, size=12)


def as_bytes(document: DocumentType) -> bytes:
    """The document as a file without the hour of its making in it: the same paragraphs, the same bytes."""
    made, still = BytesIO(), BytesIO()
    document.save(made)
    with zipfile.ZipFile(made) as given, zipfile.ZipFile(still, "w", zipfile.ZIP_DEFLATED) as kept:
        for name in given.namelist():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o600 << 16, 3
            kept.writestr(entry, given.read(name), compresslevel=6)
    return still.getvalue()


def put_two_signatures(document: DocumentType, left: tuple[str, str], right: tuple[str, str]) -> None:
    """Minutes are signed by both sides, each (title, name)."""
    document.add_paragraph()
    table = document.add_table(rows=1, cols=2)
    table.autofit = False
    _set_widths(table, (82, 83))
    for cell, (title, name) in zip(table.rows[0].cells, (left, right), strict=True):
        _line(cell, title.upper(), size=13, bold=True, first=True)
        _line(cell, "(Ký, ghi rõ họ tên)", size=12, italic=True)
        for _space in range(4):
            _line(cell, "", size=13)
        _line(cell, name, size=13, bold=True)


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
    run = paragraph.add_run(printable(text))
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
