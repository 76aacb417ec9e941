"""What Elasticsearch would answer to the questions that shippers ask before they send.

Filebeat and Winlogbeat (7, 8), Logstash, rsyslog and the Python client look at version, licence, nodes, templates,
lifecycle policies, data streams and pipelines. There is nothing to set up here, so everything exists already and
every set-up request is accepted. Facts: Elastic's REST reference and what those programs really sent in our tests.
"""

from __future__ import annotations

from typing import Any

# Beats refuse a cluster older than themselves; no 8.x release will be newer than this
VERSION = "8.99.0"

_UID = "8e0b1c9a-0000-4000-8000-64656b68616e"
_SHARDS = {"total": 1, "successful": 1, "failed": 0}


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
