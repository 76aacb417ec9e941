"""The jobs process: every job at its own pace, one fault never stopping the others, a slow server stopping nobody."""

import threading
import time

import pytest

from dekhang.cli import jobs as loop
from dekhang.cli.jobs import Job, run_due
from dekhang.pipeline.stores import heartbeat


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
    assert {job.name for job in loop.all_jobs()} == {
        *("detections", "sources", "duties", "escalation", "clocks", "messages", "snapshots"),
    }
    assert [job.name for job in loop.all_jobs() if job.apart] == ["messages"], "only mail waits for others' servers"


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
