"""Which files a unit may attach to a declaration: bounded in size, recognised by content, never run."""

import hashlib
from pathlib import PurePath

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404
from django.utils.translation import gettext as _

# extension → (first bytes that such a file has, content type it is given back with)
ACCEPTED = {
    ".pdf": ((b"%PDF-",), "application/pdf"),
    ".docx": ((b"PK\x03\x04",), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ".odt": ((b"PK\x03\x04",), "application/vnd.oasis.opendocument.text"),
    ".png": ((b"\x89PNG\r\n\x1a\n",), "image/png"),
    ".jpg": ((b"\xff\xd8\xff",), "image/jpeg"),
    ".jpeg": ((b"\xff\xd8\xff",), "image/jpeg"),
}


class DocumentRefused(ValueError):
    """The file cannot be taken; the message says why and what to do."""


def check_document(file: UploadedFile) -> None:
    """Refuse what is too large or is not what its name says.

    Raises:
        DocumentRefused: with a sentence for the person.
    """
    extension = PurePath(file.name or "").suffix.lower()
    if extension not in ACCEPTED:
        raise DocumentRefused(
            _("Tệp “%(name)s” thuộc loại chưa nhận được. Hãy gửi PDF, DOCX, ODT hoặc ảnh PNG, JPG.")
            % {"name": file.name}
        )
    if (file.size or 0) > settings.MAX_ATTACHMENT_BYTES:
        raise DocumentRefused(
            _("Tệp “%(name)s” lớn hơn %(limit)d MB. Hãy nén hoặc tách nhỏ rồi gửi lại.")
            % {"name": file.name, "limit": settings.MAX_ATTACHMENT_BYTES // 1024**2}
        )
    file.seek(0)
    start = file.read(16)
    file.seek(0)
    if not start.startswith(ACCEPTED[extension][0]):
        raise DocumentRefused(
            _("Tệp “%(name)s” có đuôi %(extension)s nhưng nội dung không phải loại đó. Hãy lưu lại đúng loại rồi gửi.")
            % {"name": file.name, "extension": extension}
        )


def sha256_of(file: UploadedFile) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def content_type_of(name: str) -> str:
    return ACCEPTED.get(PurePath(name).suffix.lower(), ((), "application/octet-stream"))[1]


def download(file: FieldFile, name: str) -> FileResponse:
    """A kept file, always as a download, so that nothing in it runs as a page of ours. 404 when it is gone."""
    try:
        content = file.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    return FileResponse(content, as_attachment=True, filename=name, content_type=content_type_of(name))
