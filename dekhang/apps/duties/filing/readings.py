"""What a file says of itself."""

import re
import zipfile
from datetime import UTC, datetime

from django.core.files.uploadedfile import UploadedFile

from dekhang.apps.core import screening

HEAD_BYTES = 65_536
CORE_BYTES = 65_536
_PDF_DATE = re.compile(rb"/CreationDate\s*\(D:(\d{14})(?:([+-])(\d{2})'?(\d{2})?)?")
_DOCX_DATE = re.compile(rb"<dcterms:created[^>]*>([0-9T:.+Z-]{10,35})</dcterms:created>")


# Files that say otherwise speak nonsense; and the ends of the calendar cannot be said in another time zone.
EARLIEST, LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
UNREADABLE = (OverflowError, *screening.UNPACKING)


def made_at(file: UploadedFile) -> datetime | None:
    """When a PDF or office file says that it was made; None when it does not say, or says nonsense. Rewinds."""
    moment = _said(file)
    return moment if moment is not None and EARLIEST <= moment < LATEST else None


def _said(file: UploadedFile) -> datetime | None:
    file.seek(0)
    head = file.read(HEAD_BYTES)
    try:
        if head.startswith(b"%PDF-"):
            file.seek(max(0, (file.size or 0) - HEAD_BYTES))
            return _pdf_date(head) or _pdf_date(file.read(HEAD_BYTES))
        if head.startswith(b"PK"):
            file.seek(0)
            return _office_date(file)
    except UNREADABLE:
        return None
    finally:
        file.seek(0)
    return None


def _pdf_date(part: bytes) -> datetime | None:
    found = _PDF_DATE.search(part)
    if found is None:
        return None
    zone = ""
    if found[2]:
        zone = f"{found[2].decode()}{found[3].decode()}{(found[4] or b'00').decode()}"
    moment = datetime.strptime(found[1].decode() + (zone or "+0000"), "%Y%m%d%H%M%S%z")
    return moment.astimezone(UTC)


def _office_date(file: UploadedFile) -> datetime | None:
    with zipfile.ZipFile(file) as archive, archive.open("docProps/core.xml") as core:  # type: ignore[arg-type]
        found = _DOCX_DATE.search(core.read(CORE_BYTES))
    if found is None:
        return None
    moment = datetime.fromisoformat(found[1].decode().replace("Z", "+00:00"))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
