"""Tokens, and a client that calls with one."""

from datetime import timedelta
from typing import Any

import orjson
from django.test import Client

from dekhang.apps.api.enums import all_scopes
from dekhang.apps.api.models import AccessToken
from dekhang.apps.api.rest.access import throttle
from dekhang.apps.api.services import PREFIX, digest_of
from dekhang.apps.core import clock
from dekhang.apps.core.models import User


def token_of(user: User, *scopes: str, secret: str = "", **fields: Any) -> str:
    """A token with these scopes (all there are, also ones the account could not choose, when none is named); its secret."""
    number = AccessToken.objects.count()
    secret = secret or f"{PREFIX}thu-{number}"
    now = clock.now()
    facts = {"created_at": now, "expires_at": now + timedelta(days=30), "name": f"mã {number}", **fields}
    token = AccessToken.objects.create(
        user=user, scopes=list(scopes) or list(all_scopes()), digest=digest_of(secret), hint=secret[:10], **facts
    )
    throttle._counts.pop(token.pk, None)  # a row of an earlier test may have had this number
    return secret


class Caller:
    """`call.get("/units")`, `call.post("/alerts/1/acknowledge", {...})` with a token; paths are below /api/v1."""

    def __init__(self, secret: str) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {secret}"}

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        return self.client.get(f"/api/v1{path}", query_params=query, headers=self.headers | (headers or {}))

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        return self.client.generic(
            method,
            f"/api/v1{path}",
            b"" if body is None else _json(body),
            content_type="application/json",
            headers=self.headers | (headers or {}),
        )

    def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        return self.send("POST", path, body, headers)

    def put(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        return self.send("PUT", path, body, headers)

    def upload(self, path: str, headers: dict[str, str] | None = None, **fields: Any) -> Any:
        return self.client.post(f"/api/v1{path}", fields, headers=self.headers | (headers or {}))


def _json(body: Any) -> bytes:
    return body if isinstance(body, bytes) else orjson.dumps(body)
