"""How operations are written down: a router for each area, whose verbs know their scope."""

from collections.abc import Callable
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Path, Router
from ninja.operation import Operation

from dekhang.apps.api.enums import READ, WRITE, Area
from dekhang.apps.api.rest.access import Bearer
from dekhang.apps.api.rest.paging import BIGGEST
from dekhang.apps.api.rest.problems import MEDIA_TYPE
from dekhang.apps.api.rest.renderer import Json
from dekhang.apps.api.rest.versions import etag_of

Id = Annotated[int, Path(ge=1, le=BIGGEST)]
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "một câu tiếng Việt: điều gì, vì sao, làm gì tiếp"},
        "errors": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    },
}
FAULTS = {
    "default": {"description": "Problem", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
}


class Operations(Router):
    """The operations of one area. An operation's name is `<area>.<function>`."""

    def __init__(self, area: Area) -> None:
        super().__init__(tags=[area.value])
        self.area = area

    def read(self, path: str, response: Any = None, **options: Any) -> Callable[..., Any]:
        return self._operation("GET", path, READ, response, options)

    def file(self, path: str, **options: Any) -> Callable[..., Any]:
        """A download: the file as the page gives it."""
        binary = {200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}
        return self._operation("GET", path, READ, {200: None}, options, binary)

    def create(self, path: str, response: Any, **options: Any) -> Callable[..., Any]:
        """Makes something, once for an `Idempotency-Key`: the function answers through `once`."""
        return self._operation("POST", path, WRITE, {201: response}, options)

    def do(self, path: str, response: Any = None, **options: Any) -> Callable[..., Any]:
        """A move of something that exists."""
        return self._operation("POST", path, WRITE, response or {204: None}, options)

    def change(self, path: str, response: Any, **options: Any) -> Callable[..., Any]:
        return self._operation("PUT", path, WRITE, response, options)

    def _operation(
        self,
        method: str,
        path: str,
        verb: str,
        response: Any,
        options: dict[str, Any],
        answers: dict[int, Any] | None = None,
    ) -> Callable[..., Any]:
        scope = f"{self.area.value}:{verb}"
        extra = {"responses": {**FAULTS, **(answers or {})}, "x-scope": scope}
        shape = {} if response is None else {"response": response}

        def added(function: Callable[..., Any]) -> Callable[..., Any]:
            summary, _line, more = (function.__doc__ or "").strip().partition("\n")
            words = {"summary": summary, "description": more.strip() or summary}
            return self.api_operation(
                [method], path, auth=Bearer(scope), openapi_extra=extra, **words, **shape, **options
            )(function)

        return added


class Rest(NinjaAPI):
    """Answers carry an ETag; the description names every fault and scope."""

    def __init__(self, **options: Any) -> None:
        super().__init__(renderer=Json(), docs_url=None, openapi_url=None, **options)

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return f"{(operation.tags or ['api'])[0]}.{operation.view_func.__name__}"

    def get_operation_url_name(self, operation: Operation, router: Router) -> str:
        return f"{router.tags[0] if router.tags else 'api'}.{operation.view_func.__name__}"

    def create_response(self, request: HttpRequest, data: Any, **options: Any) -> HttpResponse:
        response = super().create_response(request, data, **options)
        if request.method == "GET" and response.status_code == 200:
            response.headers["ETag"] = etag_of(response.content)
            if request.headers.get("If-None-Match") == response.headers["ETag"]:
                response.status_code = 304
                response.content = b""
        return response

    def get_openapi_schema(self, **options: Any) -> Any:
        schema = super().get_openapi_schema(**options)
        schema["components"]["schemas"]["Problem"] = PROBLEM
        return schema
