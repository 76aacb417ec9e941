"""Event time while a unit sends nothing, so that windows end which only time can end (docs/reference/detection.md).

Event time is what records say. Without records the worker lets it pass at the pace of the clock, MARGIN_SECONDS behind:
from where the unit's own records left it, so that a unit whose machines have a wrong clock is treated like others. How
long a unit was silent is not remembered over a restart, but how far its event time has come is (Detector.state).

Windows of old records, such as an uploaded file's, began behind event time; they end when nothing has joined such windows
of the unit for MARGIN_SECONDS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dekhang.engine import Waiting

MARGIN_SECONDS = 600.0  # agents that lost the connection deliver what they kept within minutes after it is back
SAVED_EVERY_MS = 300_000  # so often the event time of a silent unit is moved on though nothing ends


@dataclass(frozen=True, slots=True)
class Passing:
    """What silence means now. `times`: unit → its event time; `behind`: units whose old records have all come."""

    times: dict[int, int]
    behind: list[int]


class Silence:
    """Knows since when units with waiting windows have been silent. Moments are seconds of a clock that never jumps."""

    def __init__(self) -> None:
        self._since: dict[int, tuple[float, int]] = {}  # unit → (moment, event time then)
        self._behind: dict[int, tuple[float, int]] = {}  # unit → (moment, events in windows behind)

    def heard(self, units: Iterable[int]) -> None:
        """Records of these units came."""
        for unit in units:
            self._since.pop(unit, None)

    def broken(self) -> None:
        """Nothing is known of any unit's silence: there is a backlog, or a new start."""
        self._since.clear()
        self._behind.clear()

    def passing(self, waiting: Mapping[int, Waiting], now: float) -> Passing:
        """Return which time may pass. Ask again every few seconds: the first time a silence begins.

        Args:
            waiting: of the detector.
        """
        since = {unit: self._since.get(unit, (now, one.newest_ms)) for unit, one in waiting.items()}
        times = {}
        for unit, (moment, newest_ms) in since.items():
            one = waiting[unit]
            time_ms = newest_ms + int((now - moment - MARGIN_SECONDS) * 1000)
            is_due = one.due_ms is not None and time_ms > one.due_ms
            if time_ms > one.newest_ms and (is_due or time_ms >= one.newest_ms + SAVED_EVERY_MS):
                times[unit] = time_ms
        self._since = since
        behind = {}
        over = []
        for unit, one in waiting.items():
            if one.behind is not None:
                moment, events = self._behind.get(unit, (now, one.behind))
                behind[unit] = (moment if events == one.behind else now, one.behind)
                if now - behind[unit][0] >= MARGIN_SECONDS:
                    over.append(unit)
                    del behind[unit]
        self._behind = behind
        return Passing(times, over)
