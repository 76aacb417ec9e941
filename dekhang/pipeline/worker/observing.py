"""What the worker learns about sources besides storing their events: when they are heard, what they send, what is
missing, whose machines they claim to be, which names they speak of."""

from __future__ import annotations

from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.intake import IntakeMap
from dekhang.pipeline.stores.schema import DAY_MS
from dekhang.pipeline.worker import arrivals, foreign, names, routes, sequences
from dekhang.pipeline.worker.batch import Work


class Observer:
    """What one worker remembers of what it has written; lost memory costs only writing once more."""

    def __init__(self, intake: IntakeMap) -> None:
        self._routes = routes.Routes()
        self._claims = foreign.Claims(intake)
        self._names = names.Names()
        self._cleaned_day = -1

    def observe(self, connection: database.Connection, work: Work, *, now_ms: int) -> None:
        """Write what a batch says about its sources, inside the batch's transaction.

        Args:
            now_ms: the time that the pipeline believes it is (wallclock).
        """
        if work.arrivals:
            arrivals.keep(connection, work.arrivals)
        if work.events:
            sequences.keep(connection, sequences.heard_in(work), now_ms=now_ms)
            self._routes.keep(connection, work, now_ms=now_ms)
            self._claims.keep(connection, work)
            self._names.keep(connection, work, now_ms=now_ms)

    def forget(self, connection: database.Connection, *, now_ms: int) -> None:
        """Delete what is so old that nobody asks for it, once a day."""
        if now_ms // DAY_MS == self._cleaned_day:
            return
        with connection.transaction():
            arrivals.forget(connection, now_ms=now_ms)
            sequences.forget(connection, now_ms=now_ms)
            routes.forget(connection, now_ms=now_ms)
            foreign.forget(connection, now_ms=now_ms)
            names.forget(connection, now_ms=now_ms)
        self._cleaned_day = now_ms // DAY_MS
