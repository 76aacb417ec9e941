"""A paper in every form, and with which libraries: other versions of them may write other bytes."""

import zlib
from importlib.metadata import version

from dekhang.apps.reports.documents.docx import as_docx
from dekhang.apps.reports.documents.paper import Paper
from dekhang.apps.reports.documents.pdf import as_pdf
from dekhang.apps.reports.documents.xlsx import as_xlsx
from dekhang.apps.reports.enums import Form

RENDERERS = {Form.DOCX: as_docx, Form.PDF: as_pdf, Form.XLSX: as_xlsx}
LIBRARIES = ("python-docx", "typst", "xlsxwriter", "segno", "fonttools", "fontpkg-noto-serif")


def render(paper: Paper) -> dict[Form, bytes]:
    return {form: renderer(paper) for form, renderer in RENDERERS.items()}


def tools() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES} | {"zlib": zlib.ZLIB_RUNTIME_VERSION}
