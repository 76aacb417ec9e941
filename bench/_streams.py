"""Real log records as a live stream: encoded once, and each piece stamped with the time at which it is sent.

What was recorded over weeks would fall into dozens of days if it were sent with its own times; a machine that works
sends today's. Only the time of each record is replaced, everything else is as it was recorded.
"""

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from dekhang.pipeline.formats import open_records

SHARED = Path(os.environ.get("DEKHANG_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"
PIECE = 500  # records that one request or write carries
PRIORITY = b"<38>"  # auth.info, as rsyslog sends it
_STAMP = re.compile(rb"[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d")
_TIMES = re.compile(rb'"(?:SystemTime|EventTime|TimeCreated|@timestamp)": ?"(\d{4}-[^"]{10,40})"')
ACTION = b'{"create":{}}\n'


@dataclass(frozen=True, slots=True)
class Piece:
    """Records that are sent together. `parts` are the bytes between the times."""

    parts: list[bytes]
    records: int
    size_bytes: int
    kind: str

    def at(self, seconds: float) -> bytes:
        """The records, all of this moment (UTC epoch seconds)."""
        moment = time.gmtime(seconds)
        if self.kind == "windows":
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S.", moment) + f"{int(seconds % 1 * 1000):03d}Z"
        else:
            stamp = time.strftime("%b ", moment) + f"{moment.tm_mday:2d} " + time.strftime("%H:%M:%S", moment)
        return stamp.encode().join(self.parts)


def windows(count: int) -> list[Piece]:
    """Bodies of `_bulk` with flat Windows events."""
    found = open_records(SHARED / "windows/events.jsonl.xz")
    return _pieces((raw for _, raw in islice(found, 100_000, None)), count, "windows", _TIMES, 1, ACTION)


def logins(count: int) -> list[Piece]:
    """Syslog lines of a server's auth.log, each ended by a newline."""
    return _pieces(_again(SHARED / "linux/auth.log"), count, "linux", _STAMP, 0, PRIORITY)


def _again(path: Path) -> Iterator[bytes]:
    while True:
        for _, raw in open_records(path):
            yield raw


def _pieces(
    raws: Iterator[bytes], count: int, kind: str, time_in: re.Pattern[bytes], group: int, before: bytes
) -> list[Piece]:
    pieces: list[Piece] = []
    parts, rest, size, records = [], b"", 0, 0
    for raw in raws:
        found = time_in.search(raw)
        if found is None:
            continue
        parts.append(rest + before + raw[: found.start(group)])
        rest = raw[found.end(group) :] + b"\n"
        size += len(raw)
        records += 1
        if records == PIECE:
            pieces.append(Piece([*parts, rest], records, size, kind))
            parts, rest, size, records = [], b"", 0, 0
            if len(pieces) * PIECE >= count:
                break
    return pieces


def attack(kind: str, seconds: float) -> bytes:
    """One record that a rule of ours tells of; its host says when it was sent, in epoch milliseconds."""
    host = f"{ATTACKER}{int(seconds * 1000)}"
    stamp = Piece([b"", b""], 1, 0, kind).at(seconds).decode()
    if kind == "windows":
        event = f'{{"EventID":104,"Channel":"System","Provider_Name":"Microsoft-Windows-Eventlog","Computer":"{host}","SystemTime":"{stamp}"}}'
        return ACTION + event.encode() + b"\n"
    refused = "lan : user NOT in sudoers ; TTY=pts/0 ; PWD=/home/lan ; USER=root ; COMMAND=/bin/sh"
    return f"<37>{stamp} {host} sudo:  {refused}\n".encode()


ATTACKER = "do-"
