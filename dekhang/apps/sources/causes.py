"""Why is a source silent? What the system can see from its own side, the surest sign first. Pure."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dekhang.apps.sources.enums import SilenceCause

TOGETHER = timedelta(minutes=10)  # sources that stopped within this time of each other stopped together
# Windows: 1074 somebody shut down, 6006 the event log service stopped, 13 and 109 the kernel goes down
SHUTDOWN_CODES = frozenset({"1074", "6006", "13", "109"})
SHUTDOWN_SPEAKERS = re.compile(r"eventlog|user32|kernel-general|kernel-power", re.IGNORECASE)
SHUTDOWN_LINES = re.compile(
    r"Reached target (?:System )?(?:Power-Off|Shutdown|Reboot|Halt)|System is (?:powering down|rebooting|going down)"
    r"|Powering off|Stopping System Logging Service|rsyslogd: .{0,200}exiting on signal|shutting down for system"
    r"|syslog-ng shutting down",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another source of the same unit: when it was last heard, from where, and whether it is overdue, too."""

    source_id: int
    last: datetime | None
    peer: str
    overdue: bool


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known about a source that says nothing any more.

    Args:
        last: when it was last heard, and `peer` from where ("": unknown).
        wrong_token_peers: addresses that were refused for a wrong or missing token since then.
        disk_refused: our receivers have refused the source for want of room since then.
        last_records: its newest records, newest first: (Windows event code, who wrote it, text).
    """

    last: datetime
    peer: str
    wrong_token_peers: Collection[str]
    disk_refused: bool
    last_records: Sequence[tuple[str, str, str]]
    neighbours: Sequence[Neighbour]


def cause_of(signs: Signs) -> SilenceCause:
    if signs.disk_refused:
        return SilenceCause.DISK
    if signs.peer and signs.peer in signs.wrong_token_peers:
        return SilenceCause.TOKEN
    if any(is_shutdown(*record) for record in signs.last_records):
        return SilenceCause.SHUTDOWN
    known = [one for one in signs.neighbours if one.last is not None]
    of_machine = [one for one in known if signs.peer and one.peer == signs.peer]
    if any(not one.overdue for one in of_machine):
        return SilenceCause.SHIPPER  # the same machine still sends something else
    stopped_together = [one for one in known if one.last and abs(one.last - signs.last) <= TOGETHER and one.overdue]
    if stopped_together and all(one.overdue for one in known):
        return SilenceCause.LINK
    return SilenceCause.UNKNOWN


def is_shutdown(code: str, speaker: str, text: str) -> bool:
    """Whether a record says that its machine goes down."""
    if code in SHUTDOWN_CODES and SHUTDOWN_SPEAKERS.search(speaker):
        return True
    return SHUTDOWN_LINES.search(text[:2_000]) is not None
