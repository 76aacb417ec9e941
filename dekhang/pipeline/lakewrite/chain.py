"""Every change of a day's files is a link: what was added, merged or expired, with the hash of the link before it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

from dekhang.pipeline.lakewrite.segments import Segment
from dekhang.pipeline.stores.database import Connection

START = "0" * 64  # before the first link of a day


def append(connection: Connection, day: str, body: dict[str, Any]) -> str:
    """Add a link to a day's chain, inside the transaction that makes it true; returns its hash."""
    connection.one_at_a_time("lake chain")
    last = connection.execute(
        "SELECT number, hash FROM lake_chain WHERE day = ? ORDER BY number DESC LIMIT 1", (day,)
    ).fetchone()
    number, previous = (last[0] + 1, last[1]) if last is not None else (1, START)
    text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()
    digest = link_hash(day, number, previous, text)
    connection.execute(
        "INSERT INTO lake_chain (day, number, body, previous, hash) VALUES (?, ?, ?, ?, ?)",
        (day, number, text, previous, digest),
    )
    return digest


def link_hash(day: str, number: int, previous: str, body: str) -> str:
    return hashlib.sha256(f"{day}\n{number}\n{previous}\n{body}".encode()).hexdigest()


def added(segment: Segment) -> dict[str, Any]:
    return {"kind": "add", "at_ms": segment.created, "files": [_file(segment)]}


def merged(segments: Sequence[Segment], replaced: Sequence[dict[str, Any]], *, at_ms: int) -> dict[str, Any]:
    """`replaced`: path, sha256, rows and content of each."""
    return {"kind": "merge", "at_ms": at_ms, "files": [_file(one) for one in segments], "replaces": list(replaced)}


def expired(
    segments: Sequence[Segment],
    replaced: dict[str, Any],
    *,
    at_ms: int,
    rows: int,
    content: str,
    sources: dict[str, int],
    days: dict[str, int],
) -> dict[str, Any]:
    """`rows` with the digest `content` were dropped of one segment.

    Args:
        sources: source → rows dropped. `days`: source → how long its events are kept, which is why.
    """
    dropped = {"rows": rows, "content": content, "sources": sources, "days": days}
    return {
        "kind": "expire", "at_ms": at_ms, "files": [_file(one) for one in segments], "replaces": [replaced],
        "dropped": dropped,
    }  # fmt: skip


def _file(segment: Segment) -> dict[str, Any]:
    facts: dict[str, Any] = {"path": segment.path, "rows": segment.rows, "sha256": segment.sha256}
    if segment.index_bytes:
        facts["index_sha256"] = segment.index_sha256
    if segment.content:
        facts["content"] = segment.content
    return facts
