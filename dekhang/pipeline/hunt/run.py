"""A hunt at work: slices looked through, what they show told in event time, kept, and resumable after every slice."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import orjson

from dekhang.engine import Detector, Match, Record
from dekhang.engine.detector import Found
from dekhang.engine.rules import LEVELS
from dekhang.pipeline.hunt.executors import Executor
from dekhang.pipeline.hunt.scan import Origin, Scanner, Sighting, SliceResult
from dekhang.pipeline.hunt.slices import Slice, slices
from dekhang.pipeline.hunt.target import Rules, Target, target_of
from dekhang.pipeline.stores.hunts import Hunt, State, Status
from dekhang.pipeline.stores.lake import UNREADABLE, Lake, StoredEvent
from dekhang.pipeline.worker.found import KEYS_KEPT, entity_of, shown_of

TEXT_CHARS = 2_000  # of a record that a query found; the lake has it all
HITS_BYTES_MOST = 1 << 30  # of a hunt; the disk is also the logs'
Progress = Callable[[State], None]


class Busy(Exception):
    """Another process works on this hunt."""


def run(
    data: Path,
    hunt: Hunt,
    *,
    rule_folders: Sequence[Path],
    executor: Executor,
    now_ms: Callable[[], int],
    progress: Progress = lambda state: None,
) -> State:
    """Work on a hunt from where it stopped, to its end or until somebody cancels it; returns its state.

    Raises:
        Busy: another process does.
        NothingToHunt: what it looks for cannot be used; the state says so, too.
        KeyboardInterrupt: it has stopped cleanly and can be resumed.
    """
    with hunt.claimed() as mine:
        if not mine:
            raise Busy
        state = hunt.state
        if state.status in ("done", "cancelled"):
            return state
        work = _Work(data, hunt, state, now_ms)
        try:
            state.status, state.problem = "running", ""
            work.save()
            request = hunt.request
            target = target_of(data, hunt, request, rule_folders)
            work.open(target)
            todo = [
                one
                for one in slices(data, request.unit_ids, request.since_ms, request.until_ms)
                if state.position is None or one.position > state.position
            ]
            state.slices = state.done + len(todo)
            progress(state)
            scanner = Scanner(data, target, request.snapshot_ms)
            with executor:
                for one, result in zip(todo, executor.map(scanner, todo), strict=True):
                    work.take(one, result)
                    progress(state)
                    if hunt.wants_stop:
                        state.status = "cancelled"
                        return state
            work.finish()
            state.status = "done"
        except KeyboardInterrupt:
            work.give_up("stopped")
            raise
        except Exception as error:
            work.give_up("failed", str(error)[:2000])
            raise
        finally:
            work.close()
        return state


class _Work:
    """What one process does with the results: hits into the file, correlations counted, state saved."""

    def __init__(self, data: Path, hunt: Hunt, state: State, now_ms: Callable[[], int]) -> None:
        self._data = data
        self._hunt = hunt
        self._state = state
        self._now_ms = now_ms
        self._file: BinaryIO | None = None
        self._detector: Detector | None = None
        self._rules: Rules | None = None
        self._unreadable: set[str] = set()
        self._saved = copy.copy(state)

    def open(self, target: Target) -> None:
        self._file = self._hunt.hits_path.open("ab")
        self._file.truncate(self._state.hits_bytes)  # what came after the last saved state is found again
        if isinstance(target, Rules):
            self._rules = target
            before = self._engine_file.read_bytes() if self._state.done else b""
            self._detector = Detector(target.ruleset, before, code=target.code, indicators=target.indicators)

    @property
    def _engine_file(self) -> Path:
        """Goes with the state of the same number: a crash between the two files leaves the older pair."""
        return self._hunt.folder / f"engine.{self._state.done}"

    def take(self, one: Slice, result: SliceResult) -> None:
        state, engine_before = self._state, self._engine_file
        if self._detector is None:
            hits = [_of_question(one) for one in result.sightings]
        else:
            hits = self._told(self._detector, result)
        self._keep(hits)
        state.done += 1
        state.position = one.position
        state.records += result.records
        state.groups += result.groups
        state.groups_read += result.groups_read
        state.left_out += result.left_out
        self._unreadable.update(result.unreadable)
        if self._unreadable:
            state.problem = f"{len(self._unreadable)} tệp trong kho không đọc được nên không được xem."
        if self._detector is not None:
            with self._engine_file.open("wb") as file:
                file.write(self._detector.state())
                file.flush()
                os.fsync(file.fileno())  # before the state that needs it
        self.save()
        engine_before.unlink(missing_ok=True)

    def finish(self) -> None:
        """The history is over: windows that wait for their end are judged."""
        if self._detector is not None:
            self._keep(self._hits(self._detector.close(), {}))

    def _told(self, detector: Detector, result: SliceResult) -> list[dict[str, Any]]:
        sightings = dict(enumerate(result.sightings))
        found = [_numbered(number, one) for number, one in sightings.items()]
        hits = self._hits(detector.tell(found), sightings)
        if detector.waits:
            for unit_id, newest_ms in sorted(result.newest_ms.items()):
                hits += self._hits(detector.end_windows(unit_id, newest_ms), {})
        return hits

    def _hits(self, matches: Sequence[Match], sightings: dict[int, Sighting]) -> list[dict[str, Any]]:
        assert self._rules is not None
        wanted, least = self._rules.wanted, self._rules.least_level
        hits = []
        for match in matches:
            rule = match.rule
            if (wanted and rule.id not in wanted) or LEVELS.index(rule.level) < least:
                continue
            sighting = None if match.ended else sightings.get(match.index)
            hits.append(_of_match(match, sighting or self._last_event(match)))
        return hits

    def _last_event(self, match: Match) -> Sighting | None:
        """Of a window that is over: its last event, which lies in some earlier slice."""
        if not match.keys:
            return None
        try:
            events = Lake(self._data).events(match.keys[-1:], unit_ids=[match.scope])
        except UNREADABLE:
            return None
        return _of_stored(events[0]) if events else None

    def _keep(self, hits: list[dict[str, Any]]) -> None:
        assert self._file is not None
        for hit in hits:
            line = orjson.dumps(hit, default=str) + b"\n"
            if self._state.hits_bytes + len(line) > HITS_BYTES_MOST:
                self._state.left_out += 1
                continue
            self._file.write(line)
            self._state.hits += 1
            self._state.hits_bytes += len(line)

    def save(self) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
        self._state.updated_ms = self._now_ms()
        self._hunt.save(self._state)
        self._saved = copy.copy(self._state)

    def give_up(self, status: Status, problem: str = "") -> None:
        """What was done of a slice that is not finished does not count."""
        for name, value in msgspec.structs.asdict(self._saved).items():
            setattr(self._state, name, value)
        self._state.status, self._state.problem = status, problem or self._state.problem

    def close(self) -> None:
        self.save()
        if self._file is not None:
            self._file.close()


def _numbered(number: int, sighting: Sighting) -> Found:
    assert sighting.found is not None
    return replace(sighting.found, index=number)


def _of_stored(event: StoredEvent) -> Sighting:
    record = Record(event.fields, time_ms=event.time_ms, scope=event.unit_id, key=event.event_id)
    origin = Origin(event.event_id, event.unit_id, event.source_id, event.received_ms, event.host)
    return Sighting(event.time_ms, origin, Found(-1, record, (), False))


def _of_match(match: Match, sighting: Sighting | None) -> dict[str, Any]:
    """A line of hits.jsonl: what a detection has (docs/reference/hunt.md)."""
    rule = match.rule
    at_ms = match.last_ms or 0
    origin = (
        sighting.origin
        if sighting is not None
        else Origin(match.keys[-1] if match.keys else 0, match.scope, 0, at_ms, "")
    )
    fields = sighting.found.record.fields if sighting is not None and sighting.found is not None else match.fields
    event_ms = at_ms if match.ended or sighting is None else sighting.time_ms
    return {
        "rule_id": rule.id,
        "title": rule.title_vi,
        "level": str(rule.level),
        "family": rule.family,
        "time": _iso(event_ms),
        "event_ms": event_ms,
        "received_ms": origin.received_ms,
        "unit_id": origin.unit_id,
        "source_id": origin.source_id,
        "event_id": origin.event_id,
        "host": origin.host,
        "entity": entity_of(match, fields) or origin.host,
        "fields": orjson.loads(shown_of(match, fields)),
        "event_ids": list(match.keys[-KEYS_KEPT:]),
        "count": match.count,
        "first_ms": match.first_ms if match.first_ms is not None else event_ms,
        "author": rule.author,
        "license": rule.license,
    }


def _of_question(sighting: Sighting) -> dict[str, Any]:
    origin = sighting.origin
    return {
        "time": _iso(sighting.time_ms),
        "event_ms": sighting.time_ms,
        "received_ms": origin.received_ms,
        "unit_id": origin.unit_id,
        "source_id": origin.source_id,
        "event_id": origin.event_id,
        "host": origin.host,
        "text": sighting.text[:TEXT_CHARS],
    }


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
