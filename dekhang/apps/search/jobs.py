"""What search does on the clock: hunts that wait are begun, one at a time, each in a process of its own."""

import logging
import subprocess
import sys
from collections import Counter

from django.conf import settings

from dekhang.pipeline.stores import hunts
from dekhang.pipeline.stores.hunts import Hunt

logger = logging.getLogger(__name__)
ATTEMPTS = 3  # in a row of a hunt whose process dies; since this process began

_process: subprocess.Popen[bytes] | None = None
_attempts: Counter[str] = Counter()


def tick() -> None:
    """Begin what waits. A hunt whose process died (power, kill) goes on from its last slice."""
    global _process
    if _process is not None:
        if _process.poll() is None:
            return
        _process = None
    for hunt in reversed(hunts.listing(settings.DATA)):
        options = _wanted(hunt)
        if options is None:
            _attempts.pop(hunt.id, None)  # its process came to an end: whoever resumes it begins anew
            continue
        if hunt.is_running:
            continue
        if _attempts[hunt.id] >= ATTEMPTS:
            _give_up(hunt)
            continue
        _attempts[hunt.id] += 1
        _process = _begin(hunt, options)
        return


def _wanted(hunt: Hunt) -> list[str] | None:
    """Options of the command that is to be run for a hunt; None: nothing is."""
    state = hunt.state
    if state.status in ("waiting", "running"):
        return []
    if state.status == "done" and hunt.wants_alerts and state.told is None:
        return ["--to-alerts"]
    return None


def _begin(hunt: Hunt, options: list[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dekhang", "hunt", "--data", str(settings.DATA), "--resume", hunt.id]
    return subprocess.Popen(
        [*command, "--quiet", "--yielding", "--format", "jsonl", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def _give_up(hunt: Hunt) -> None:
    state = hunt.state
    logger.error("hunt %s: its process died %d times", hunt.id, ATTEMPTS)
    state.problem = "Tiến trình lùng bị tắt giữa chừng nhiều lần; xem nhật ký của phần jobs."
    if state.status == "done":  # what it has found stays; it can be told to hand it over again
        hunt.drop_alerts()
    else:
        state.status = "failed"
    hunt.save(state)
