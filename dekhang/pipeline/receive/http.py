"""The HTTP receiver: Elasticsearch's `_bulk` as shippers speak it, and NDJSON or plain lines.

A request is answered OK only after the fsync that covers its records. An RSGI application for granian.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import orjson

from dekhang.pipeline import wallclock
from dekhang.pipeline.formats.limits import RECORD_BYTES
from dekhang.pipeline.receive import elastic
from dekhang.pipeline.receive.auth import Refused, identify
from dekhang.pipeline.receive.body import WIRE_BYTES, BodyProblem, decode, too_large
from dekhang.pipeline.receive.bulk import (
    LINES,
    Bulk,
    Lines,
    answer_bulk,
    answer_document,
    ids_from_key,
    read_bulk,
    read_lines,
    sender_id,
)
from dekhang.pipeline.receive.lanes import Lanes
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.spool import Batch, SpoolError, SpoolFull
from dekhang.pipeline.stores.intake import IntakeMap, IntakeSource, normalise_ip
from dekhang.pipeline.stores.reasons import Reason

logger = logging.getLogger(__name__)

HELD_BYTES = 128 * 1024 * 1024  # of all bodies being received; beyond it senders are asked to wait
BODY_IDLE_SECONDS = 30.0
BODY_SECONDS = 300.0  # for a whole body, however steadily it drips
INLINE_BYTES = 64 * 1024  # larger bodies are taken apart in a thread
LARGE_AT_ONCE = 2  # of those; each may hold its 32 MB decoded
DRAIN_BYTES = 64 * 1024 * 1024  # read and forgotten after a refusal, so that the sender sees the answer
DRAIN_SECONDS = 5.0
RETRY_SECONDS = 5

Headers = list[tuple[str, str]]
_JSON = "application/json; charset=UTF-8"
_ELASTIC_JSON = "application/vnd.elasticsearch+json"


class Answer(Exception):
    """Ends a request early with a status and a sentence."""

    def __init__(self, status: int, sentence: str, *, headers: Headers | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers or []


class HttpReceiver:
    """One per process. Everything it shares is used from the event loop only."""

    def __init__(self, intake: IntakeMap, lanes: Lanes, refusals: Refusals) -> None:
        self._intake = intake
        self._lanes = lanes
        self._refusals = refusals
        self._held_bytes = 0
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._threads = ThreadPoolExecutor(LARGE_AT_ONCE, thread_name_prefix="body")
        self.requests = 0

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        self.requests += 1
        body = _Body(self, scope, protocol)
        try:
            status, answer, headers = await self._answer(scope, body)
        except Answer as early:
            status, answer, headers = early.status, elastic.error(early.status, str(early)), early.headers
        except TimeoutError:
            status, answer, headers = 408, elastic.error(408, "Chờ nội dung quá lâu; hãy gửi lại."), []
        except SpoolFull as full:
            status, answer, headers = 429, elastic.error(429, str(full)), [("retry-after", str(RETRY_SECONDS))]
        except SpoolError as error:
            logger.error("%s", error)
            status, answer, headers = 503, elastic.error(503, str(error)), [("retry-after", str(RETRY_SECONDS))]
        except Exception as error:
            if type(error).__name__ in ("RSGIProtocolClosed", "RSGIProtocolError"):  # the sender went away
                raise
            logger.exception("Lỗi khi nhận %s %s", scope.method, scope.path[:200])
            status, answer, headers = 500, elastic.error(500, "Máy nhận gặp lỗi; hãy gửi lại."), []
        finally:
            body.release()
        if status >= 400:
            await body.drain()
        if isinstance(answer, dict):
            answer = orjson.dumps(answer)
        accepts_elastic = _ELASTIC_JSON in (scope.headers.get("accept") or "")
        kind = _ELASTIC_JSON + ";compatible-with=8" if accepts_elastic else _JSON
        if isinstance(answer, str):
            answer, kind = answer.encode(), "text/plain; charset=UTF-8"
        headers = [("content-type", kind), ("x-elastic-product", "Elasticsearch"), *headers]
        if scope.method == "HEAD":
            protocol.response_empty(status, headers)
        else:
            protocol.response_bytes(status, headers, answer)

    async def _answer(self, scope: Any, body: _Body) -> tuple[int, dict[str, Any] | bytes | str, Headers]:
        method = scope.method
        parts = [part for part in scope.path.split("/") if part]  # granian has undone the percent signs
        if parts == ["healthz"] and method in ("GET", "HEAD"):
            return 200, {"status": "ok", "records": self._lanes.records}, []
        source = self._who(scope)
        kind = _kind_of(method, parts)
        if kind is None:
            found = elastic.answer(method, parts, scope.authority or scope.headers.get("host") or scope.server)
            if found is None:
                raise _not_for_us(method, scope.path)
            if method in ("PUT", "POST"):
                await body.drain()  # a template of 200 KB, of no use here
            return *found, []
        try:
            content = await body.read()
        except BodyProblem as problem:
            reason = Reason.OVERSIZE if problem.status == 413 else Reason.MALFORMED
            if problem.status == 429:
                reason = Reason.OVERLOADED
            self._refusals.add(source.source_id, reason, size_bytes=body.size_bytes, peer=_address_of(scope))
            raise Answer(problem.status, str(problem)) from problem
        if len(content) > INLINE_BYTES:
            async with self._large:
                return await self._take(kind, parts, scope, source, content)
        return await self._take(kind, parts, scope, source, content)

    def _who(self, scope: Any) -> IntakeSource:
        who = identify(self._intake, scope.headers.get)
        if isinstance(who, Refused):
            asked = f"{scope.method} {scope.path}".encode()
            self._refusals.add(who.source_id, who.reason, example=asked, peer=_address_of(scope))
            challenge: Headers = [("www-authenticate", 'Basic realm="dekhang", charset="UTF-8"')]
            raise Answer(who.status, who.sentence, headers=challenge if who.status == 401 else [])
        return who

    async def _take(
        self, kind: str, parts: list[str], scope: Any, source: IntakeSource, content: bytes
    ) -> tuple[int, dict[str, Any] | bytes | str, Headers]:
        if content.count(b"\n") > LINES:
            self._refusals.add(source.source_id, Reason.OVERSIZE, size_bytes=len(content), peer=_address_of(scope))
            raise Answer(413, f"Một lần gửi tối đa {LINES} dòng. Hãy giảm kích thước gói (bulk_max_size).")
        if kind == "bulk":
            return await self._take_bulk(parts, scope, source, content)
        if kind == "document":
            return await self._take_document(parts, scope, source, content)
        return await self._take_lines(scope, source, content)

    async def _take_bulk(
        self, parts: list[str], scope: Any, source: IntakeSource, content: bytes
    ) -> tuple[int, dict[str, Any] | bytes | str, Headers]:
        started = time.monotonic()
        bulk: Bulk = await self._in_thread(content, read_bulk, content, parts[0] if parts[0] != "_bulk" else "logs")
        for reason, refused in bulk.refused.items():
            self._refusals.add(
                source.source_id, reason, refused.records,
                size_bytes=refused.size_bytes, example=refused.example, peer=_address_of(scope),
            )  # fmt: skip
        key = scope.headers.get("idempotency-key")
        ids = bulk.ids
        if key and not any(ids):
            ids = ids_from_key(key, len(bulk.records))
        first_id = await self._store("http_bulk", scope, source, bulk.records, ids if any(ids) else None)
        took_ms = int((time.monotonic() - started) * 1000)
        filters = parse_qs(scope.query_string[:4096]).get("filter_path", [""])[0]
        lean = bool(filters) and not any(word in filters for word in ("_id", "_seq_no", "_index", "took", "*.*.*"))
        answer = await self._in_thread(content, lambda: answer_bulk(bulk, first_id, took_ms, lean=lean))
        return 200, answer, []

    async def _take_document(
        self, parts: list[str], scope: Any, source: IntakeSource, content: bytes
    ) -> tuple[int, dict[str, Any] | bytes | str, Headers]:
        index, doc_id = parts[0], "/".join(parts[2:]) or None  # an id may hold slashes
        content = content.strip()
        if not content or len(content) > RECORD_BYTES:
            reason = Reason.OVERSIZE if content else Reason.MALFORMED
            self._refusals.add(source.source_id, reason, size_bytes=len(content), peer=_address_of(scope))
            if content:
                raise Answer(413, f"Bản ghi dài {len(content)} byte, quá giới hạn {RECORD_BYTES}.")
            raise Answer(400, "Yêu cầu không có nội dung; hãy gửi một bản ghi JSON.")
        ids = [sender_id(index, doc_id)] if doc_id else None
        key = scope.headers.get("idempotency-key")
        if key and ids is None:
            ids = [one for one in ids_from_key(key, 1) if one]
        first_id = await self._store("http_bulk", scope, source, [content], ids)
        return 201, answer_document(index, doc_id, first_id), []

    async def _take_lines(
        self, scope: Any, source: IntakeSource, content: bytes
    ) -> tuple[int, dict[str, Any] | bytes | str, Headers]:
        lines: Lines = await self._in_thread(content, read_lines, content)
        self._refusals.add(
            source.source_id, Reason.OVERSIZE, lines.oversize, size_bytes=lines.oversize_bytes, peer=_address_of(scope)
        )
        key = scope.headers.get("idempotency-key")
        ids = ids_from_key(key, len(lines.records)) if key else None
        await self._store("http_ndjson", scope, source, lines.records, ids)
        return 200, {"accepted": len(lines.records), "truncated": lines.oversize}, []

    async def _store(self, transport: str, scope: Any, source: IntakeSource, records: list[bytes], ids: Any) -> int:
        if not records:
            return 0
        batch = Batch(
            source.source_id, source.unit_id, source.kind, transport, wallclock.now_ms(), _address_of(scope),
            records, ids,
        )  # fmt: skip
        try:
            return await self._lanes.commit(batch)
        except SpoolError as error:
            self._refusals.add(source.source_id, error.reason, len(records), peer=_address_of(scope))
            raise

    async def _in_thread(self, content: bytes, work: Any, *args: Any) -> Any:
        if len(content) <= INLINE_BYTES:
            return work(*args)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)


class _Body:
    """The body of one request: read within bounds, or drained."""

    def __init__(self, receiver: HttpReceiver, scope: Any, protocol: Any) -> None:
        self._receiver = receiver
        self._scope = scope
        self._protocol = protocol
        self._chunks: AsyncIterator[bytes] | None = None  # granian lets a body be asked for once
        self._ended = False
        self.size_bytes = 0

    async def _next(self) -> bytes:
        """The next chunk, empty at the end."""
        if self._chunks is None:
            self._chunks = aiter(self._protocol)
        chunk = b""
        try:
            while not chunk:
                chunk = await self._chunks.__anext__()  # anext(…, default) crashes CPython 3.11 on granian's awaitable
        except StopAsyncIteration:
            return b""
        return chunk

    async def read(self) -> bytes:
        """The whole body, decoded.

        Raises:
            BodyProblem: 400 damaged, 413 too much, 415 unknown encoding, 429 too many bodies at once.
            TimeoutError: nothing came for BODY_IDLE_SECONDS, or it took longer than BODY_SECONDS.
        """
        headers = self._scope.headers
        announced = headers.get("content-length") or ""
        if announced.isdigit() and int(announced) > WIRE_BYTES:
            raise too_large(WIRE_BYTES)
        parts: list[bytes] = []
        clock = asyncio.get_running_loop().time
        async with asyncio.timeout(BODY_IDLE_SECONDS) as patience:
            deadline = clock() + BODY_SECONDS
            while chunk := await self._next():
                patience.reschedule(min(clock() + BODY_IDLE_SECONDS, deadline))
                self._hold(len(chunk))
                if self.size_bytes > WIRE_BYTES:
                    raise too_large(WIRE_BYTES)
                parts.append(chunk)
        self._ended = True
        wire = b"".join(parts)
        encoding = headers.get("content-encoding") or ""
        if not encoding and wire[:2] == b"\x1f\x8b":  # some senders forget to say so
            encoding = "gzip"
        if not encoding:
            return wire
        async with self._receiver._large:
            content = await asyncio.get_running_loop().run_in_executor(self._receiver._threads, decode, wire, encoding)
            self._hold(len(content))  # many small bodies that unpack to 32 MB each count as what they have become
            return content

    def _hold(self, size_bytes: int) -> None:
        self.size_bytes += size_bytes
        self._receiver._held_bytes += size_bytes
        if self._receiver._held_bytes > HELD_BYTES:
            raise BodyProblem(429, "Máy nhận đang bận vì quá nhiều gói đến cùng lúc; hãy gửi lại sau vài giây.")

    def release(self) -> None:
        self._receiver._held_bytes -= self.size_bytes
        self.size_bytes = 0

    async def drain(self) -> None:
        """Read and forget the rest, so that the sender gets to read our answer instead of a broken connection."""
        if self._ended or self._scope.method in ("GET", "HEAD"):
            return
        seen = 0
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while chunk := await self._next():
                    seen += len(chunk)
                    if seen > DRAIN_BYTES:
                        return
        except Exception:  # noqa: S110 - whatever is wrong with the rest, nobody wants it
            pass


def _address_of(scope: Any) -> str:
    """The sender's IP; its port changes with every connection and would only split counts."""
    return normalise_ip(scope.client.rpartition(":")[0].strip("[]"))


def _kind_of(method: str, parts: list[str]) -> str | None:
    """bulk, lines or document when the request carries logs, else None."""
    if method not in ("POST", "PUT"):
        return None
    if parts and parts[-1] == "_bulk" and len(parts) <= 3:  # /_bulk, /index/_bulk, /index/type/_bulk
        return "bulk"
    if not parts or parts == ["ndjson"]:
        return "lines"
    if len(parts) >= 2 and parts[1] in ("_doc", "_create") and not parts[0].startswith("_"):
        return "document"
    if method == "POST" and len(parts) in (2, 3) and not any(part.startswith("_") for part in parts):
        return "document"  # /index/type, as senders for Elasticsearch 6 write
    return None


def _not_for_us(method: str, path: str) -> Answer:
    if method == "DELETE":
        return Answer(405, "Nhật ký chỉ được thêm, không được sửa hay xóa.")
    return Answer(
        404,
        f"Địa chỉ {path[:200]} ({method}) không có ở cổng nhận nhật ký. Hãy gửi tới /_bulk (kiểu Elasticsearch) "
        "hoặc /ndjson (mỗi dòng một bản ghi).",
    )
