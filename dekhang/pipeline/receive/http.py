"""The HTTP receiver: reads requests within bounds, finds the source, hands them to the dialect that they are in.

Dialects: Elasticsearch's `_bulk` with NDJSON and plain lines (`elastic`), Splunk's HEC (`hec`), OpenTelemetry's OTLP
(`otlp`). A request is answered OK only after the fsync that covers its records. An RSGI application for granian.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from dekhang.pipeline import wallclock
from dekhang.pipeline.receive.auth import Refused, identify
from dekhang.pipeline.receive.body import Body, BodyProblem, Held
from dekhang.pipeline.receive.bulk import LINES, TooManyLines
from dekhang.pipeline.receive.elastic import Elastic
from dekhang.pipeline.receive.hec import Hec
from dekhang.pipeline.receive.https import Peer
from dekhang.pipeline.receive.lanes import Lanes
from dekhang.pipeline.receive.otlp import SIGNALS, Otlp
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.receive.request import Answer, Dialect, Headers, Reply, Request
from dekhang.pipeline.spool import Batch, SpoolError, SpoolFull
from dekhang.pipeline.stores.intake import IntakeMap, IntakeSource
from dekhang.pipeline.stores.reasons import Reason

logger = logging.getLogger(__name__)

INLINE_BYTES = 64 * 1024  # larger bodies are taken apart in a thread
LARGE_AT_ONCE = 2  # of those; each may hold its 32 MB decoded
RETRY_SECONDS = 5

_LATER: Headers = [("retry-after", str(RETRY_SECONDS))]
_TEXT = "text/plain; charset=UTF-8"


class HttpReceiver:
    """One per process. Everything it shares is used from the event loop only.

    Args:
        peers: who is behind connections from our own HTTPS front.
        is_full: asked by health checks: would records be refused now?
    """

    def __init__(
        self,
        intake: IntakeMap,
        lanes: Lanes,
        refusals: Refusals,
        *,
        peers: Mapping[str, Peer] | None = None,
        is_full: Callable[[], bool] = bool,
    ) -> None:
        self._intake = intake
        self._lanes = lanes
        self._refusals = refusals
        self._peers = {} if peers is None else peers
        self.is_full = is_full
        self._elastic = Elastic()
        self._hec = Hec()
        self._otlp = Otlp()
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._threads = ThreadPoolExecutor(LARGE_AT_ONCE, thread_name_prefix="body")
        self._held = Held(self._large, self._threads)
        self.requests = 0

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        self.requests += 1
        request = Request(scope, self._peers)
        dialect = self._dialect_of(request.parts)
        body = Body(self._held, scope, protocol)
        try:
            reply = await self._reply(request, dialect, body)
        except Answer as early:
            reply = dialect.error(request, early)
        except TimeoutError:
            reply = dialect.error(request, Answer(408, "Chờ nội dung quá lâu; hãy gửi lại."))
        except SpoolFull as full:
            reply = dialect.error(request, Answer(429, str(full), headers=_LATER, reason=full.reason))
        except SpoolError as error:
            logger.error("%s", error)
            reply = dialect.error(request, Answer(503, str(error), headers=_LATER, reason=error.reason))
        except Exception as error:
            if type(error).__name__ in ("RSGIProtocolClosed", "RSGIProtocolError"):  # the sender went away
                raise
            logger.exception("Lỗi khi nhận %s %s", request.method, request.path[:200])
            reply = dialect.error(request, Answer(500, "Máy nhận gặp lỗi; hãy gửi lại."))
        finally:
            body.release()
        if reply.status >= 400:
            await body.drain()
        content = orjson.dumps(reply.body) if isinstance(reply.body, dict) else reply.body
        headers = dict(dialect.headers(request))
        if isinstance(content, str):
            content, headers["content-type"] = content.encode(), _TEXT
        if reply.kind:
            headers["content-type"] = reply.kind
        if request.method == "HEAD":
            protocol.response_empty(reply.status, [*headers.items(), *reply.headers])
        else:
            protocol.response_bytes(reply.status, [*headers.items(), *reply.headers], content)

    def _dialect_of(self, parts: list[str]) -> Dialect:
        if parts[:2] == ["services", "collector"]:
            return self._hec
        if len(parts) == 2 and parts[0] == "v1" and parts[1] in SIGNALS:
            return self._otlp
        return self._elastic

    async def _reply(self, request: Request, dialect: Dialect, body: Body) -> Reply:
        source = None if dialect.asks_without_token(request) else self._who(request)
        if source is None or not dialect.takes(request):
            found = dialect.answer(request, self)
            if found is None:
                if source is not None and request.method in ("PUT", "POST"):
                    self.refuse(source.source_id, Reason.WRONG_ADDRESS, 1, request, example=request.path.encode())
                raise _not_for_us(request.method, request.path)
            if request.method in ("PUT", "POST"):
                await body.drain()  # a template of 200 KB, of no use here
            return found
        try:
            content = await body.read()
        except BodyProblem as problem:
            reason = Reason.OVERSIZE if problem.status == 413 else Reason.MALFORMED
            if problem.status == 429:
                reason = Reason.OVERLOADED
            self.refuse(source.source_id, reason, 1, request, size_bytes=body.size_bytes)
            headers = _LATER if problem.status == 429 else []
            raise Answer(problem.status, str(problem), headers=headers, reason=reason) from problem
        except TimeoutError:
            self.refuse(source.source_id, Reason.TIMED_OUT, 1, request, size_bytes=body.size_bytes)
            raise
        try:
            if len(content) > INLINE_BYTES:
                async with self._large:
                    return await dialect.take(request, source, content, self)
            return await dialect.take(request, source, content, self)
        except TooManyLines as error:
            self.refuse(source.source_id, Reason.OVERSIZE, 1, request, size_bytes=len(content))
            sentence = f"Một lần gửi tối đa {LINES} dòng. Hãy giảm kích thước gói (bulk_max_size)."
            raise Answer(413, sentence, reason=Reason.OVERSIZE) from error
        except (Answer, SpoolError):  # whoever raised them has counted
            raise
        except Exception:
            self.refuse(source.source_id, Reason.FAULT, 1, request, size_bytes=len(content))
            raise

    def _who(self, request: Request) -> IntakeSource:
        who = identify(self._intake, request.header, request.peer.certificate)
        if isinstance(who, Refused):
            example = f"{request.method} {request.path}"
            if who.reason is Reason.UNKNOWN_CERTIFICATE:
                example = request.peer.certificate
            self.refuse(who.source_id, who.reason, 1, request, example=example.encode())
            challenge: Headers = [("www-authenticate", 'Basic realm="dekhang", charset="UTF-8"')]
            raise Answer(who.status, who.sentence, headers=challenge if who.status == 401 else [], reason=who.reason)
        return who

    # -- what dialects may ask: see request.Desk

    async def store(
        self,
        transport: str,
        request: Request,
        source: IntakeSource,
        records: list[bytes],
        ids: list[bytes | None] | None = None,
    ) -> int:
        if not records:
            return 0
        batch = Batch(
            source.source_id, source.unit_id, source.kind, transport, wallclock.now_ms(), request.peer.ip, records, ids
        )
        try:
            return await self._lanes.commit(batch)
        except SpoolError as error:
            self.refuse(source.source_id, error.reason, len(records), request)
            raise

    def refuse(
        self,
        source_id: int,
        reason: Reason,
        records: int,
        request: Request,
        *,
        size_bytes: int = 0,
        example: bytes = b"",
    ) -> None:
        self._refusals.add(source_id, reason, records, size_bytes=size_bytes, example=example, peer=request.peer.ip)

    async def in_thread(self, content: bytes, work: Any, *args: Any) -> Any:
        if len(content) <= INLINE_BYTES:
            return work(*args)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)

    @property
    def records(self) -> int:
        return self._lanes.records


def _not_for_us(method: str, path: str) -> Answer:
    if method == "DELETE":
        return Answer(405, "Nhật ký chỉ được thêm, không được sửa hay xóa.")
    return Answer(
        404,
        f"Địa chỉ {path[:200]} ({method}) không có ở cổng nhận nhật ký. Hãy gửi tới /_bulk (kiểu Elasticsearch), "
        "/services/collector (kiểu Splunk HEC), /v1/logs (OpenTelemetry) hoặc /ndjson (mỗi dòng một bản ghi).",
    )
