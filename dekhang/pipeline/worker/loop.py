"""The worker's loop: reads fairly, writes in transactions, keeps house when idle, stops when told."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from dekhang.engine import Detector, Losses, Match, Record
from dekhang.engine.ruleset import rules_over_budget
from dekhang.pipeline import lakefiles, lakewrite, wallclock
from dekhang.pipeline.partitions import partition_of
from dekhang.pipeline.readers import prune
from dekhang.pipeline.spool import START, Frame, Position
from dekhang.pipeline.stores import database, heartbeat
from dekhang.pipeline.stores.intake import IntakeMap
from dekhang.pipeline.stores.lake import Lake
from dekhang.pipeline.worker import found
from dekhang.pipeline.worker.batch import Work, prepare
from dekhang.pipeline.worker.commit import commit, forget_old_ids, read_positions, read_states
from dekhang.pipeline.worker.observing import Observer
from dekhang.pipeline.worker.ownership import FileOwnership, Ownership, OwnershipLost
from dekhang.pipeline.worker.reading import Reading
from dekhang.pipeline.worker.rules import RuleWatch, publish_faulty, publish_slow
from dekhang.pipeline.worker.silence import Silence
from dekhang.pipeline.worker.stages import Stages

logger = logging.getLogger(__name__)

BATCH_RECORDS = 10_000
BATCH_BYTES = 32 << 20  # raw; parsed it is about four times that
SMALL_BATCH = 2_000  # fewer records than this wait until BATCH_SECONDS after the last transaction
BATCH_SECONDS = 0.3
POLL_SECONDS = 0.05
HOUSEKEEPING_SECONDS = 5.0
BUDGET_LOOK_SECONDS = 60.0  # 50 ms of looking with 3,600 rules
SILENCE_SECONDS = 10.0  # between looks whether silence ends a window
RETRY_SECONDS = 1.0
STUCK_SECONDS = 120.0  # a step that takes longer is a hang: the heart stops beating and `up` restarts us
COLLECT_EVERY = 200  # batches between full garbage collections; automatic ones are off


class Worker:
    """Everything between the spool and the lake, for the partitions that it holds.

    Args:
        ownership: says which these are; without it all of the data folder's. Closed with the worker.
        name: of its heartbeat.
    """

    def __init__(
        self,
        data: Path,
        rule_folders: Sequence[Path],
        *,
        batch_records: int = BATCH_RECORDS,
        ownership: Ownership | None = None,
        name: str = heartbeat.WORKER,
    ) -> None:
        self.data = data
        self.name = name
        self.ownership: Ownership = FileOwnership(data) if ownership is None else ownership
        self.lake = lakefiles.of(data)
        self.connection = database.connect(data)
        self.watch = RuleWatch(rule_folders, data)
        self.batch_records = max(1, batch_records)
        self.stopping = False
        self.total_events = self.total_detections = self.total_batches = 0
        self.undetected = 0  # records that the engine could not judge
        self.problem = ""
        self._partitions: frozenset[int] = frozenset()
        self._committed: dict[tuple[int, int], Position] = {}
        self._reading = Reading(data, (), {})
        self._detector: Detector | None = None
        self._silence = Silence()
        self._stage = Stages()
        self._observer = Observer(IntakeMap(data))
        self._losses = Losses()  # of detectors that rule changes have replaced
        self._over_budget: frozenset[str] = frozenset()
        self._states: dict[int, bytes] = {}
        self._has_begun = False  # False: what we hold in memory may be ahead of, or behind, what is committed
        self._last_commit = 0.0
        self._next_housekeeping = 0.0
        self._next_silence = 0.0
        self._next_budget_look = 0.0
        self._much_waiting = False
        self._ready = False
        self._moved = time.monotonic()

    def start(self) -> None:
        """Load rules, positions and state; clean up after a crash."""
        self._begin()
        self._load_rules()
        gc.collect()
        gc.freeze()  # rules live as long as we do; scanning them again and again is for nothing
        gc.disable()  # events are trees without cycles and die by reference count
        self._ready = True

    def run(self, *, on_ready: Callable[[], None] = lambda: None) -> None:
        """Work until `stopping`; the current transaction is finished first."""
        beater = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        beater.start()
        self.start()
        self._warm_up()
        on_ready()
        while not self.stopping:
            self._moved = time.monotonic()
            try:
                if not self.step():
                    time.sleep(POLL_SECONDS)
            except OwnershipLost:  # the batch is the new owner's, who began where we last committed
                logger.warning("partitions were taken over by another worker; going on with what is ours")
                self._retry()
            except (database.Error, OSError) as fault:  # full disk, locked database: nothing is lost, try again
                self.problem = f"Chưa ghi được vào kho: {fault}. Hệ thống tự thử lại; hãy kiểm tra dung lượng ổ đĩa."
                logger.exception("transaction failed, will be repeated")
                self._retry()
            except Exception:  # a bug of ours: the positions stand, so the same batch comes again
                self.problem = (
                    "Phần phân tích gặp một lỗi của phần mềm và đang thử lại; hãy gửi nhật ký lỗi cho nhà phát triển."
                )
                logger.exception("a batch failed, will be repeated")
                self._retry()
        self.close()

    def _warm_up(self) -> None:
        """Load the engine's machine code now and not while the first alert waits; a new installation compiles it."""
        self._moved = time.monotonic()
        try:
            if self._detector is not None:
                self._detector.process([Record({})])
        except Exception:  # then every batch will say so
            logger.exception("the engine failed on nothing")

    def step(self) -> bool:
        """One round: a batch if there is one, else housekeeping. Returns whether there was something to do."""
        now = time.monotonic()
        if not self._has_begun or self.ownership.partitions() != self._partitions:
            self._begin()
        if self.watch.changed():
            self._load_rules()
        frames = self._read(now)
        if frames:
            self._work_off(frames)
            if self.total_batches % COLLECT_EVERY == 0:
                gc.collect()
        if self._much_waiting:
            self._silence.broken()
        elif now >= self._next_silence:
            self._next_silence = now + SILENCE_SECONDS
            self.let_time_pass(now)
        if now >= self._next_budget_look:
            self._next_budget_look = now + BUDGET_LOOK_SECONDS
            self._watch_budgets()
        if now >= self._next_housekeeping:
            self._next_housekeeping = now + HOUSEKEEPING_SECONDS
            self._keep_house()
        return bool(frames)

    def drain(self) -> int:
        """Work until the spool is empty; returns how many events were stored. For tests and measurements."""
        before = self.total_events
        self._reading.look_again()
        self._last_commit = 0.0
        while frames := self._read(time.monotonic(), patient=False):
            self._work_off(frames)
        return self.total_events - before

    def close(self) -> None:
        self._reading.close()
        self.connection.close()
        self.ownership.close()
        self._ready = False
        gc.unfreeze()
        gc.enable()
        heartbeat.clear(self.data, self.name)

    # -- reading

    def _read(self, now: float, *, patient: bool = True) -> list[tuple[int, Frame]]:
        """The next frames of our partitions, as many as one transaction takes."""
        if patient and now - self._last_commit < BATCH_SECONDS and not self._much_waiting:
            return []
        with self._stage("spool"):
            frames = self._reading.read(self.batch_records, BATCH_BYTES, now=now)
        self._much_waiting = sum(len(frame.records) for _, frame in frames) >= min(SMALL_BATCH, self.batch_records)
        return frames

    def _begin(self) -> None:
        """Start from what is committed of the partitions that are ours now. What fails half way is begun again."""
        self._has_begun = False
        self._reading.close()
        self._partitions = self.ownership.partitions()
        # a server that we lost during a COMMIT may still be about to do it: wait until it has, or has not
        with suppress(OwnershipLost), self.connection.transaction():
            self.ownership.confirm(self.connection)
        # what a crash or failed attempts have left would fill a full disk further
        orphans = lakewrite.remove_orphans(self.lake, self.connection, self._partitions)
        if orphans:
            logger.warning("removed %d lake files that no transaction had finished", orphans)
        self._committed = {
            place: position
            for place, position in read_positions(self.connection).items()
            if place[0] in self._partitions
        }
        self._states = read_states(self.connection, self._partitions)
        self._reading = Reading(self.data, self._partitions, self._committed)
        self._silence.broken()
        if self.watch.book is not None:
            self._replace_detector()
        self._has_begun = True

    @property
    def _keeps_house(self) -> bool:
        """One worker of all deletes and tells of rules: who holds the first partition."""
        return 0 in self._partitions

    def _rewind(self) -> None:
        """Forget what was read and counted since the last transaction."""
        self._has_begun = False
        self._observer = Observer(IntakeMap(self.data))  # what it believes to have written was rolled back, too
        self.connection.rollback()
        self._begin()

    def _retry(self) -> None:
        time.sleep(RETRY_SECONDS)
        try:
            self._rewind()
        except (database.Error, OSError):
            logger.exception("could not start afresh, will try again")

    # -- one transaction

    def _work_off(self, frames: list[tuple[int, Frame]]) -> None:
        with self._stage("parse"):
            work = prepare(self.connection, frames)
        self._silence.heard({frame.unit_id for _, frame in frames})
        with self._stage("detect"):
            matches = self._detect(work)
        self._commit(work, matches)
        self._last_commit = time.monotonic()
        self.total_batches += 1
        self.total_events += len(work.events)

    def _commit(self, work: Work, matches: list[Match]) -> None:
        """Everything that a batch, or time, has brought: all of it or nothing."""
        now_ms = _now_ms()
        with self._stage("rows"):
            rows = work.rows()
        with self._stage("lake"):
            written = lakewrite.write_rows(self.lake, rows, created_ms=now_ms, holder=min(self._partitions, default=0))
        detections = found.rows(work, matches, lake=Lake(self.data), created_ms=wallclock.now_ms())
        states = self._detector.state_parts(partition_of) if self._detector is not None else {}
        positions = {
            place: position
            for place, position in self._reading.positions().items()
            if position != self._committed.get(place, START)
        }
        with self._stage("commit"):
            commit(
                self.connection,
                work,
                written=written,
                detections=detections,
                states=states,
                positions=positions,
                observer=self._observer,
                confirm=self.ownership.confirm,
                now_ms=now_ms,
            )
        self._states |= states
        self.problem = ""
        self.total_detections += len(detections)
        if any(position.segment != self._committed.get(place, START).segment for place, position in positions.items()):
            self._prune()
        self._committed.update(positions)

    def _prune(self) -> None:
        prune(self.data, read_positions(self.connection))

    def let_time_pass(self, now: float) -> None:
        """End windows that only time can end, in units that send nothing. `now` is of time.monotonic()."""
        if self._detector is None or not self._detector.waits:
            return
        passing = self._silence.passing(self._detector.waiting(), now)
        if not passing.times and not passing.behind:
            return
        matches = [
            match for unit, time_ms in passing.times.items() for match in self._detector.end_windows(unit, time_ms)
        ]
        for unit in passing.behind:
            matches.extend(self._detector.end_behind(unit))
        self._commit(Work(), matches)

    def _detect(self, work: Work) -> list[Match]:
        """Matches in the batch. A record that makes the engine fail is stored without them, and counted."""
        if self._detector is None or not work.events:
            return []
        records = work.records
        try:
            return self._detector.process(records)
        except Exception:  # a bug of ours must not stop the pipeline for everyone
            logger.exception("the engine failed on a batch of %d records; judging them one by one", len(records))
        detector = self._replace_detector()
        matches: list[Match] = []
        for index, record in enumerate(records):
            try:
                matches.extend(_at(match, index) for match in detector.process([record]))
            except Exception:
                self.undetected += 1
                event = work.events[work.places[index]]
                event.problem = event.problem or (
                    "Bản ghi này không kiểm tra được bằng luật vì một lỗi của phần mềm; bản ghi vẫn được lưu."
                )
        return matches

    # -- rules, house, heart

    def _load_rules(self) -> None:
        book = self.watch.load()
        self._replace_detector()
        if self._keeps_house:
            publish_faulty(self.connection, book, now_ms=wallclock.now_ms())
        self._over_budget = frozenset()
        self._watch_budgets()

    def _replace_detector(self) -> Detector:
        self._losses = self._all_losses()
        self._detector = self.watch.new_detector(self._states)
        return self._detector

    def _all_losses(self) -> Losses:
        if self._detector is None:
            return self._losses
        late, forgotten = self._detector.losses.late, self._detector.losses.forgotten
        return Losses(self._losses.late + late, self._losses.forgotten + forgotten)

    def _watch_budgets(self) -> None:
        """Name rules whose regular expressions have come to take too long."""
        book = self.watch.book
        if book is None:
            return
        over_budget = frozenset(rules_over_budget(book.ruleset))
        if (
            over_budget or self._over_budget
        ):  # again each time: the worker that keeps the house may have cleared the table since
            publish_slow(self.connection, book, over_budget, now_ms=wallclock.now_ms())
            self._over_budget = over_budget

    def _keep_house(self) -> None:
        if self._reading.positions() != self._committed:  # only others' records came: let the spool go on
            self._commit(Work(), [])
        if self._keeps_house:
            self._flush_overflow()
            forget_old_ids(self.connection, now_ms=wallclock.now_ms())
            self._observer.forget(self.connection, now_ms=wallclock.now_ms())
            self._prune()

    def _flush_overflow(self) -> None:
        """Small batches are the keeper's to write; when it is not there the database must not carry them for ever."""
        try:
            lakewrite.flush(
                self.lake,
                self.connection,
                now_ms=_now_ms(),
                least_rows=lakewrite.OVERFLOW * lakewrite.FLUSH_ROWS,
                least_bytes=lakewrite.OVERFLOW * lakewrite.FLUSH_BYTES,
                oldest_seconds=lakewrite.OVERFLOW_SECONDS,
                holder=min(self._partitions),
                confirm=self.ownership.confirm,
            )
        except lakewrite.Superseded:
            logger.info("the keeper was faster")

    def facts(self) -> dict[str, Any]:
        """What the heartbeat tells."""
        book = self.watch.book
        losses = self._all_losses()
        return {
            "ready": self._ready,
            "events": self.total_events,
            "detections": self.total_detections,
            "rules": len(book.ruleset.rules) if book is not None else 0,
            "rule_problems": len(book.errors) if book is not None else 0,
            "undetected": self.undetected,
            "cpu_seconds": {stage: round(seconds, 3) for stage, seconds in self._stage.cpu_seconds.items()},
            "over_budget": len(self._over_budget),
            "correlation_late": losses.late,
            "correlation_forgotten": losses.forgotten,
            "lost_records": self._reading.lost_records,
            "spool_problems": self._reading.problems[-5:],
            "problem": self.problem or self.ownership.problem,
        }

    def _beat(self) -> None:
        while not self.stopping:
            if time.monotonic() - self._moved < STUCK_SECONDS:
                try:
                    heartbeat.beat(self.data, self.name, **self.facts())
                except OSError:
                    logger.warning("heartbeat could not be written", exc_info=True)
            time.sleep(heartbeat.BEAT_SECONDS if self._ready else 0.2)


def _at(match: Match, index: int) -> Match:
    return replace(match, index=index)


def _now_ms() -> int:
    """The machine's own time: for what people do not read, such as when a merged file may go."""
    return time.time_ns() // 1_000_000
