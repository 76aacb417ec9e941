"""Records of one audit event put together: the kernel tells one call in several lines, rules ask about all of them.

The lines of an event carry the same `audit(time:serial)` and may stand between lines of other events. What comes out is
one event whose fields are the union of its records' fields (docs/reference/fields.md, "Audit events of several records").
It stands for its records: whoever judges it need not judge them again. So a rule that looks at one record matches as
before, once and not once a record, and a rule that combines records can match at all.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from dekhang.engine.text import Value
from dekhang.pipeline.parse.auditd import join_words
from dekhang.pipeline.parse.event import (
    FIELDS_PER_RECORD,
    LIST_ITEMS,
    TRUNCATED,
    VALUE_CHARS,
    Fields,
    ParsedEvent,
)

RECORDS_PER_EVENT = 256  # a script with thousands of arguments; what comes beyond is an event of its own
RECORDS_HELD = 4_096  # of all events that are still open; × ~3 kB ≈ 12 MB. Beyond, the oldest event ends
OPEN_MS = 2_000  # an event ends when its machine is this much further in time (auditd itself waits as long)

_Identity: TypeAlias = tuple[int, int, str, object, int, object]  # source, scope, host, node, time, serial
_ARGUMENT = re.compile(r"a\d{1,4}(?:\[\d{1,4}\])?")


@dataclass(slots=True)
class _Open:
    """An event whose records are still coming."""

    parts: list[ParsedEvent] = field(default_factory=list)


class Joiner:
    """Takes events in order of arrival and gives them back with the audit records of one event as one.

    An event ends with its record EOE, when its machine's time has moved on by OPEN_MS, when it has
    RECORDS_PER_EVENT, or when RECORDS_HELD in all are waiting. `flush` ends all.
    """

    def __init__(self) -> None:
        self._open: OrderedDict[_Identity, _Open] = OrderedDict()
        self._held = 0

    def feed(self, event: ParsedEvent, *, source: int = 0) -> list[ParsedEvent]:
        """Take an event; return those that are complete with it, oldest first. No audit record: itself at once.

        Args:
            source: events of different sources are never put together.
        """
        if event.kind != "linux_auditd":
            return [event]
        fields = event.record.fields
        serial = fields.get("serial")
        if serial is None:  # journald's own text leaves it out
            return [event]
        done = self._overdue(event, source)
        identity = (source, event.record.scope, event.host, fields.get("node"), event.time_ms, serial)
        waiting = self._open.get(identity)
        if waiting is None:
            waiting = self._open[identity] = _Open()
        waiting.parts.append(event)
        self._held += 1
        if fields["type"] == "EOE" or len(waiting.parts) >= RECORDS_PER_EVENT:
            done.append(self._end(identity))
        while self._held > RECORDS_HELD:
            done.append(self._end(next(iter(self._open))))
        return done

    def flush(self) -> list[ParsedEvent]:
        """End all events that are open."""
        return [self._end(identity) for identity in list(self._open)]

    def _overdue(self, event: ParsedEvent, source: int) -> list[ParsedEvent]:
        done: list[ParsedEvent] = []
        while self._open:
            oldest = next(iter(self._open))
            # another machine's clock says nothing of this one's event
            if oldest[0] != source or oldest[2] != event.host or event.time_ms - oldest[4] <= OPEN_MS:
                break
            done.append(self._end(oldest))
        return done

    def _end(self, identity: _Identity) -> ParsedEvent:
        parts = self._open.pop(identity).parts
        self._held -= len(parts)
        return union(parts)


def joined(events: Iterable[ParsedEvent]) -> Iterator[ParsedEvent]:
    """Yield the events of one file or stream with the audit records of one event as one.

    The one has the `key`, time and host of its first record. Events that are no audit records come through as they are;
    an audit event comes a little later than its first record, so mind that the order changes.
    """
    joiner = Joiner()
    for event in events:
        yield from joiner.feed(event)
    yield from joiner.flush()


def union(parts: list[ParsedEvent]) -> ParsedEvent:
    """One event of the records of an audit event; a single record is itself.

    A name with one value keeps it; with several, it has the list of them in order of the records. The words of
    EXECVE (a0, a1 …) stand before the numbers that SYSCALL has under the same names. `type` is the list of all types,
    `message` all lines.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    words = _words([part.record.fields for part in parts if part.record.fields["type"] == "EXECVE"])
    fields: Fields = dict(words)
    for part in parts:
        of_execve = part.record.fields["type"] == "EXECVE"
        for name, value in part.record.fields.items():
            if name not in fields:
                fields[name] = value
            elif value != fields[name] and name != "message" and not (of_execve and name in words):
                fields[name] = _both(name, fields[name], value)
    fields["message"] = "\n".join(str(part.record.fields.get("message", "")) for part in parts)[:VALUE_CHARS]
    if len(fields) > FIELDS_PER_RECORD:
        for name in list(fields)[FIELDS_PER_RECORD - 1 :]:
            if name != "message":
                del fields[name]
        fields[TRUNCATED] = True
    return replace(
        first,
        host=next((part.host for part in parts if part.host), ""),
        record=replace(first.record, fields=fields),
        problem=next((part.problem for part in parts if part.problem), None),
        fields_are_raw=False,
    )


def _words(execve: list[Mapping[str, Value]]) -> Fields:
    """Arguments and `command` of all EXECVE records: a long list of arguments comes in several."""
    words: Fields = {}
    for fields in execve:
        for name, value in fields.items():
            if name[0] == "a" and _ARGUMENT.fullmatch(name) and name not in words:
                words[name] = value
    if len(execve) == 1:
        words["command"] = execve[0].get("command")
    elif words:
        join_words(words)
    return words


def _both(name: str, present: Value, more: Value) -> Value:
    """The values of a name in one list, each once."""
    values: list[Value] = list(present) if isinstance(present, list) else [present]
    for one in more if isinstance(more, list) else (more,):
        if name == "command" and isinstance(one, str) and str(values[0]).startswith(one):
            continue  # the title of the process is the beginning of the command
        if one not in values and len(values) < LIST_ITEMS:
            values.append(one)
    return values if len(values) > 1 else values[0]
