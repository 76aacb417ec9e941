"""Documents that carry log records: which member of an answer holds them, and which member of a record is the record.

CloudTrail files and S3 (`Records`), Azure diagnostics (`records`), Microsoft Graph (`value`), the AWS command line
(`Events`, `events`, `logEvents`, `Findings`), Google (`entries`), Splunk (`results`), Elasticsearch (`hits.hits`).
"""

import re
from typing import Any

import orjson

ARRAYS = {b"Records", b"records", b"value", b"Events", b"events", b"logEvents", b"Findings", b"entries", b"results"}
HITS = b"hits"
# an object that says when it happened is an event with a list inside, not an answer with events inside
_OWN_TIME = re.compile(
    rb'"(?:@timestamp|timestamp|time|ts|date|datetime|eventTime|EventTime|TimeGenerated|CreationTime|EventID|event_type)"\s*:'
)
_KEY = re.compile(rb'"([^"\\]{1,40})"\s*:\s*\Z')
_KEY_BYTES = 80
_OWN_TIME_BYTES = 4096
_INNER_HINT = re.compile(rb'"(?:_source|CloudTrailEvent|AuditData|preview)"')


def key_before(data: bytes, at: int) -> bytes:
    """The name of the member whose value begins at `at`, b"" when there is none."""
    found = _KEY.search(data, max(0, at - _KEY_BYTES), at)
    return found[1] if found else b""


def is_event_itself(data: bytes, start: int, end: int) -> bool:
    return _OWN_TIME.search(data, start, min(end, start + _OWN_TIME_BYTES)) is not None


def unwrapped(record: bytes) -> bytes:
    """The record inside: an Elasticsearch hit's `_source`, the JSON text in `CloudTrailEvent` or `AuditData`, Splunk's
    `result` beside `preview`; `record` itself when there is none."""
    if _INNER_HINT.search(record) is None:
        return record
    try:
        document: Any = orjson.loads(record)
    except orjson.JSONDecodeError:
        return record
    if not isinstance(document, dict):
        return record
    source = document.get("_source") or ("preview" in document and document.get("result"))
    if isinstance(source, dict):
        return orjson.dumps(source)
    for name in ("CloudTrailEvent", "AuditData"):
        inner = document.get(name)
        if isinstance(inner, str) and inner.startswith("{"):
            return inner.encode("utf-8", "replace")
        if isinstance(inner, dict):
            return orjson.dumps(inner)
    return record
