"""Everything under /api/v1/."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path

from dekhang.apps.api.rest.access import open_to_tokens
from dekhang.apps.api.rest.areas import (
    accounts,
    alerts,
    board,
    briefings,
    cascade,
    contacts,
    duties,
    incidents,
    inspections,
    networks,
    observed,
    oscal,
    people,
    plans,
    registry,
    reports,
    retention,
    search,
    sources,
    supporting,
)
from dekhang.apps.api.rest.building import Rest
from dekhang.apps.api.rest.problems import answer, not_found, speak_problems

AREAS = (
    *(board.operations, duties.operations, supporting.operations, registry.operations, accounts.posts),
    *(contacts.operations, networks.operations, observed.operations, people.operations, sources.operations),
    *(alerts.operations, incidents.operations, search.operations, retention.operations, accounts.operations),
    *(accounts.log, oscal.operations, plans.operations, cascade.operations, briefings.operations),
    *(inspections.operations, reports.operations),
)
rest = Rest(
    title="Đề Kháng",
    version="1",
    urls_namespace="rest",
    description="Mọi việc mà các trang làm được. Mã truy cập hành động như tài khoản của nó, trong phạm vi các quyền đã chọn.",
)
for operations in AREAS:
    rest.add_router("", operations)
speak_problems(rest)


def described(request: HttpRequest) -> JsonResponse:
    """The OpenAPI document: for everybody, it says nothing of this installation."""
    return JsonResponse(rest.get_openapi_schema(path_prefix="/api/v1/"), json_dumps_params={"ensure_ascii": False})


def nothing_here(request: HttpRequest, rest: str = "") -> HttpResponse:
    return answer(not_found())


def _urls() -> list[URLPattern]:
    patterns = [
        *rest.urls[0][:-1],
        path("openapi.json", described, name="openapi"),
        path("<path:rest>", nothing_here, name="nothing"),
    ]
    for pattern in patterns:
        pattern.callback = open_to_tokens(pattern.callback)
    return patterns


app_name = "rest"
urlpatterns = _urls()
