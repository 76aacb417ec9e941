"""Two hosts do the same at the same moment. SQLite lets one writer in at a time; with PostgreSQL it is up to us.

Runs on PostgreSQL only: test_apps_on_postgresql.py.
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from dekhang.apps.alerts import jobs, services
from dekhang.apps.alerts.enums import AlertStatus
from dekhang.apps.alerts.models import Alert, AlertDetection
from dekhang.apps.alerts.services import grouping
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event, verify_chain
from dekhang.apps.core.models import AuditEvent, JobCursor
from dekhang.pipeline.stores import detections
from tests.factories.alerts import detection
from tests.factories.registry import officer_of
from tests.factories.sources import MORNING, LogSourceFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one writer in at a time"),
]


@pytest.fixture(autouse=True)
def morning():
    with clock.at(MORNING):
        yield


def together(*works: Callable[[], Any]) -> list[Any]:
    """Run each in a thread with a connection of its own; return results or faults in order."""
    results: list[Any] = [None] * len(works)
    start = threading.Barrier(len(works))

    def run(number: int) -> None:
        start.wait(30)
        try:
            results[number] = works[number]()
        except Exception as fault:
            results[number] = fault
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_two_jobs_processes_take_each_detection_once(data, monkeypatch):
    source = LogSourceFactory(delivering=True)
    found = [detection(id=n, unit_id=source.unit_id, source_id=source.pk) for n in range(1, 41)]
    monkeypatch.setattr(detections, "after", lambda _data, position, limit: [d for d in found if d.id > position][:5])
    JobCursor.objects.create(pk=jobs.CURSOR)

    while True:
        taken = together(jobs.pull_detections, jobs.pull_detections, jobs.pull_detections)
        assert all(isinstance(one, int) for one in taken), taken
        if not any(taken):
            break

    assert AlertDetection.objects.count() == 40
    assert Alert.objects.get().detection_count == 40
    assert JobCursor.objects.get(pk=jobs.CURSOR).position == 40


def test_an_answer_given_while_detections_are_added_is_not_undone(data, monkeypatch):
    source = LogSourceFactory(delivering=True)
    officer = officer_of(source.unit)
    (alert,) = services.take_detections([detection(id=1, unit_id=source.unit_id, source_id=source.pk)])
    reading, answered = threading.Event(), threading.Event()
    save = grouping._save

    def slow(draft, *, now):
        reading.set()  # the alert has been read; its officer answers now, or waits for us
        answered.wait(1)
        save(draft, now=now)

    def answer():
        assert reading.wait(30)
        services.acknowledge(alert=Alert.objects.get(pk=alert.pk), by=officer)
        answered.set()

    monkeypatch.setattr(grouping, "_save", slow)
    results = together(
        lambda: services.take_detections([detection(id=2, unit_id=source.unit_id, source_id=source.pk)]), answer
    )

    alert.refresh_from_db()
    assert not [one for one in results if isinstance(one, Exception)], results
    assert (alert.status, alert.detection_count) == (AlertStatus.ACKNOWLEDGED, 2)


def test_audit_events_of_many_processes_are_one_unbroken_chain(data):
    def write():
        for _ in range(5):
            record_event(action="thu", by=None)

    assert together(*[write] * 4) == [None] * 4
    assert AuditEvent.objects.count() == 20
    assert list(verify_chain()) == []


def test_what_postgresql_cannot_keep_is_kept_without_it(data):
    event = record_event(action="thu", by=None, actor_label="tên\0lạ", detail={"lời": "a\0b \\u0000 c"})

    event.refresh_from_db()
    assert event.actor_label == "tên\ufffdlạ"
    assert event.detail == {"lời": "a\ufffdb \\u0000 c"}
