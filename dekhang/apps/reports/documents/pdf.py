"""A paper as PDF/A-2b with its fonts inside. Texts reach typst as data, never as markup."""

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any
from unicodedata import normalize

import typst
from django.conf import settings

from dekhang.apps.core.fonts import document_fonts, letters
from dekhang.apps.core.official import COUNTRY, MOTTO
from dekhang.apps.reports.documents.docx import centred, qr_png
from dekhang.apps.reports.documents.paper import Block, Code, Paper, Table

LAYOUT = Path(__file__).with_name("official1.typ")


@cache
def _fonts(folder: Path) -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(document_fonts(folder))]
    )


def as_pdf(paper: Paper) -> bytes:
    made = _compiler(paper).compile(
        format="pdf", pdf_standards=["a-2b"], timestamp=int(paper.made_at.timestamp()), sys_inputs=_inputs(paper)
    )
    assert isinstance(made, bytes)
    return made


def as_pictures(paper: Paper, *, ppi: float = 80) -> list[bytes]:
    """The pages as PNG."""
    made = _compiler(paper).compile(format="png", ppi=ppi, sys_inputs=_inputs(paper))
    return made if isinstance(made, list) else [made]


def _compiler(paper: Paper) -> typst.Compiler:
    return typst.Compiler(LAYOUT.read_bytes(), font_paths=_fonts(settings.ASSETS), ignore_system_fonts=True)


def _inputs(paper: Paper) -> dict[str, str]:
    said = asdict(paper) | {
        "blocks": [_block(block) for block in paper.blocks],
        "appendix": [_block(block) for block in paper.appendix],
        "made_at": paper.made_at.isoformat(),
        "country": COUNTRY,
        "motto": MOTTO,
    }
    return {"paper": json.dumps(_drawable(said), ensure_ascii=False)}


def _drawable(said: Any) -> Any:
    """Characters that the typeface does not have become „?”: PDF/A refuses a whole document for one of them."""
    if isinstance(said, str):
        known = letters()
        return "".join(c if c in known or c == "\n" else " " if c.isspace() else "?" for c in normalize("NFC", said))
    if isinstance(said, dict):
        return {key: _drawable(value) for key, value in said.items()}
    return [_drawable(part) for part in said] if isinstance(said, list | tuple) else said


def _block(block: Block) -> dict[str, Any]:
    said: dict[str, Any] = {"is": type(block).__name__} | asdict(block)
    if isinstance(block, Table):
        said["rows"] = [[str(cell) for cell in row] for row in block.rows]
        said["centred"] = sorted(centred(block))
    if isinstance(block, Code):
        said["png"] = list(qr_png(block.address))
    return said
