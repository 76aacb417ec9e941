"""Handing over a log file by hand: into the inbox, from which the files receiver reads it."""

import errno
import hashlib
import os
import re
import secrets
import unicodedata
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.template.defaultfilters import date as format_date
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

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


# what a file is by its first bytes, when nothing in it can be a log; the rest is judged by the files receiver
_NOT_LOGS: tuple[tuple[bytes, Promise], ...] = (
    (b"MZ", gettext_lazy("là chương trình Windows")),
    (b"\x7fELF", gettext_lazy("là chương trình Linux")),
    (b"%PDF", gettext_lazy("là tệp PDF; hãy xuất log ra CSV hoặc văn bản")),
    (b"\x89PNG", gettext_lazy("là ảnh")),
    (b"\xff\xd8\xff", gettext_lazy("là ảnh")),
    (b"7z\xbc\xaf\x27\x1c", gettext_lazy("nén bằng 7-Zip; hãy giải nén, hoặc nén lại bằng zip")),
    (b"Rar!\x1a\x07", gettext_lazy("nén bằng RAR; hãy giải nén, hoặc nén lại bằng zip")),
    (b"SQLite format 3\x00", gettext_lazy("là cơ sở dữ liệu")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", gettext_lazy("là tệp Word hoặc Excel đời cũ; hãy lưu thành CSV")),
)
_OFFICE = (b"[Content_Types].xml", b"_rels/.rels", b"word/", b"xl/")
HEAD_BYTES = 2048


def not_a_log(head: bytes) -> str:
    """Why a file that starts with `head` cannot be a log, as the end of a sentence; empty when it may be one."""
    for mark, told in _NOT_LOGS:
        if head.startswith(mark):
            return str(told)
    if head.startswith(b"PK\x03\x04") and any(part in head for part in _OFFICE):
        return _("là tệp Word hoặc Excel; hãy lưu thành CSV")
    return ""


@transaction.atomic
def store_upload(*, source: LogSource, file: UploadedFile, name: str, by: User | None) -> Upload:
    """Put `file` into the source's inbox, whole or not at all.

    Raises:
        ActionDenied: `by` may not; the file is empty, too large, no log by its first bytes, or was given to this source
            before; the disk is full. The sentence says which and what to do.
    """
    if by is not None:
        check_can_change(by, source)
    if file.size is not None and file.size > settings.MAX_UPLOAD_BYTES:
        raise ActionDenied(_too_large())
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not head:
        raise ActionDenied(_("Tệp rỗng. Hãy chọn lại tệp log."))
    if told := not_a_log(head):
        raise ActionDenied(_("Không nhận tệp này: nó %(told)s.") % {"told": told})
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
        _check_is_new(source, digest.hexdigest())
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
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ActionDenied(
            _("Máy chủ hết chỗ trên đĩa nên chưa nhận được tệp. Hãy báo quản trị hệ thống rồi tải lại sau.")
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return upload


def _check_is_new(source: LogSource, sha256: str) -> None:
    """The receiver knows the records of a file again for two days only; the file itself is known for ever."""
    for earlier in source.uploads.filter(sha256=sha256):
        if state_of(earlier) != "failed":
            raise ActionDenied(
                _(
                    "Đúng tệp này đã được tải lên nguồn này lúc %(time)s, không nhận lần nữa để log không bị tính hai lần."
                )
                % {"time": format_date(timezone.localtime(earlier.uploaded_at), "H:i d/m/Y")}
            )


def report_of(upload: Upload) -> dict[str, Any]:
    """What the files receiver says of a file; empty before it has looked, and when it has forgotten."""
    try:
        facts = orjson.loads((inbox_of(upload.source_id) / f"{upload.stored_name}.json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return facts if isinstance(facts, dict) else {}


def state_of(upload: Upload) -> str:
    """waiting · reading · done · failed; a report that is gone was of a file read long ago."""
    state = report_of(upload).get("state")
    if state in ("waiting", "reading", "done", "failed"):
        return str(state)
    return "waiting" if (inbox_of(upload.source_id) / upload.stored_name).exists() else "done"


def _too_large() -> str:
    return _("Tệp lớn hơn %(size)s. Hãy chia nhỏ hoặc nén lại rồi tải lên.") % {
        "size": filesizeformat(settings.MAX_UPLOAD_BYTES)
    }
