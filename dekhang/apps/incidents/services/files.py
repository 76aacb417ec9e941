"""Files that people attach: bounded, screened for marks of secrecy, hashed."""

import hashlib
import unicodedata
from pathlib import PurePosixPath

from django.conf import settings
from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock, screening
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.core.templatetags.dk import filesize_vi
from dekhang.apps.incidents import policies
from dekhang.apps.incidents.enums import AuditAction
from dekhang.apps.incidents.models import Attachment, Incident, StepRun

CHUNK = 1 << 20


def clean_name(name: str) -> str:
    """The last part of the path, in NFC, printable, at most 200 characters."""
    last = PurePosixPath(name.replace("\\", "/")).name
    shown = "".join(c for c in unicodedata.normalize("NFC", last) if c.isprintable()).strip() or "tep"
    stem, dot, suffix = shown.rpartition(".")
    return shown if len(shown) <= 200 else f"{stem[:180]}{dot}{suffix[:19]}"


def check_file(*, file: File, unit_id: int, by: User) -> str:
    """Size and marks of a file that is about to be kept; returns its clean name. Call outside a transaction.

    Raises:
        ActionDenied: empty, too large, or marked as secret; the last is counted in the audit log without its name.
    """
    name = clean_name(file.name or "")
    if not file.size:
        raise ActionDenied(_("Tệp “%(name)s” trống. Hãy chọn lại tệp.") % {"name": name})
    if file.size > settings.MAX_ATTACHMENT_BYTES:
        raise ActionDenied(
            _("Tệp “%(name)s” lớn hơn %(limit)s. Hãy nén lại, hoặc ghi vào ghi chú nơi đang giữ tệp.")
            % {"name": name, "limit": filesize_vi(settings.MAX_ATTACHMENT_BYTES)}
        )
    if mark := screening.mark_in_file(name, file):
        # only that it happened: no name, no content, no hash of something that may be secret
        record_event(action=AuditAction.ATTACHMENT_REFUSED, by=by, unit_id=unit_id)
        raise ActionDenied(
            _(
                "Tệp có dấu “%(mark)s” nên không được nhận và không được giữ lại. Không đưa tài liệu bí mật nhà nước "
                "lên hệ thống này. Nếu tên tệp chỉ trùng chữ, hãy đổi tên rồi gửi lại."
            )
            % {"mark": mark}
        )
    return name


def sha256_of(file: File) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    for chunk in file.chunks(CHUNK):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def attach(*, incident: Incident, file: File, by: User, step: StepRun | None = None) -> Attachment:
    """Keep a file with the incident, or with one of its steps.

    Raises:
        ActionDenied: not of the unit, a leak (takes no files), too large, empty, or marked as secret.
    """
    policies.check_can_attach(by, incident)
    name = check_file(file=file, unit_id=incident.unit_id, by=by)
    with transaction.atomic():
        return store(incident=incident, step=step, file=file, name=name, by=by)


def store(*, incident: Incident, step: StepRun | None, file: File, name: str, by: User) -> Attachment:
    """The row and the file, inside the caller's transaction, after `check_file`."""
    attachment = Attachment(
        incident=incident,
        step=step,
        name=name,
        size_bytes=file.size,
        sha256=sha256_of(file),
        added_at=clock.now(),
        added_by=by,
    )
    # the stored path never carries the sender's name: only its number and a harmless suffix
    suffix = PurePosixPath(name).suffix.lower()
    attachment.file.save(f"{attachment.sha256[:16]}{suffix if suffix[1:].isascii() else ''}", file, save=True)
    record_event(
        action=AuditAction.ATTACHMENT_ADDED,
        by=by,
        target=incident,
        detail={"attachment_id": attachment.pk, "sha256": attachment.sha256, "size_bytes": attachment.size_bytes},
    )
    return attachment
