"""Splunk's HTTP Event Collector: events, raw lines, acknowledgements, health.

An event is kept as the object that came, with `time`, `host`, `source`, `sourcetype`, `fields` around it
(`parse.carried` unwraps it). An acknowledgement is true as soon as its id was given out: ids are given out after the
fsync. Facts: Splunk's "HTTP Event Collector REST API endpoints" and "Possible error codes".
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import orjson

from dekhang.pipeline.formats.limits import RECORD_BYTES
from dekhang.pipeline.receive.bulk import (
    LINES,
    Lines,
    Refusal,
    TooManyLines,
    check_lines,
    ids_from_key,
    read_lines,
)
from dekhang.pipeline.receive.request import Answer, Desk, Headers, Reply, Request
from dekhang.pipeline.stores.intake import IntakeSource
from dekhang.pipeline.stores.reasons import Reason

CHANNEL_CHARS = 128
WINDOW_CHARS = 4 * RECORD_BYTES
ACKS = 10_000  # ids asked for at once
META_CHARS = 1024
WRAPPED_BYTES = 128 * 1024 * 1024  # what `meta` may add to the lines of one request: 300 bytes to each of LINES

# Splunk's codes: number → (status, its own words, which clients compare)
_CODES: dict[int, tuple[int, str]] = {
    0: (200, "Success"),
    1: (403, "Token disabled"),
    2: (401, "Token is required"),
    4: (403, "Invalid token"),
    5: (400, "No data"),
    6: (400, "Invalid data format"),
    8: (500, "Internal server error"),
    9: (503, "Server is busy"),
    10: (400, "Data channel is missing"),
    11: (400, "Invalid data channel"),
    12: (400, "Event field is required"),
    13: (400, "Event field cannot be blank"),
    17: (200, "HEC is healthy"),
    18: (503, "HEC is unhealthy, queues are full"),
}
_CODE_OF_REASON = {
    Reason.MISSING_TOKEN: 2,
    Reason.UNKNOWN_CERTIFICATE: 2,
    Reason.WRONG_TOKEN: 4,
    Reason.RETIRED: 1,
    Reason.MALFORMED: 6,
    Reason.OVERSIZE: 6,
    Reason.OVERLOADED: 9,
    Reason.DISK_FULL: 9,
    Reason.SPOOL_FULL: 9,
    Reason.SOURCE_FULL: 9,
}


@dataclass(slots=True)
class Events:
    """A body of `/services/collector/event` taken apart.

    `wrong`: Splunk's code of the first event that was not taken, 0 when all were; `wrong_number`: which one it was.
    """

    records: list[bytes] = field(default_factory=list)
    refused: dict[Reason, Refusal] = field(default_factory=dict)
    wrong: int = 0
    wrong_number: int = 0

    def refuse(self, code: int, number: int, reason: Reason, record: bytes) -> None:
        if not self.wrong:
            self.wrong, self.wrong_number = code, number
        refusal = self.refused.setdefault(reason, Refusal())
        refusal.records += 1
        refusal.size_bytes += len(record)
        refusal.example = record[:400]


def read_events(content: bytes) -> Events:
    """JSON objects one after another, with or without anything between them. What cannot be read ends the reading.

    Raises:
        TooManyLines: it has more than LINES.
    """
    check_lines(content)
    events = Events()
    lines = content.split(b"\n")
    number = 0
    for place, line in enumerate(lines):  # one a line, as many send: the quick reader takes it
        record = line.strip(b" \t\r,")
        if not record:
            continue
        try:
            event = orjson.loads(record) if len(record) <= RECORD_BYTES else None
        except orjson.JSONDecodeError:
            event = None
        if event is None:
            _read_on(events, b"\n".join(lines[place:]), number)
            break
        _keep(events, event, number, record)
        number += 1
    return events


def _read_on(events: Events, content: bytes, number: int) -> None:
    """The same where objects follow each other on a line, or one takes several."""
    text = content.decode("utf-8", "replace")
    decode = json.JSONDecoder().raw_decode
    begin, window = 0, text[:WINDOW_CHARS]  # read through a window: one huge object never becomes objects
    at, end = 0, len(text)
    while True:
        while at < end and text[at] in " \t\r\n,":
            at += 1
        if at >= end:
            return
        if number >= LINES:
            events.refuse(6, number, Reason.OVERSIZE, text[at:].encode("utf-8", "replace"))
            return
        is_last = begin + len(window) >= end
        try:
            event, after = decode(window, at - begin)
        except (ValueError, RecursionError):
            event, after = None, -1
        if not is_last and after in (-1, len(window)):  # it may go on behind the window
            if at > begin:
                begin, window = at, text[at : at + WINDOW_CHARS]
                continue
            after = -1
        if after < 0:
            reason = Reason.MALFORMED if is_last else Reason.OVERSIZE
            events.refuse(6, number, reason, text[at:].encode("utf-8", "replace"))
            return
        after += begin
        _keep(events, event, number, text[at:after].encode("utf-8", "replace"))
        at = after
        number += 1


def _keep(events: Events, event: object, number: int, record: bytes) -> None:
    if not isinstance(event, dict):
        events.refuse(6, number, Reason.MALFORMED, record)
    elif "event" not in event:
        events.refuse(12, number, Reason.MALFORMED, record)
    elif event["event"] in (None, "", {}):
        events.refuse(13, number, Reason.MALFORMED, record)
    elif len(record) > RECORD_BYTES or number >= LINES:
        events.refuse(6, number, Reason.OVERSIZE, record)
    else:
        events.records.append(record)


def wrap_lines(lines: list[bytes], meta: dict[str, str]) -> list[bytes]:
    """Raw lines with what the request's address says of them; without that, or where it makes them too long, they stay.

    Raises:
        TooManyLines: together they would become more than WRAPPED_BYTES longer.
    """
    if not meta:
        return lines
    if len(orjson.dumps(meta)) * len(lines) > WRAPPED_BYTES:
        raise TooManyLines
    wrapped = (orjson.dumps({**meta, "event": line.decode("utf-8", "replace")}) for line in lines)
    return [whole if len(whole) <= RECORD_BYTES else line for line, whole in zip(lines, wrapped, strict=True)]


class Hec:
    """See request.Dialect."""

    def __init__(self) -> None:
        # grows with every answer; begins with the clock, so that an id of the process before us is below it, too
        self._next_ack = time.time_ns() // 1_000_000 * 16

    def asks_without_token(self, request: Request) -> bool:
        return request.parts[2:3] == ["health"] and request.method in ("GET", "HEAD")

    def takes(self, request: Request) -> bool:
        return request.method == "POST" and _endpoint(request) in ("event", "raw", "ack")

    def answer(self, request: Request, desk: Desk) -> Reply | None:
        if self.asks_without_token(request):
            return _reply(18 if desk.is_full() else 17)
        return None

    async def take(self, request: Request, source: IntakeSource, content: bytes, desk: Desk) -> Reply:
        channel = request.header("x-splunk-request-channel") or request.query("channel")
        endpoint = _endpoint(request)
        if len(channel) > CHANNEL_CHARS or not channel.isprintable():
            if endpoint != "ack":
                desk.refuse(source.source_id, Reason.MALFORMED, 1, request, size_bytes=len(content))
            return _reply(11)
        if endpoint == "ack":
            return self._acknowledge(channel, content)
        if not content.strip():
            desk.refuse(source.source_id, Reason.MALFORMED, 1, request)
            return _reply(5)
        key = request.header("idempotency-key")
        wrong = number = 0
        if endpoint == "raw":
            lines: Lines = await desk.in_thread(content, read_lines, content)
            desk.refuse(source.source_id, Reason.OVERSIZE, lines.oversize, request, size_bytes=lines.oversize_bytes)
            meta = {
                name: value[:META_CHARS]
                for name in ("time", "host", "source", "sourcetype", "index")
                if (value := request.query(name))
            }
            records = await desk.in_thread(content, wrap_lines, lines.records, meta)
        else:
            events: Events = await desk.in_thread(content, read_events, content)
            for reason, refused in events.refused.items():
                desk.refuse(
                    source.source_id, reason, refused.records, request,
                    size_bytes=refused.size_bytes, example=refused.example,
                )  # fmt: skip
            records, wrong, number = events.records, events.wrong, events.wrong_number
        ids = ids_from_key(key, len(records)) if key else None
        await desk.store("http_hec", request, source, records, ids)
        if wrong:  # the good ones are kept all the same: a sender drops what is answered with 400
            return _reply(wrong, **{"invalid-event-number": number})
        if not channel:
            return _reply(0)
        self._next_ack += 1
        return _reply(0, ackId=self._next_ack - 1)

    def _acknowledge(self, channel: str, content: bytes) -> Reply:
        if not channel:
            return _reply(10)
        try:
            asked = orjson.loads(content)["acks"]
            acks = [one for one in asked if isinstance(one, int)]
        except (orjson.JSONDecodeError, TypeError, KeyError):
            return _reply(6)
        if len(acks) > ACKS:
            return _reply(6)
        return Reply(200, {"acks": {str(one): 0 <= one < self._next_ack for one in acks}})

    def error(self, request: Request, early: Answer) -> Reply:
        code = _CODE_OF_REASON.get(early.reason, 8) if early.reason is not None else 8
        status, text = _CODES[code]
        if early.status in (404, 405, 408, 413, 415) or code == 8:
            status, text = early.status, str(early) if code == 8 else text
        return Reply(status, {"text": text, "code": code, "detail": str(early)}, early.headers)

    def headers(self, request: Request) -> Headers:
        return [("content-type", "application/json; charset=UTF-8")]


def _endpoint(request: Request) -> str:
    """event, raw, ack or health: `/services/collector[/<endpoint>[/1.0]]`."""
    rest = [part for part in request.parts[2:] if part != "1.0"]
    if not rest:
        return "event"
    return rest[0] if len(rest) == 1 else ""


def _reply(code: int, **more: Any) -> Reply:
    status, text = _CODES[code]
    return Reply(status, {"text": text, "code": code, **more})
