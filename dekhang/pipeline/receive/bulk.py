"""Bodies of `_bulk` and NDJSON requests: records out, and the answer that a shipper expects per item.

Documents are never parsed here: what cannot be read is a matter for the parser, which keeps it raw and says so.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson

from dekhang.pipeline.formats.jsonstream import read_json
from dekhang.pipeline.formats.limits import RECORD_BYTES
from dekhang.pipeline.formats.problems import Problems
from dekhang.pipeline.stores.reasons import Reason

LINES = 400_000  # of one request: bounds the objects that a body of tiny lines would become
ACTIONS = ("index", "create", "update", "delete")
ID_BYTES = 512  # Elasticsearch's own bound; longer ids are kept as a digest
_REMEMBERED = 256  # action lines without an id repeat: `{"create":{"_index":"logs"}}`


class TooManyLines(Exception):
    """A body of more than LINES records, refused as a whole."""


@dataclass(slots=True)
class Item:
    """What is answered for one action of a bulk request."""

    action: str
    index: str
    doc_id: str | None
    status: int = 201
    record: int = -1  # position in Bulk.records, -1 when refused
    problem: str = ""
    kind: str = ""  # Elasticsearch's error type


@dataclass(slots=True)
class Refusal:
    """Items of one request refused for one reason; `example` is the last of them, cut."""

    records: int = 0
    size_bytes: int = 0
    example: bytes = b""


@dataclass(slots=True)
class Bulk:
    """A request taken apart: records to store, and an item to answer per action."""

    records: list[bytes] = field(default_factory=list)
    ids: list[bytes | None] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    refused: dict[Reason, Refusal] = field(default_factory=dict)

    def refuse(self, reason: Reason, example: bytes, size_bytes: int = 0) -> None:
        refusal = self.refused.setdefault(reason, Refusal())
        refusal.records += 1
        refusal.size_bytes += size_bytes
        refusal.example = example[:400]


def read_bulk(body: bytes, default_index: str) -> Bulk:
    """Split a `_bulk` body. A line that is not an action where one should be is kept as a record of its own."""
    bulk = Bulk()
    remembered: dict[bytes, tuple[str, str, str | None] | None] = {}
    lines = body.split(b"\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if not line or line.isspace():
            continue
        if line in remembered:
            action = remembered[line]
        else:
            action = _read_action(line)
            if len(remembered) < _REMEMBERED:
                remembered[line] = action
        if action is None:
            _keep(bulk, Item("index", default_index, None), line)
            continue
        name, index, doc_id = action
        item = Item(name, index or default_index, doc_id)
        if name == "delete":
            _refuse_change(bulk, item, line)
            continue
        if at >= len(lines) or not lines[at]:
            item.status, item.kind = 400, "illegal_argument_exception"
            item.problem = "Dòng lệnh này không có bản ghi đi kèm ở dòng sau."
            bulk.items.append(item)
            bulk.refuse(Reason.MALFORMED, line)
            continue
        document = lines[at]
        at += 1
        if name == "update":
            _refuse_change(bulk, item, line)
            continue
        _keep(bulk, item, document)
    return bulk


def _read_action(line: bytes) -> tuple[str, str, str | None] | None:
    """(action, index, id) of an action line, None when it is something else."""
    if len(line) > 8192:
        return None
    try:
        parsed = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(parsed, dict) or len(parsed) != 1:
        return None
    [(name, about)] = parsed.items()
    if name not in ACTIONS or not isinstance(about, dict):
        return None
    index, doc_id = about.get("_index"), about.get("_id")
    return (
        name,
        index if isinstance(index, str) else "",
        None if doc_id is None or doc_id == "" else str(doc_id),
    )


def _keep(bulk: Bulk, item: Item, document: bytes) -> None:
    document = document.removesuffix(b"\r")
    if len(document) > RECORD_BYTES:
        bulk.refuse(Reason.OVERSIZE, document, len(document))
        item.status, item.kind = 413, "illegal_argument_exception"
        item.problem = f"Bản ghi dài {len(document)} byte, quá giới hạn {RECORD_BYTES}."
    else:
        item.record = len(bulk.records)
        bulk.records.append(document)
        bulk.ids.append(None if item.doc_id is None else sender_id(item.index, item.doc_id))
    bulk.items.append(item)


def _refuse_change(bulk: Bulk, item: Item, line: bytes) -> None:
    item.status, item.kind = 400, "illegal_argument_exception"
    item.problem = "Nhật ký chỉ được thêm, không được sửa hay xóa."
    bulk.refuse(Reason.UNSUPPORTED, line)
    bulk.items.append(item)


def sender_id(index: str, doc_id: str) -> bytes:
    """The bytes by which a repeated delivery is recognised: an id counts within its index."""
    raw = f"{index}\0{doc_id}".encode("utf-8", "surrogatepass")
    return raw if len(raw) <= ID_BYTES else b"sha256:" + hashlib.sha256(raw).digest()


def ids_from_key(key: str, count: int) -> list[bytes | None]:
    """Ids of the records of one request that carried an Idempotency-Key: the same request gives the same ids."""
    stem = b"key:" + hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()[:16]
    return [stem + number.to_bytes(4, "big") for number in range(count)]


def answer_bulk(bulk: Bulk, first_id: int, took_ms: int, *, lean: bool) -> bytes:
    """Elasticsearch's answer to `_bulk`. `lean`: the client filters the answer to errors and status anyway."""
    errors = any(item.problem for item in bulk.items)
    items: list[dict[str, Any]] = []
    for item in bulk.items:
        about: dict[str, Any]
        if item.problem:
            about = {
                "_index": item.index,
                "_id": item.doc_id,
                "status": item.status,
                "error": {"type": item.kind, "reason": item.problem},
            }
        elif lean:
            about = {"status": item.status}
        else:
            about = answer_document(item.index, item.doc_id, first_id + item.record)
            about["status"] = item.status
        items.append({item.action: about})
    if lean:
        return orjson.dumps({"errors": errors, "items": items})
    return orjson.dumps({"took": took_ms, "errors": errors, "items": items})


def answer_document(index: str, doc_id: str | None, event_id: int) -> dict[str, Any]:
    """What Elasticsearch says of one stored document; without an id of the sender's it has our event's."""
    return {
        "_index": index,
        "_id": doc_id or str(event_id),
        "_version": 1,
        "result": "created",
        "_shards": {"total": 1, "successful": 1, "failed": 0},
        "_seq_no": event_id,
        "_primary_term": 1,
    }


@dataclass(slots=True)
class Lines:
    """Records of a request without per-record answers."""

    records: list[bytes]
    oversize: int = 0
    oversize_bytes: int = 0


def read_lines(body: bytes) -> Lines:
    """Records of an NDJSON or plain-text body: one per non-empty line; a longer one keeps its first RECORD_BYTES.

    A body that is one JSON array is taken apart, because some senders batch that way (Fluent Bit's `json` format).

    Raises:
        TooManyLines: it has more than LINES.
    """
    check_lines(body)
    if body[:64].lstrip()[:1] == b"[":
        problems = Problems()
        records = list(islice(read_json(io.BytesIO(body), problems, first_index=0), LINES + 1))
        if len(records) > LINES:
            raise TooManyLines
        if records and not problems:
            return _bounded(records)
    return _bounded([line.removesuffix(b"\r") for line in body.split(b"\n")])


def check_lines(body: bytes) -> None:
    """Raises TooManyLines before the lines of a body become objects."""
    if body.count(b"\n") > LINES:
        raise TooManyLines


def _bounded(lines: list[bytes]) -> Lines:
    lines = [line for line in lines if line and not line.isspace()]
    result = Lines(lines)
    for number, line in enumerate(lines):
        if len(line) > RECORD_BYTES:
            lines[number] = line[:RECORD_BYTES]
            result.oversize += 1
            result.oversize_bytes += len(line) - RECORD_BYTES
    return result
