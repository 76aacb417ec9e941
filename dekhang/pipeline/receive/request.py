"""One HTTP request as the dialects see it, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs

from dekhang.pipeline.receive.https import Peer
from dekhang.pipeline.stores.intake import IntakeSource, normalise_ip
from dekhang.pipeline.stores.reasons import Reason

QUERY_CHARS = 4096

Headers = list[tuple[str, str]]


class Request:
    """Facts of a request; `peer` is the sender, also when its TLS was taken off before us."""

    def __init__(self, scope: Any, peers: Mapping[str, Peer]) -> None:
        self.scope = scope
        self.method: str = scope.method
        self.path: str = scope.path
        self.parts = [part for part in self.path.split("/") if part]  # granian has undone the percent signs
        # the sender's IP; its port changes with every connection and would only split counts
        self.peer = peers.get(scope.client) or Peer(normalise_ip(scope.client.rpartition(":")[0].strip("[]")), "")
        self._query: dict[str, list[str]] | None = None

    def header(self, name: str) -> str | None:
        value: str | None = self.scope.headers.get(name)
        return value

    def query(self, name: str) -> str:
        """The first value of a parameter, "" when it is absent."""
        if self._query is None:
            try:
                self._query = parse_qs((self.scope.query_string or "")[:QUERY_CHARS], max_num_fields=50)
            except ValueError:
                self._query = {}
        return self._query.get(name, [""])[0]


@dataclass(slots=True)
class Reply:
    """Status, body (an object becomes JSON, text is sent as it is) and headers."""

    status: int
    body: dict[str, Any] | bytes | str
    headers: Headers = field(default_factory=list)
    kind: str = ""  # content type; empty: the dialect's own


class Answer(Exception):
    """Ends a request early with a status and a sentence; `reason` says what was refused, for dialects with codes."""

    def __init__(
        self, status: int, sentence: str, *, headers: Headers | None = None, reason: Reason | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers or []
        self.reason = reason


class Desk(Protocol):
    """What a dialect may ask of the receiver."""

    async def store(
        self,
        transport: str,
        request: Request,
        source: IntakeSource,
        records: list[bytes],
        ids: list[bytes | None] | None = None,
    ) -> int:
        """The event id of the first record once all are safe; 0 when there are none. Raises SpoolFull, SpoolError."""
        ...

    def refuse(
        self,
        source_id: int,
        reason: Reason,
        records: int,
        request: Request,
        *,
        size_bytes: int = 0,
        example: bytes = b"",
    ) -> None: ...

    async def in_thread(self, content: bytes, work: Any, *args: Any) -> Any:
        """`work(*args)`, in a thread when `content` is large."""
        ...

    @property
    def records(self) -> int:
        """Taken since start."""
        ...

    def is_full(self) -> bool:
        """Would records be refused now, for want of room?"""
        ...


class Dialect(Protocol):
    """One way in which senders speak HTTP."""

    def asks_without_token(self, request: Request) -> bool:
        """May this be answered without knowing who asks (a health check)?"""
        ...

    def takes(self, request: Request) -> bool:
        """Does the request carry logs? Only then is its body read."""
        ...

    def answer(self, request: Request, desk: Desk) -> Reply | None:
        """To a request that carries none; None when we do not know it."""
        ...

    async def take(self, request: Request, source: IntakeSource, content: bytes, desk: Desk) -> Reply: ...

    def error(self, request: Request, early: Answer) -> Reply: ...

    def headers(self, request: Request) -> Headers:
        """Of every answer; the content type of objects among them."""
        ...
