"""A paper as editable DOCX, with the house's furniture of official letters."""

from collections.abc import Iterable
from io import BytesIO

import segno

from dekhang.apps.core import official
from dekhang.apps.reports.documents.paper import Block, Code, Field, Heading, Paper, Table, Text

QR_MM = 35


def as_docx(paper: Paper) -> bytes:
    document = official.new_document(
        made_at=paper.made_at, title=f"{paper.title} {paper.subject}", author=paper.issuer or "Đề Kháng"
    )
    if paper.warning:
        official.put_text(document, paper.warning, bold=True)
    official.put_heads(document, official.Heads(paper.superior, paper.issuer, paper.number, paper.place_and_date))
    official.put_title(document, paper.title, paper.subject)
    if paper.recipients:
        official.put_recipients(document, paper.recipients)
    _put_blocks(document, paper.blocks)
    official.put_signature(
        document, signer_title=paper.signer_title, signer_name=paper.signer_name, copies=paper.copies
    )
    for note in paper.notes:
        official.put_text(document, note, italic=True, size=9)
    if paper.appendix:
        document.add_page_break()
        _put_blocks(document, paper.appendix)
    return official.as_bytes(document)


def _put_blocks(document: official.DocumentType, blocks: Iterable[Block]) -> None:
    for block in blocks:
        match block:
            case Heading(text):
                official.put_text(document, text, bold=True)
            case Text(text, slanted):
                official.put_text(document, text, italic=slanted)
            case Field(label, value):
                official.put_field(document, label, value)
            case Table():
                _put_table(document, block)
            case Code(address, words):
                official.put_picture(document, qr_png(address), words, width_mm=QR_MM)


def _put_table(document: official.DocumentType, table: Table) -> None:
    rows = [[str(cell) for cell in row] for row in table.rows]
    official.put_table(
        document, table.heads, table.widths_mm, rows, size=9 if table.small else 11, centred=centred(table)
    )
    document.add_paragraph().paragraph_format.space_after = 0


def centred(table: Table) -> frozenset[int]:
    """Columns of numbers, shares and short marks."""
    return frozenset(
        place
        for place in range(len(table.heads))
        if table.rows and all(isinstance(row[place], int) or len(str(row[place])) <= 10 for row in table.rows)
    )


def qr_png(address: str) -> bytes:
    out = BytesIO()
    segno.make(address, error="m").save(out, kind="png", scale=6, border=2)
    return out.getvalue()
