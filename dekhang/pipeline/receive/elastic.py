"""Elasticsearch's dialect: `_bulk`, documents, NDJSON and plain lines; and the questions that shippers ask before they send.

Filebeat and Winlogbeat (7, 8), Logstash, rsyslog and the Python client look at version, licence, nodes, templates,
lifecycle policies, data streams and pipelines. There is nothing to set up here, so everything exists already and
every set-up request is accepted. Facts: Elastic's REST reference and what those programs really sent in our tests.
"""

from __future__ import annotations

import time
from typing import Any

from dekhang.pipeline.formats.limits import RECORD_BYTES
from dekhang.pipeline.receive.bulk import (
    Bulk,
    Lines,
    answer_bulk,
    answer_document,
    check_lines,
    ids_from_key,
    read_bulk,
    read_lines,
    sender_id,
)
from dekhang.pipeline.receive.request import Answer, Desk, Headers, Reply, Request
from dekhang.pipeline.stores.intake import IntakeSource
from dekhang.pipeline.stores.reasons import Reason

# Beats refuse a cluster older than themselves; no 8.x release will be newer than this
VERSION = "8.99.0"

_UID = "8e0b1c9a-0000-4000-8000-64656b68616e"
_SHARDS = {"total": 1, "successful": 1, "failed": 0}


_ELASTIC_JSON = "application/vnd.elasticsearch+json"


class Elastic:
    """See request.Dialect."""

    def asks_without_token(self, request: Request) -> bool:
        return request.parts == ["healthz"] and request.method in ("GET", "HEAD")

    def takes(self, request: Request) -> bool:
        return _kind_of(request.method, request.parts) is not None

    def answer(self, request: Request, desk: Desk) -> Reply | None:
        if self.asks_without_token(request):
            return Reply(200, {"status": "ok", "records": desk.records})
        scope = request.scope
        found = answer(request.method, request.parts, scope.authority or request.header("host") or scope.server)
        return Reply(*found) if found is not None else None

    async def take(self, request: Request, source: IntakeSource, content: bytes, desk: Desk) -> Reply:
        check_lines(content)
        kind = _kind_of(request.method, request.parts)
        if kind == "bulk":
            return await self._take_bulk(request, source, content, desk)
        if kind == "document":
            return await self._take_document(request, source, content, desk)
        return await self._take_lines(request, source, content, desk)

    async def _take_bulk(self, request: Request, source: IntakeSource, content: bytes, desk: Desk) -> Reply:
        started = time.monotonic()
        index = request.parts[0] if request.parts[0] != "_bulk" else "logs"
        bulk: Bulk = await desk.in_thread(content, read_bulk, content, index)
        for reason, refused in bulk.refused.items():
            desk.refuse(
                source.source_id, reason, refused.records, request,
                size_bytes=refused.size_bytes, example=refused.example,
            )  # fmt: skip
        key = request.header("idempotency-key")
        ids = bulk.ids
        if key and not any(ids):
            ids = ids_from_key(key, len(bulk.records))
        first_id = await desk.store("http_bulk", request, source, bulk.records, ids if any(ids) else None)
        took_ms = int((time.monotonic() - started) * 1000)
        filters = request.query("filter_path")
        lean = bool(filters) and not any(word in filters for word in ("_id", "_seq_no", "_index", "took", "*.*.*"))
        return Reply(200, await desk.in_thread(content, lambda: answer_bulk(bulk, first_id, took_ms, lean=lean)))

    async def _take_document(self, request: Request, source: IntakeSource, content: bytes, desk: Desk) -> Reply:
        index, doc_id = request.parts[0], "/".join(request.parts[2:]) or None  # an id may hold slashes
        content = content.strip()
        if not content or len(content) > RECORD_BYTES:
            reason = Reason.OVERSIZE if content else Reason.MALFORMED
            desk.refuse(source.source_id, reason, 1, request, size_bytes=len(content))
            if content:
                raise Answer(413, f"Bản ghi dài {len(content)} byte, quá giới hạn {RECORD_BYTES}.")
            raise Answer(400, "Yêu cầu không có nội dung; hãy gửi một bản ghi JSON.")
        ids: list[bytes | None] | None = [sender_id(index, doc_id)] if doc_id else None
        key = request.header("idempotency-key")
        if key and ids is None:
            ids = ids_from_key(key, 1)
        first_id = await desk.store("http_bulk", request, source, [content], ids)
        return Reply(201, answer_document(index, doc_id, first_id))

    async def _take_lines(self, request: Request, source: IntakeSource, content: bytes, desk: Desk) -> Reply:
        lines: Lines = await desk.in_thread(content, read_lines, content)
        desk.refuse(source.source_id, Reason.OVERSIZE, lines.oversize, request, size_bytes=lines.oversize_bytes)
        key = request.header("idempotency-key")
        ids = ids_from_key(key, len(lines.records)) if key else None
        await desk.store("http_ndjson", request, source, lines.records, ids)
        return Reply(200, {"accepted": len(lines.records), "truncated": lines.oversize})

    def error(self, request: Request, early: Answer) -> Reply:
        return Reply(early.status, error(early.status, str(early)), early.headers)

    def headers(self, request: Request) -> Headers:
        kind = "application/json; charset=UTF-8"
        if _ELASTIC_JSON in (request.header("accept") or ""):
            kind = _ELASTIC_JSON + ";compatible-with=8"
        return [("content-type", kind), ("x-elastic-product", "Elasticsearch")]


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


def info() -> dict[str, Any]:
    """The answer to `GET /`."""
    return {
        "name": "dekhang",
        "cluster_name": "dekhang",
        "cluster_uuid": "ZGVraGFuZy1pbnRha2Ux",
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "build_type": "tar",
            "build_hash": "0" * 40,
            "build_date": "2026-01-01T00:00:00.000000000Z",
            "build_snapshot": False,
            "lucene_version": "9.12.0",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",  # clients compare this text before they trust the server
    }


def answer(method: str, parts: list[str], authority: str) -> tuple[int, dict[str, Any] | str] | None:
    """Status and body for a request that carries no logs; None when we do not know it.

    `parts` are the path's segments, `authority` the host and port by which the client reached us.
    """
    if not parts:
        return (200, info()) if method in ("GET", "HEAD") else None
    if method in ("GET", "HEAD"):
        return _ask(parts, authority)
    if method in ("PUT", "POST"):
        return _set_up(parts)
    return None


def _ask(parts: list[str], authority: str) -> tuple[int, dict[str, Any] | str] | None:
    first = parts[0]
    name = parts[-1] if len(parts) > 1 else "dekhang"
    if first == "_cat":
        return 200, "1 00:00:00 dekhang green 1 1 1 1 0 0 0 0 - 100.0%\n" if name == "health" else ""
    if first == "_cluster":
        return 200, _cluster(name)
    if first == "_nodes":
        return 200, _nodes(authority)
    if first in ("_index_template", "_component_template"):
        return 200, _template(first, name)
    if first == "_ilm" and parts[1:2] == ["policy"]:
        policy = {"version": 1, "modified_date": "2026-01-01T00:00:00.000Z", "policy": {"phases": {}}}
        return 200, {name: policy}
    fixed = _FIXED.get(first)
    if fixed is not None:
        return 200, fixed
    if first == "_template":
        return 200, {name: {"order": 1, "index_patterns": [f"{name}-*"], "settings": {}, "mappings": {}, "aliases": {}}}
    if first == "_ingest":
        return 200, {name: {"description": "", "processors": []}}
    if first == "_data_stream":
        return 200, {"data_streams": [_data_stream(name)]}
    if first == "_alias":
        return 200, {f"{name}-000001": {"aliases": {name: {"is_write_index": True}}}}
    if first.startswith("_"):
        return None
    if len(parts) == 1 or parts[1] in ("_mapping", "_settings", "_alias"):  # an index
        return 200, {first: {"aliases": {}, "mappings": {}, "settings": {}}}
    return None


_FIXED: dict[str, dict[str, Any]] = {
    "_license": {
        "license": {
            "status": "active",
            "uid": _UID,
            "type": "basic",
            "issue_date": "2026-01-01T00:00:00.000Z",
            "issue_date_in_millis": 1767225600000,
            "max_nodes": 1000,
            "issued_to": "dekhang",
            "issuer": "dekhang",
            "start_date_in_millis": -1,
        }
    },
    "_xpack": {
        "build": {"hash": "0" * 40, "date": "2026-01-01T00:00:00.000000Z"},
        "license": {"uid": _UID, "type": "basic", "mode": "basic", "status": "active"},
        "features": {
            "ilm": {"available": True, "enabled": True},
            "monitoring": {"available": False, "enabled": False},
            "security": {"available": True, "enabled": True},
        },
        "tagline": "You know, for X",
    },
    "_security": {"username": "dekhang", "roles": ["ingest"], "enabled": True, "metadata": {}},
    "_remote": {},
}


def _cluster(name: str) -> dict[str, Any]:
    if name != "health":
        return {"cluster_name": "dekhang", "persistent": {}, "transient": {}, "defaults": {}}
    return {
        "cluster_name": "dekhang",
        "status": "green",
        "timed_out": False,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": 1,
        "active_shards": 1,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": 100.0,
    }


def _nodes(authority: str) -> dict[str, Any]:
    node = {
        "name": "dekhang",
        "version": VERSION,
        "host": authority.rsplit(":", 1)[0],
        "roles": ["data", "ingest", "master"],
        "http": {"publish_address": authority, "bound_address": [authority]},
        "ingest": {"processors": []},
        "plugins": [],
        "modules": [],
    }
    return {"_nodes": _SHARDS, "cluster_name": "dekhang", "nodes": {"dekhang-1": node}}


def _template(kind: str, name: str) -> dict[str, Any]:
    if kind == "_component_template":
        return {"component_templates": [{"name": name, "component_template": {"template": {}}}]}
    about = {"index_patterns": [f"{name}*"], "template": {}, "composed_of": [], "priority": 1, "data_stream": {}}
    return {"index_templates": [{"name": name, "index_template": about}]}


def _data_stream(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "timestamp_field": {"name": "@timestamp"},
        "indices": [],
        "generation": 1,
        "status": "GREEN",
        "template": name,
    }


def _set_up(parts: list[str]) -> tuple[int, dict[str, Any] | str] | None:
    first = parts[0]
    if first in (
        "_index_template", "_component_template", "_template", "_ilm", "_ingest", "_data_stream", "_alias", "_aliases",
        "_cluster", "_slm", "_scripts",
    ):  # fmt: skip
        return 200, {"acknowledged": True}
    if parts[-1] in ("_refresh", "_flush", "_open", "_close", "_rollover"):
        return 200, {"_shards": _SHARDS, "acknowledged": True}
    if first.startswith("_"):
        return None
    if len(parts) == 1:  # PUT of an index
        return 200, {"acknowledged": True, "shards_acknowledged": True, "index": first}
    if parts[1] in ("_mapping", "_settings", "_alias", "_aliases"):
        return 200, {"acknowledged": True}
    return None


def error(status: int, sentence: str, kind: str = "") -> dict[str, Any]:
    """An error in the shape that Elasticsearch clients print."""
    kind = kind or {
        400: "illegal_argument_exception",
        401: "security_exception",
        403: "security_exception",
        404: "resource_not_found_exception",
        405: "illegal_argument_exception",
        413: "content_too_long_exception",
        429: "es_rejected_execution_exception",
    }.get(status, "status_exception")
    cause = {"type": kind, "reason": sentence}
    return {"error": {"root_cause": [cause], **cause}, "status": status}
