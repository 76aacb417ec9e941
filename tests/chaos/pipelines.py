"""The pipeline alone (HTTP intake and worker, real processes) under conditions that a test imposes on them.

`prefix` is a program in front of a part, such as strace that delays or fails its system calls; `environment` what it
runs in, such as a clock that jumps.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from dekhang.pipeline.stores import detections, heartbeat, ledger
from dekhang.pipeline.stores.intake import IntakeSource, hash_token, publish
from dekhang.pipeline.stores.lake import Lake
from tests.counting_senders import BulkSender, Sender, count_markers, windows_event
from tests.receivers import PROJECT, free_port

TOKEN = "ma-ket-noi-cua-ngay-kho"
UNIT, SOURCE = 11, 21
CLEARED = "d99b79d2-0a6f-4f46-ad8b-260b6e17f982"  # id of the rule below
RULE = f"""
title: Log cleared
id: {CLEARED}
logsource: {{product: windows, service: system}}
detection:
  cleared: {{EventID: 104}}
  condition: cleared
level: high
"""


class Pipeline:
    """Use as a context manager: leaving it kills what still runs."""

    def __init__(self, data: Path, folder: Path, *, environment: Mapping[str, str] | None = None) -> None:
        self.data, self.folder = data, folder
        self.environment = {**os.environ, "PYTHONPATH": str(PROJECT), **(environment or {})}
        self.port = free_port()
        self.rules = folder / "rules"
        self.rules.mkdir()
        (self.rules / "cleared.yml").write_text(RULE)
        publish(data, [IntakeSource(SOURCE, UNIT, "windows", hash_token(TOKEN))])
        self.parts: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.parts):
            self.kill(name)

    def start(self, part: str, prefix: Sequence[str] = ()) -> None:
        """Start `http` or `worker` and wait until it says that it is ready."""
        command = {
            "http": ["dekhang.pipeline.receive", "http", "--port", str(self.port), "--free-floor-mb", "0"],
            "worker": ["dekhang.pipeline.worker", "--rules", str(self.rules), "--batch-records", "500"],
        }[part]
        heartbeat.clear(self.data, part)
        with (self.folder / f"{part}.log").open("ab") as log:
            self.parts[part] = subprocess.Popen(
                [*prefix, sys.executable, "-m", *command, "--data", str(self.data)],
                cwd=PROJECT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait(lambda: self.beat(part).get("ready"), f"{part} is ready")

    def kill(self, part: str) -> None:
        process = self.parts.pop(part)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, part: str) -> int:
        """SIGTERM to the part itself, not to what stands before it; returns the exit code."""
        process = self.parts.pop(part)
        for one in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
            if "dekhang.pipeline" in " ".join(one.cmdline()) and "strace" not in one.name():
                one.terminate()
        return process.wait(60)

    def beat(self, part: str) -> dict[str, Any]:
        return heartbeat.read(self.data).get(part, {})

    def wait(self, condition: Callable[[], Any], what: str, *, seconds: float = 90.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            for name, process in self.parts.items():
                assert process.poll() is None, f"{name} ended with {process.returncode}: {self.log(name)}"
            assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain until {what}: {self.logs()}"
            time.sleep(0.05)

    def log(self, part: str) -> str:
        return (self.folder / f"{part}.log").read_text(errors="replace")[-3000:]

    def logs(self) -> str:
        return "\n".join(f"{name}: {self.log(name)}" for name in self.parts)

    def sender(self, name: str, *, size: int = 20, pause_seconds: float = 0.05, careful: bool = False) -> BulkSender:
        """Sends Windows events, the first of each turn one that must be detected. `careful`: until acknowledged."""

        def documents(markers: list[bytes]) -> list[dict[str, object]]:
            now = datetime.now(UTC)
            return [
                windows_event(marker, now, host=f"may-{name}", attack=number == 0)
                for number, marker in enumerate(markers)
            ]

        return BulkSender(name, self.port, TOKEN, documents, size=size, with_ids=careful, pause_seconds=pause_seconds)

    def drained(self) -> bool:
        return ledger.of_source(self.data, SOURCE).waiting == 0


def check(pipeline: Pipeline, senders: Sequence[Sender], *, lost: int = 0) -> None:
    """Every acknowledged record once in the lake, every detection once, and the account adds up.

    Args:
        lost: records that the test itself destroyed after they were acknowledged.
    """
    data = pipeline.data
    pipeline.wait(pipeline.drained, "everything is worked off")
    events = Lake(data).recent([UNIT], source_id=SOURCE, limit=1_000_000)
    stored = count_markers(event.raw for event in events)
    acknowledged = set().union(*(sender.account.acknowledged for sender in senders))
    attempted = set().union(*(sender.account.attempted for sender in senders))
    missing = [marker for marker in acknowledged if not stored[marker]]
    assert len(missing) == lost, f"{len(missing)} acknowledged records are not in the lake: {missing[:5]}"
    assert [marker for marker, times in stored.items() if times > 1] == []
    assert set(stored) <= attempted
    assert len({event.event_id for event in events}) == len(events)
    found = detections.after(data, 0, 1_000_000)
    attacks = {event.event_id for event in events if event.event_code == "104"}
    assert Counter(one.event_id for one in found) == Counter(attacks)
    account = ledger.of_source(data, SOURCE)
    repeats = sum(sender.repeated * sender.size for sender in senders if isinstance(sender, BulkSender))
    assert account.stored == len(events)
    assert account.duplicate <= repeats
    assert account.received == account.stored + account.duplicate + account.refused
    hours = ledger.hourly(data, SOURCE, 0)
    assert sum(hour.stored for hour in hours) == account.stored
    assert sum(hour.duplicate for hour in hours) == account.duplicate
    connection = sqlite3.connect(f"file:{data / 'pipeline.db'}?mode=ro", uri=True)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
