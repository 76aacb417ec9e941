"""`Idempotency-Key`: a call that is sent again, because the answer was lost, makes nothing twice."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Schema
from ninja.responses import Status

from dekhang.apps.api.models import IdempotentCall
from dekhang.apps.api.rest.problems import Invalid, Problem
from dekhang.apps.api.rest.renderer import render
from dekhang.apps.core import clock

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEPT = timedelta(hours=24)


def once(request: HttpRequest, make: Callable[[], Schema], *, secret: str = "") -> Status[Any] | HttpResponse:
    """201 with what `make` made, or the answer of the same call before. Without the header it is simply done.

    The key, what was made and the answer are one transaction: after a crash there is all of it or nothing.

    Args:
        secret: a field of the answer that is told only the first time and not kept.
    Raises:
        Problem: 409, the first call is still being done. Invalid: the key was used for something else.
    """
    key = request.headers.get(HEADER, "")
    if not key:
        return Status(201, make())
    if len(key) > 100 or not key.isprintable():
        raise Invalid({HEADER: [_("Khóa dài nhất 100 ký tự in được.")]})
    digest = _digest(request)
    try:
        with transaction.atomic():
            call = IdempotentCall.objects.create(
                user=request.user, key=key, request_digest=digest, created_at=clock.now()
            )
            made = make()
            kept = made.model_dump(mode="json", exclude={secret} if secret else None)
            IdempotentCall.objects.filter(pk=call.pk).update(answer=kept)
            return Status(201, made)
    except IntegrityError:
        before = IdempotentCall.objects.filter(user=request.user, key=key).first()
        if before is None:  # it was another constraint
            raise
    if before.request_digest != digest:
        raise Invalid({HEADER: [_("Khóa này đã dùng cho một yêu cầu khác. Mỗi yêu cầu mới cần một khóa mới.")]})
    if before.answer is None:
        raise Problem(409, _("Yêu cầu này đang được làm. Hỏi lại sau ít giây."), Retry_After="2")
    kept = before.answer | ({secret: ""} if secret else {})
    return HttpResponse(render(kept), status=201, content_type="application/json", headers={REPLAYED: "true"})


def _digest(request: HttpRequest) -> str:
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode())
    if request.content_type == "multipart/form-data":
        for name in sorted(request.POST):
            digest.update(f"{name}={request.POST.getlist(name)}\n".encode())
        for name in sorted(request.FILES):
            for chunk in request.FILES[name].chunks():
                digest.update(chunk)
            request.FILES[name].seek(0)
    else:
        digest.update(request.body)
    return digest.hexdigest()


def forget_old_calls() -> int:
    return IdempotentCall.objects.filter(created_at__lt=clock.now() - KEPT).delete()[0]
