"""The reference page of the API: how to call, written here; every operation, from the API itself."""

from typing import Any

ABOUT = """# API

Made by `./dk docs` from `dekhang/apps/api/rest` and `tests/docs_api.py`. For people who connect a program: [guide](../guides/integrate.md).

Base address: `/api/v1/`; OpenAPI 3.1 at `/api/v1/openapi.json` (no token needed). Every operation calls the same selectors and services
as the pages do: what a page refuses, the API refuses with the same sentence.

| | |
|---|---|
| who calls | `Authorization: Bearer dkapi_…`. A token acts as its account, live: closed account, lost post, revoked or expired token → nothing. Cookies of pages are not looked at |
| scopes | `<area>:read`, `<area>:write`; writing includes reading. An operation's scope stands in the tables below and in `x-scope` |
| addresses | a token may be bound to networks; they are compared with the address of the connection |
| throttle | `DK_API_CALLS_PER_MINUTE` calls of a token in a minute, counted in each web process; then 429 with `Retry-After` in seconds |
| bounds | JSON ≤ 1 MB, files as on the pages (`413`), lists ≤ 200 rows |
| lists | `{"rows": […], "next": "…"}`; give `next` back as `cursor`; `null`: that was all |
| errors | `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail` (a sentence in Vietnamese), `errors` (field → sentences) |
| 403 and 404 | 404 is also what exists and is somebody else's; 403 is what the account sees and may not do now |
| `Idempotency-Key` | on operations that make something (POST → 201): the same key and body within 24 hours get the first answer and make nothing; another body: 422; still being done: 409. What it made and the key are one transaction. A secret in the answer is told the first time only |
| `ETag` | on every GET; `If-None-Match` → 304. PUT operations take `If-Match`: 412 when somebody changed it meanwhile |
| times | RFC 3339 in UTC (`2019-12-10T02:00:00Z`); dates (`day`) are days of the installation's time zone |
| bodies | have the fields of the page's form and are checked by it |
"""


def api_page() -> str:
    from dekhang.apps.api.enums import Area
    from dekhang.apps.api.rest.routes import rest

    schema = rest.get_openapi_schema(path_prefix="")
    parts = [ABOUT]
    for area in Area:
        rows = list(_rows(schema, area.value))
        if rows:
            parts += [
                f"## {area.value}",
                "",
                str(area.label),
                "",
                "| operation | call | scope | what |",
                "|---|---|---|---|",
                *rows,
                "",
            ]
    return "\n".join([*parts, *_coverage()])


def _rows(schema: dict[str, Any], area: str) -> Any:
    for path, methods in schema["paths"].items():
        for method, told in methods.items():
            if area in told["tags"]:
                yield f"| `{told['operationId']}` | `{method.upper()} {path}` | `{told['x-scope']}` | {told['summary']} |"


def _coverage() -> list[str]:
    from dekhang.apps.api.coverage import PAGES

    return [
        "## Pages and their operations",
        "",
        "| page | operations, or why none |",
        "|---|---|",
        *(
            f"| `{page}` | {done if isinstance(done, str) else ', '.join(f'`{name}`' for name in done)} |"
            for page, done in PAGES.items()
        ),
        "",
    ]
