"""Handing over a log file by hand: into the inbox, from which the files receiver reads it."""

import hashlib
import os
import re
import secrets
import unicodedata
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.forms import readable
from dekhang.apps.core.models import User
from dekhang.apps.sources.enums import AuditAction
from dekhang.apps.sources.models import LogSource, Upload
from dekhang.apps.sources.policies import check_can_change

LONGEST_NAME = 80
INBOX_ENDINGS = (".json", ".part", ".tmp")  # what the files receiver gives a meaning of its own


def inbox_of(source_id: int) -> Path:
    return Path(settings.DATA) / "inbox" / str(source_id)


def _safe_name(name: str) -> str:
    """The file's own name in plain letters: never a path, never hidden, never the inbox's `.json` or `.part`."""
    plain = unicodedata.normalize("NFKD", name.replace("đ", "d").replace("Đ", "D")).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip(".-")[-LONGEST_NAME:].lstrip(".-")
    ending = ".log" if plain.lower().endswith(INBOX_ENDINGS) else ""  # else kept: it tells CSV from text
    return f"{secrets.token_hex(6)}-{plain or 'tep'}{ending}"


@transaction.atomic
def store_upload(*, source: LogSource, file: UploadedFile, name: str, by: User | None) -> Upload:
    """Put `file` into the source's inbox, whole or not at all.

    Raises:
        ActionDenied: `by` may not, the file is empty or larger than MAX_UPLOAD_BYTES.
    """
    if by is not None:
        check_can_change(by, source)
    if file.size is not None and file.size > settings.MAX_UPLOAD_BYTES:
        raise ActionDenied(_too_large())
    folder = inbox_of(source.pk)
    folder.mkdir(parents=True, exist_ok=True)
    stored_name = _safe_name(name)
    draft = folder / f"{stored_name}.part"
    digest, size = hashlib.sha256(), 0
    try:
        with draft.open("xb") as target:
            for chunk in file.chunks():
                size += len(chunk)
                if size > settings.MAX_UPLOAD_BYTES:
                    raise ActionDenied(_too_large())
                digest.update(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        if size == 0:
            raise ActionDenied(_("Tệp rỗng. Hãy chọn lại tệp log."))
        upload = Upload.objects.create(
            source=source,
            unit_id=source.unit_id,
            name=readable(Path(name.replace("\\", "/")).name, several_lines=False)[:255] or stored_name,
            stored_name=stored_name,
            size_bytes=size,
            sha256=digest.hexdigest(),
            uploaded_at=clock.now(),
            uploaded_by=by,
        )
        record_event(
            action=AuditAction.LOG_UPLOADED,
            by=by,
            target=source,
            detail={"name": upload.name, "size_bytes": size, "sha256": upload.sha256},
        )
        # last: once it has its final name the receiver takes it, and there is no way back
        draft.rename(folder / stored_name)
    finally:
        draft.unlink(missing_ok=True)
    return upload


def _too_large() -> str:
    return _("Tệp lớn hơn %(size)s. Hãy chia nhỏ hoặc nén lại rồi tải lên.") % {
        "size": filesizeformat(settings.MAX_UPLOAD_BYTES)
    }
