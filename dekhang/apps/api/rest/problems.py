"""Errors as problem+json (RFC 9457), each with the sentence that a page would show."""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from orjson import dumps

from dekhang.apps.duties.documents import DocumentRefused
from dekhang.law import UnknownKey

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "bad_request",
    401: "unauthorized",
    403: "denied",
    404: "not_found",
    409: "conflict",
    412: "changed_meanwhile",
    413: "too_large",
    422: "invalid",
    429: "too_many_requests",
    500: "broken",
}


class Problem(Exception):
    """Answer with this status and sentence. `errors`: field → sentences; `headers` go on the answer."""

    def __init__(self, status: int, detail: str, *, errors: dict[str, list[str]] | None = None, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors = status, detail, errors or {}
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Invalid(Problem):
    """What was sent cannot be used: 422."""

    def __init__(self, errors: dict[str, list[str]], detail: str = "") -> None:
        super().__init__(422, detail or _("Dữ liệu gửi lên chưa dùng được; xem từng trường ở “errors”."), errors=errors)

    @classmethod
    def of(cls, form: BaseForm) -> "Invalid":
        return cls({("" if name == "__all__" else name): list(map(str, told)) for name, told in form.errors.items()})


def answer(problem: Problem) -> HttpResponse:
    body: dict[str, Any] = {
        "type": f"urn:dekhang:problem:{TITLES.get(problem.status, 'bad_request')}",
        "title": TITLES.get(problem.status, "bad_request"),
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = problem.errors
    response = HttpResponse(dumps(body), status=problem.status, content_type=MEDIA_TYPE)
    for name, value in problem.headers.items():
        response.headers[name] = value
    return response


def not_found() -> Problem:
    """Also for what exists and is somebody else's: which of both is nobody's business."""
    return Problem(404, _("Không có mục này, hoặc tài khoản của mã không xem được."))


# what pydantic says in English, by its own code
_WORDS = {
    "missing": "Thiếu trường này.",
    "extra_forbidden": "Không có trường nào tên như vậy.",
    "string_too_long": "Dài quá giới hạn.",
    "json_invalid": "Không phải JSON hợp lệ.",
}


def _of_schema(error: ValidationError) -> Problem:
    told: dict[str, list[str]] = {}
    for one in error.errors[:50]:
        place = ".".join(str(part) for part in one["loc"][1:] if part != "body")[:200]
        told.setdefault(place, []).append(
            _WORDS.get(one["type"], _("Giá trị không đúng dạng mong đợi (%(code)s).") % {"code": one["type"]})
        )
    return Invalid(told)


def _of_http(error: HttpError) -> Problem:
    if isinstance(error, AuthenticationError):
        return unauthorized()
    return Problem(error.status_code, _("Không đọc được thân yêu cầu: phải là JSON đúng chuẩn, mã hóa UTF-8."))


def unauthorized() -> Problem:
    return Problem(
        401,
        _("Mã truy cập thiếu, sai, hết hạn hoặc đã bị thu hồi. Gửi “Authorization: Bearer dkapi_…”."),
        WWW_Authenticate="Bearer",
    )


def _of_bug(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.exception("API %s %s failed", request.method, request.path)
    return answer(Problem(500, _("Hệ thống gặp lỗi khi làm việc này và đã ghi lại. Thử lại sau ít phút.")))


def speak_problems(api: NinjaAPI) -> None:
    """Teach the API every error that services, selectors and forms may raise."""

    def told(kind: type[Exception], make: Any) -> None:
        api.add_exception_handler(kind, lambda request, error: answer(make(error)))

    api.add_exception_handler(Exception, _of_bug)
    told(Problem, lambda error: error)
    told(PermissionDenied, lambda error: Problem(403, str(error)))
    told(Http404, lambda error: not_found())
    told(UnknownKey, lambda error: not_found())
    told(DocumentRefused, lambda error: Invalid({"file": [str(error)]}))
    told(ValidationError, _of_schema)
    told(HttpError, _of_http)
    for kind in (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent):
        told(kind, lambda error: too_large())


def too_large() -> Problem:
    return Problem(413, _("Yêu cầu lớn quá giới hạn của API. Chia nhỏ rồi gửi lại."))
