"""What the receivers fetch for a source by themselves: followed files, drop folders, a bucket. The administrator's matter."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.sources.enums import AuditAction, SourceState
from dekhang.apps.sources.models import LogSource
from dekhang.apps.sources.services.connection import set_fields
from dekhang.pipeline.stores.intake import Bucket

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@transaction.atomic
def set_feeds(
    *, source: LogSource, tail_paths: Sequence[str], folders: Sequence[str], bucket: Bucket | None, by: User | None
) -> LogSource:
    """Have the receivers read these places of the host where they run; empty: none. The bucket's secret lies there, too.

    Raises:
        ActionDenied: a place cannot be read that way, or the source is retired.
    """
    if source.state == SourceState.RETIRED:
        raise ActionDenied(_("Nguồn này đã ngừng. Hãy dùng lại nguồn trước khi sửa."))
    for path in (*tail_paths, *folders):
        _check_path(path)
    if bucket is not None:
        _check_bucket(bucket)
    wanted = {
        "tail_paths": list(tail_paths),
        "folders": list(folders),
        "bucket": asdict(bucket) if bucket is not None else None,
    }
    return set_fields(source, wanted, action=AuditAction.SOURCE_FEEDS_SET, by=by)


def _check_path(path: str) -> None:
    if not Path(path).is_absolute() or ".." in Path(path).parts:
        raise ActionDenied(_("%(path)s phải là đường dẫn đầy đủ, bắt đầu bằng /.") % {"path": path})
    own = Path(settings.DATA).resolve()
    if own == Path(path).resolve() or own in Path(path).resolve().parents:
        raise ActionDenied(
            _("%(path)s nằm trong thư mục dữ liệu của hệ thống; hãy dùng thư mục khác.") % {"path": path}
        )


def _check_bucket(bucket: Bucket) -> None:
    if not _BUCKET_NAME.fullmatch(bucket.name):
        raise ActionDenied(_("%(name)s không phải tên một kho S3.") % {"name": bucket.name[:80]})
    if bucket.endpoint:
        address = urlsplit(bucket.endpoint)
        if address.scheme not in ("http", "https") or not address.hostname or address.username:
            raise ActionDenied(
                _("Địa chỉ kho %(address)s phải có dạng https://máy[:cổng].") % {"address": bucket.endpoint[:80]}
            )
    if bucket.every_seconds < 1:
        raise ActionDenied(_("Khoảng cách giữa hai lần nhìn vào kho tính bằng giây, từ 1 trở lên."))
