"""`ETag` and `If-Match`: who changes something says which version they have read."""

import hashlib
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Schema

from dekhang.apps.api.rest.problems import Problem
from dekhang.apps.api.rest.renderer import render


def etag_of(content: bytes) -> str:
    return f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def check_unchanged(request: HttpRequest, now: bytes) -> None:
    """Refuse when `If-Match` names another version than the one that stands now. Without the header nothing is asked.

    Args:
        now: the body that a GET of the thing would answer.
    """
    wanted = request.headers.get("If-Match", "")
    if wanted and wanted != "*" and etag_of(now) not in {part.strip() for part in wanted.split(",")}:
        raise Problem(412, _("Mục này vừa được người khác sửa. Đọc lại bản mới rồi sửa tiếp."))


def rendered(schema: type[Schema], value: Any) -> bytes:
    """`value` as the API would write it."""
    return render(schema.model_validate(value).model_dump())
