"""received = stored + refused + duplicate + waiting, per source and hour, whatever happens in whatever order."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.spool import Batch, SpoolWriter
from dekhang.pipeline.stores import ledger
from dekhang.pipeline.stores.reasons import Reason
from dekhang.pipeline.worker import loop as loop_module
from dekhang.pipeline.worker.loop import Worker

HOUR_MS = 3_600_000
START_MS = 1_575_943_200_000  # 2019-12-10T02:00:00Z, a full hour
SOURCES = (7, 8)

sends = st.tuples(
    st.just("send"),
    st.sampled_from([1, 2]),  # writer
    st.sampled_from(SOURCES),
    st.integers(0, 2),  # hour
    st.lists(st.sampled_from([None, b"a", b"b", b"c", b"d"]), min_size=1, max_size=6),  # the sender's ids
)
refusals = st.tuples(st.just("refuse"), st.sampled_from(SOURCES), st.integers(1, 9))
works = st.tuples(st.sampled_from(["work", "fault", "restart"]))


class Installation:
    """Receivers, a worker that takes three records at a time, and what must have been received."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.rules = folder / "rules"
        self.rules.mkdir()
        self.writers = {number: SpoolWriter(self.data / "spool", number) for number in (1, 2)}
        self.refusals = Refusals(self.data)
        self.worker = self.new_worker()
        self.received: Counter[tuple[int, int]] = Counter()
        self.refused: Counter[int] = Counter()
        self.faults = 0

    def new_worker(self) -> Worker:
        worker = Worker(self.data, [self.rules], batch_records=3)
        worker.start()
        return worker

    def close(self) -> None:
        self.worker.close()
        self.refusals.close()
        for writer in self.writers.values():
            writer.close()

    def do(self, step: tuple[Any, ...]) -> None:
        if step[0] == "send":
            _, writer, source, hour, ids = step
            records = [b"Dec 10 02:00:00 may-chu sshd[1]: Accepted password for lan" for _ in ids]
            received_ms = START_MS + hour * HOUR_MS + 5_000
            self.writers[writer].append(
                Batch(source, 3, "linux", "http_bulk", received_ms, "192.0.2.1", records, list(ids))
            )
            self.writers[writer].sync()
            self.received[source, hour] += len(ids)
        elif step[0] == "refuse":
            self.refusals.add(step[1], Reason.OVERSIZE, step[2])
            assert self.refusals.flush()
            self.refused[step[1]] += step[2]
        elif step[0] == "restart":
            self.worker.close()
            self.worker = self.new_worker()
        else:
            self.faults = step[0] == "fault"
            try:
                self.worker.drain()
            except OSError:  # as the loop does after a failed transaction
                self.worker.close()
                self.worker = self.new_worker()

    def check(self) -> None:
        ledgers = ledger.of_sources(self.data, SOURCES)
        for source, hours in ledger.by_hour(self.data, SOURCES, START_MS, START_MS + 3 * HOUR_MS).items():
            by_hour = {(hour.start_ms - START_MS) // HOUR_MS: hour for hour in hours}
            assert {number: hour.received for number, hour in by_hour.items()} == {
                number: self.received[source, number] for number in range(3) if self.received[source, number]
            }
            account = ledgers[source]
            assert account.received == sum(by_hour[n].received for n in by_hour) + self.refused[source]
            assert account.stored == sum(hour.stored for hour in hours)
            assert account.duplicate == sum(hour.duplicate for hour in hours)
            assert account.waiting == sum(hour.waiting for hour in hours)


@contextmanager
def looking_into_transactions(place: Installation) -> Iterator[None]:
    """The account is looked at before and after each transaction; one in two fails while there are faults."""
    real = loop_module.commit

    def commit(*args: Any, **more: Any) -> None:
        place.check()
        if place.faults:
            place.faults = 0
            raise OSError("no space")
        real(*args, **more)
        place.check()

    loop_module.commit = commit
    try:
        yield
    finally:
        loop_module.commit = real


@settings(max_examples=12, deadline=None)
@given(st.lists(st.one_of(sends, sends, refusals, works), min_size=3, max_size=14))
def test_every_hour_of_every_source_adds_up_at_every_moment(steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Installation(Path(folder))
        try:
            with looking_into_transactions(place):
                for step in [*steps, ("work",)]:
                    place.do(step)
                    place.check()
            assert all(account.waiting == 0 for account in ledger.of_sources(place.data, SOURCES).values())
        finally:
            place.close()
