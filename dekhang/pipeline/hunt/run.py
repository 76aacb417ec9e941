"""A hunt at work: slices looked through, what they show told in event time, kept, and resumable after every slice."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from dekhang.engine import Detector, Match
from dekhang.engine.rules import LEVELS
from dekhang.pipeline.hunt.executors import Executor
from dekhang.pipeline.hunt.scan import Scanner, Sighting, SliceResult
from dekhang.pipeline.hunt.slices import slices
from dekhang.pipeline.hunt.target import Rules, Target, target_of
from dekhang.pipeline.stores.hunts import Hunt, State
from dekhang.pipeline.stores.lake import UNREADABLE, Lake
from dekhang.pipeline.worker.found import entity_of, shown

TEXT_CHARS = 2_000  # of a record that a query found; the lake has it all
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
            todo = slices(data, request.unit_ids, request.since_ms, request.until_ms)
            state.slices = len(todo)
            progress(state)
            scanner = Scanner(data, target, request.snapshot_ms)
            with executor:
                results = executor.map(scanner, todo[state.done :])
                for result in results:
                    work.take(result)
                    progress(state)
                    if hunt.wants_stop:
                        state.status = "cancelled"
                        break
                else:
                    work.finish()
                    state.status = "done"
        except KeyboardInterrupt:
            state.status = "stopped"
            raise
        except Exception as error:
            state.status, state.problem = "failed", str(error)[:2000]
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

    def open(self, target: Target) -> None:
        self._file = self._hunt.hits_path.open("ab")
        self._file.truncate(self._state.hits_bytes)  # what came after the last saved state is found again
        if isinstance(target, Rules):
            self._rules = target
            state = self._hunt.folder / "engine.state"
            before = state.read_bytes() if self._state.done and state.exists() else b""
            self._detector = Detector(target.ruleset, before, code=target.code, indicators=target.indicators)

    def take(self, result: SliceResult) -> None:
        state = self._state
        if self._detector is None:
            hits = [_of_question(one) for one in result.sightings]
        else:
            hits = self._told(self._detector, result)
        self._keep(hits)
        state.done += 1
        state.records += result.records
        state.groups += result.groups
        state.groups_read += result.groups_read
        state.left_out += result.left_out
        self._unreadable.update(result.unreadable)
        if self._unreadable:
            state.problem = f"{len(self._unreadable)} tệp trong kho không đọc được nên không được xem."
        self._save_engine()
        self.save()

    def finish(self) -> None:
        """The history is over: windows that wait for their end are judged."""
        if self._detector is not None:
            self._keep(self._hits(self._detector.close(), {}))

    def _told(self, detector: Detector, result: SliceResult) -> list[dict[str, Any]]:
        sightings = {number: one for number, one in enumerate(result.sightings)}
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
            self._file.write(line)
            self._state.hits += 1
            self._state.hits_bytes += len(line)

    def _save_engine(self) -> None:
        if self._detector is not None and self._rules is not None:
            partial = self._hunt.folder / ".engine.state.part"
            partial.write_bytes(self._detector.state())
            partial.replace(self._hunt.folder / "engine.state")

    def save(self) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
        self._state.updated_ms = self._now_ms()
        self._hunt.save(self._state)

    def close(self) -> None:
        self.save()
        if self._file is not None:
            self._file.close()
