"""The supervisor and a worker whose heart stops."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dekhang.cli import supervisor
from dekhang.cli.supervisor import Group, Part
from dekhang.pipeline.stores import heartbeat

ONE_BEAT = """
import sys, time
from pathlib import Path
from dekhang.pipeline.stores import heartbeat
heartbeat.beat(Path(sys.argv[1]), "worker", ready=True)
time.sleep(3600)
"""


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Group]:
    monkeypatch.setattr(supervisor, "HUNG_SECONDS", 0.3)
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.02)
    (tmp_path / "logs").mkdir()
    group = Group(data=tmp_path, address="", called="", preparation=[], pipeline=lambda rules: [], rest=[], facts={})
    group._add([Part("worker", "phân tích", [sys.executable, "-c", ONE_BEAT, str(tmp_path)], "worker")])
    yield group
    group._stop(quiet=True)
    for part in group.parts:
        if part.log is not None:
            part.log.close()


def turn(group: Group, until: Callable[[], bool], seconds: float = 60.0) -> bool:
    """The supervisor's loop until something holds; whether it did in time."""
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        for part in group.parts:
            group._watch(part, 0.0)
        group._beat(ready=False)
        time.sleep(0.01)
    return until()


def test_a_worker_that_hangs_is_killed_and_started_again(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    (part,) = group.parts
    assert turn(group, lambda: part.ready)
    assert part.process is not None
    first = part.process.pid

    assert turn(group, lambda: part.ready and part.process is not None and part.process.pid != first)

    assert "bị treo" in capsys.readouterr().out


def test_while_the_supervisor_cannot_write_either_silence_means_nothing(group: Group) -> None:
    (part,) = group.parts
    assert turn(group, lambda: part.ready)
    draft = group.data / "run" / f".up.{os.getpid()}.tmp"
    draft.mkdir()  # where the supervisor's own sign of life would be written

    assert not turn(group, lambda: part.failures > 0, seconds=1.5)
