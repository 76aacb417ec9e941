"""Partitions shared out among the workers of several hosts, by leases in the database that they share.

A worker says that it lives by counting up its beat. Others watch: who has not counted for LEASE_SECONDS of *their* clock
has died, and they take over its partitions. No two clocks are ever compared. A worker that was only slow finds out inside
its next transaction: taking over raises the epoch of the lease, and `confirm` asks for the epoch that it began with.
"""

from __future__ import annotations

import logging
import math
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dekhang.pipeline.partitions import ALL, PARTITIONS
from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.database import Connection
from dekhang.pipeline.worker.ownership import OwnershipLost

logger = logging.getLogger(__name__)

LEASE_SECONDS = 6.0  # a dead worker's partitions are worked on again about a second later
BEAT_SECONDS = 1.0
BUSY_SECONDS = 0.5  # a worker that hangs in its transaction must not keep us from renewing our own
FREE = ""


@dataclass(slots=True)
class _Sight:
    """What we last saw of a worker, and since when by our own clock."""

    session: str
    beat: int
    since: float


class LeasedOwnership:
    """A fair share of the partitions: all of them ÷ workers alive, rounded up. See `ownership.Ownership`.

    Args:
        name: of this worker among all, the same after a restart: then it gets its partitions back at once.
        clock: seconds that never jump.

    Attributes:
        problem: a sentence while nothing can be held, else empty.
    """

    def __init__(
        self,
        data: Path,
        name: str,
        *,
        lease_seconds: float = LEASE_SECONDS,
        beat_seconds: float = BEAT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._data = data
        self._name = name
        self._session = secrets.token_hex(8)
        self._holder = f"{name}#{self._session}"
        self._lease_seconds = lease_seconds
        self._beat_seconds = beat_seconds
        self._clock = clock
        self._connection: Connection | None = None
        self._others: dict[str, _Sight] = {}
        self._lock = threading.Lock()  # guards the four below
        self._held: dict[int, int] = {}  # partition → epoch, as the database said last …
        self._held_at = -math.inf  # … and when we asked
        self._given: dict[int, int] = {}  # what the worker knows it holds; what `confirm` asks for
        self._surplus: frozenset[int] = frozenset()  # more than our share: goes back when the worker has let go of it
        self.problem = ""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
        self.beat()
        self._thread.start()

    # -- for the worker, between its batches

    def partitions(self) -> frozenset[int]:
        """What is held now. What was lost and came back is left out once, so that the worker begins it anew."""
        with self._lock:
            held = self._held if self._clock() - self._held_at < self._lease_seconds else {}
            self._given = {
                partition: epoch
                for partition, epoch in held.items()
                if partition not in self._surplus and self._given.get(partition, epoch) == epoch
            }
            return frozenset(self._given)

    def confirm(self, connection: Connection) -> None:
        """Inside the transaction of a batch: hold what the batch was made of until the transaction has ended.

        Raises:
            OwnershipLost: another worker has taken some of it over.
        """
        with self._lock:
            given = dict(self._given)
        if not given:
            raise OwnershipLost
        # an update and not a question: whoever takes over waits for this transaction, and then sees its positions
        each = " OR ".join('("partition" = ? AND epoch = ?)' for _ in given)
        sql = f"UPDATE leases SET epoch = epoch WHERE holder = ? AND ({each})"  # noqa: S608 - marks only
        values = [value for pair in given.items() for value in pair]
        if connection.execute(sql, (self._holder, *values)).rowcount != len(given):
            raise OwnershipLost

    def close(self) -> None:
        """Give everything back; others take it with their next beat."""
        self._ending.set()
        self._thread.join()
        with self._lock:
            self._held, self._given = {}, {}
        try:
            connection = self._connected()
            with connection.transaction():
                connection.execute(
                    "UPDATE leases SET holder = ?, epoch = epoch + 1 WHERE holder = ?", (FREE, self._holder)
                )
                connection.execute(
                    "DELETE FROM lease_workers WHERE name = ? AND session = ?", (self._name, self._session)
                )
        except (database.Error, OSError):  # then they wait until our lease has run out
            logger.warning("leases could not be given back", exc_info=True)
        self._disconnect()

    # -- in the thread

    def _run(self) -> None:
        while not self._ending.wait(self._beat_seconds):
            self.beat()

    def beat(self) -> None:
        """Renew now; the thread does so every BEAT_SECONDS. Never fails."""
        try:
            self._beat(self._connected())
        except (database.Error, OSError) as fault:  # unreachable: what we hold runs out by itself
            logger.warning("leases could not be renewed: %s", fault)
            self._disconnect()

    def _connected(self) -> Connection:
        if self._connection is None:
            connection = database.connect(self._data, busy_seconds=BUSY_SECONDS)
            connection.executemany(
                'INSERT INTO leases ("partition", holder, epoch) VALUES (?, ?, 1) ON CONFLICT DO NOTHING',
                [(partition, FREE) for partition in sorted(ALL)],
            )
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _beat(self, connection: Connection) -> None:
        """Say that we live, look who else does, take what is free and mark what is too much."""
        now = self._clock()
        if not self._say_we_live(connection):
            with self._lock:
                self._held, self._surplus = {}, frozenset()
            return
        alive = self._who_lives(connection, now)
        rows = connection.execute('SELECT "partition", holder, epoch FROM leases ORDER BY "partition"').fetchall()
        held = {partition: epoch for partition, holder, epoch in rows if holder == self._holder}
        share = math.ceil(PARTITIONS / len(alive))
        with self._lock:
            let_go = [one for one in self._surplus if one in held and one not in self._given]
        for partition in let_go:
            self._move(connection, partition, held.pop(partition), FREE)
        for partition, holder, epoch in rows:
            if len(held) >= share:
                break
            is_free = partition not in held and partition not in let_go and holder not in alive
            if is_free and self._move(connection, partition, epoch, self._holder):
                held[partition] = epoch + 1
        with self._lock:
            self._held, self._held_at = held, now
            self._surplus = frozenset(sorted(held)[share:])

    def _say_we_live(self, connection: Connection) -> bool:
        """False when another process has our name."""
        counted = connection.execute(
            "UPDATE lease_workers SET beat = beat + 1 WHERE name = ? AND session = ?", (self._name, self._session)
        ).rowcount
        if counted:
            return True
        if not self._held and not self.problem:  # the first beat: who had our name before is gone
            connection.execute(
                "INSERT INTO lease_workers (name, session, beat) VALUES (?, ?, 1)"
                " ON CONFLICT (name) DO UPDATE SET session = excluded.session, beat = lease_workers.beat + 1",
                (self._name, self._session),
            )
            return True
        self.problem = (
            f"Có một worker khác cũng mang tên {self._name}; mỗi worker phải có tên riêng. "
            "Hãy đặt `host` khác nhau trong cấu hình của từng máy rồi khởi động lại."
        )
        logger.error("%s", self.problem)
        return False

    def _who_lives(self, connection: Connection, now: float) -> set[str]:
        """Holders that count on, with ourselves. Who is seen for the first time is believed for the time of a lease."""
        seen: dict[str, _Sight] = {}
        for name, session, beat in connection.execute("SELECT name, session, beat FROM lease_workers"):
            before = self._others.get(name)
            if before is not None and (before.session, before.beat) == (session, beat):
                seen[name] = before
            else:
                seen[name] = _Sight(session, beat, now)
        self._others = seen
        return {self._holder} | {
            f"{name}#{one.session}" for name, one in seen.items() if now - one.since < self._lease_seconds
        }

    @staticmethod
    def _move(connection: Connection, partition: int, epoch: int, holder: str) -> bool:
        """Hand a lease on, if nobody has done so since we looked. Waits for the transaction that holds it, a moment."""
        sql = 'UPDATE leases SET holder = ?, epoch = epoch + 1 WHERE "partition" = ? AND epoch = ?'
        try:
            return bool(connection.execute(sql, (holder, partition, epoch)).rowcount)
        except database.Error as fault:
            logger.info("partition %d could not be taken yet: %s", partition, fault)
            return False
