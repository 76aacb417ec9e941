"""kill -9 of the worker at any moment: every acknowledged event once in the lake, every detection once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from dekhang.pipeline.spool import Batch, SpoolWriter, event_id
from dekhang.pipeline.stores import detections, ledger
from dekhang.pipeline.stores.lake import Lake
from dekhang.pipeline.worker.loop import Worker

ROOT = Path(__file__).resolve().parents[2]
EVENTS = 20_000
START_MS = 1_575_943_200_000  # 2019-12-10T02:00:00Z
RULES = """
title: SSH login failed
id: 3f2f1f0a-0000-4000-8000-000000000001
name: failed
logsource: {product: linux, service: auth}
detection:
  bad: {action: login_failed}
  condition: bad
level: low
---
title: SSH brute force
id: 3f2f1f0a-0000-4000-8000-000000000002
correlation:
  type: event_count
  rules: [failed]
  group-by: [src_ip]
  timespan: 5m
  condition: {gte: 7}
level: medium
---
title: Root logged in
id: 3f2f1f0a-0000-4000-8000-000000000003
name: root
logsource: {product: linux, service: auth}
detection:
  good: {action: login_ok, user: root}
  condition: good
level: high
---
title: Root logged in once or twice
id: 3f2f1f0a-0000-4000-8000-000000000004
correlation:
  type: event_count
  rules: [root]
  group-by: [src_ip]
  timespan: 1m
  condition: {lt: 3}
  generate: true
level: low
"""


def line(number: int) -> bytes:
    moment = time.strftime("%b %d %H:%M:%S", time.gmtime(START_MS / 1000 + number // 20))
    address = f"192.0.2.{number % 50}"
    if number % 97 == 0:
        return f"{moment} may-chu sshd[{number}]: Accepted password for root from {address} port 40000 ssh2".encode()
    return f"{moment} may-chu sshd[{number}]: Failed password for root from {address} port 40000 ssh2".encode()


def fill(data: Path) -> dict[int, bytes]:
    """A spool of two receivers; the second also repeats 500 records with the sender's ids."""
    expected: dict[int, bytes] = {}
    for writer, unit in ((1, 11), (2, 12)):
        with SpoolWriter(data / "spool", writer, segment_bytes=200_000) as spool:
            for start in range(0, EVENTS // 2, 50):
                records = [line(number) for number in range(start, start + 50)]
                ids = [f"{number}".encode() for number in range(start, start + 50)] if writer == 2 else None
                first = spool.append(Batch(unit, unit, "linux", "tail", START_MS, "192.0.2.250", records, ids))
                expected.update({event_id(writer, first + number): raw for number, raw in enumerate(records)})
                if writer == 2 and start < 500:
                    spool.append(Batch(unit, unit, "linux", "tail", START_MS, "192.0.2.250", records, ids))
    return expected


def rule_folder(folder: Path) -> Path:
    folder.mkdir()
    for number, text in enumerate(RULES.split("---\n")):
        (folder / f"{number}.yml").write_text(text)
    return folder


def start_worker(data: Path, rules: Path, share: str = "1/1") -> subprocess.Popen[bytes]:
    options = ["--data", data, "--rules", rules, "--batch-records", "200", "--share", share]
    return subprocess.Popen(
        [sys.executable, "-m", "dekhang.pipeline.worker", *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
    )


def found_in(data: Path) -> set[tuple[str, int, int, tuple[int, ...]]]:
    found = detections.after(data, 0, 100_000)
    pairs = [(one.rule_id, one.event_id) for one in found]
    assert len(pairs) == len(set(pairs))
    return {(one.rule_id, one.event_id, one.count, one.event_ids) for one in found}


@pytest.mark.chaos
@pytest.mark.parametrize("most_workers", [1, 3])
def test_kill_9_at_random_moments_loses_nothing_and_repeats_nothing(tmp_path: Path, most_workers: int) -> None:
    """After every kill another number of workers goes on, up to `most_workers`."""
    data, calm = tmp_path / "data", tmp_path / "calm"
    rules = rule_folder(tmp_path / "rules")
    expected = fill(data)
    assert fill(calm).keys() == expected.keys()
    undisturbed = Worker(calm, [rules])
    undisturbed.start()
    undisturbed.drain()
    undisturbed.close()
    dice = random.Random(20191210)

    def waiting() -> int:
        return sum(account.waiting for account in ledger.of_sources(data, [11, 12]).values())

    kills = mid_work = 0
    while True:
        of = dice.randint(1, most_workers)
        before = waiting()
        team = [start_worker(data, rules, f"{number}/{of}") for number in range(1, of + 1)]
        deadline = time.monotonic() + 60
        while waiting() == before > 0 and time.monotonic() < deadline:
            time.sleep(0.005)  # until it has begun, so that the kill falls into its work
        if before == 0:
            break
        time.sleep(dice.uniform(0, 0.35))
        for worker in team:
            worker.send_signal(signal.SIGKILL)
        for worker in team:
            worker.communicate()
        kills += 1
        mid_work += waiting() > 0
    for worker in team:
        worker.send_signal(signal.SIGTERM)
    stopping = time.monotonic()
    for worker in team:
        worker.communicate(timeout=10)
    assert time.monotonic() - stopping < 2
    assert mid_work >= 3, f"only {mid_work} of {kills} kills hit the work"

    lake = Lake(data)
    stored = Counter()
    raws = {}
    ids = sorted(expected)
    for start in range(0, len(ids), 1_000):
        for event in lake.events(ids[start : start + 1_000], unit_ids=[11, 12]):
            stored[event.event_id] += 1
            raws[event.event_id] = event.raw
    assert lake.count([11, 12], 0) == len(expected) == EVENTS
    assert set(stored.values()) == {1}
    assert raws == expected
    for source, duplicate in ((11, 0), (12, 500)):
        account = ledger.of_source(data, source)
        assert (account.stored, account.duplicate, account.waiting) == (EVENTS // 2, duplicate, 0)
        assert account.received == EVENTS // 2 + duplicate
    assert found_in(data) == found_in(calm)
    assert len(found_in(calm)) > 300
    assert len([rule for rule, *_ in found_in(calm) if rule.endswith("4")]) > 20  # windows that are over
    on_disk = {str(path.relative_to(data / "lake")) for path in (data / "lake").rglob("*") if path.is_file()}
    undisturbed = Worker(data, [rules])
    undisturbed.start()  # removes what the kills left
    named = {
        path for (path,) in undisturbed.connection.execute("SELECT path FROM segments UNION SELECT path FROM garbage")
    }
    undisturbed.close()
    assert named <= on_disk
    assert {str(path.relative_to(data / "lake")) for path in (data / "lake").rglob("*") if path.is_file()} == named


@pytest.mark.chaos
def test_sigterm_while_rules_load_ends_at_once(tmp_path: Path) -> None:
    rules = rule_folder(tmp_path / "rules")
    worker = start_worker(tmp_path / "data", rules)
    beat = tmp_path / "data" / "run" / "worker.json"
    deadline = time.monotonic() + 30
    while not beat.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    worker.send_signal(signal.SIGTERM)
    started = time.monotonic()
    _, said = worker.communicate(timeout=10)

    assert time.monotonic() - started < 2
    assert worker.returncode == 0, said.decode()


def test_a_second_worker_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    rules = rule_folder(tmp_path / "rules")
    first = start_worker(tmp_path / "data", rules)
    beat = tmp_path / "data" / "run" / "worker.json"
    deadline = time.monotonic() + 30
    while not beat.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    second = start_worker(tmp_path / "data", rules)
    _, error = second.communicate(timeout=30)
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=10)

    assert second.returncode == 2
    assert "worker khác" in error.decode()
