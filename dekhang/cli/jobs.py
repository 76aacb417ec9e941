"""The jobs process: every app's `jobs.py`, each at its own pace, one fault never stopping the others."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import close_old_connections, connection

from dekhang.apps.alerts import jobs as alerts
from dekhang.apps.alerts import moving as alert_moving
from dekhang.apps.api import jobs as api
from dekhang.apps.briefings import jobs as briefings
from dekhang.apps.briefings import moving as briefing_moving
from dekhang.apps.cascade import jobs as cascade
from dekhang.apps.cascade import moving as cascade_moving
from dekhang.apps.contacts import jobs as contacts
from dekhang.apps.core import jobs as core
from dekhang.apps.duties import jobs as duties
from dekhang.apps.duties.checks.services import observe_awareness
from dekhang.apps.incidents import jobs as incidents
from dekhang.apps.incidents import moving as incident_moving
from dekhang.apps.inspections import jobs as inspections
from dekhang.apps.inspections import moving as inspection_moving
from dekhang.apps.observed import jobs as observed
from dekhang.apps.portal import jobs as portal
from dekhang.apps.registry.people import jobs as rosters
from dekhang.apps.registry.people.directory import services as directory
from dekhang.apps.registry.reorganise import come_into_force
from dekhang.apps.reports import jobs as reports
from dekhang.apps.retention import jobs as retention
from dekhang.apps.scoreboard import jobs as scoreboard
from dekhang.apps.search import jobs as search
from dekhang.apps.sources import jobs as sources
from dekhang.apps.sources import moving as source_moving
from dekhang.pipeline.lakewrite.keeper import Keeper
from dekhang.pipeline.place import Place
from dekhang.pipeline.stores import heartbeat

logger = logging.getLogger(__name__)
DETECTIONS_AT_ONCE = 200  # new alerts cost some 6 ms each, and pages that write wait meanwhile
CATCHING_UP_SECONDS = 1.0


@dataclass(slots=True)
class Job:
    name: str
    every_seconds: float
    work: Callable[[], object]
    apart: bool = False  # waits for others' servers or works long: in a thread of its own, alerts do not wait with it
    next_run: float = 0.0
    faults: int = 0


def all_jobs() -> list[Job]:
    return [
        Job("detections", 0.5, pull_what_waits),
        Job("reorganisations", 30, follow_reorganisations),
        Job("sources", 2, sources.tick),
        Job("webhooks", 2, api.tell),
        Job("claim-states", 60, api.watch),
        *of_this_host(),
        Job("canaries", 60, sources.schedule_canaries),
        Job("detectability", 20, sources.map_detectability),
        Job("duties", 10, duties.tick),
        Job("awareness", 900, observe_awareness),  # counts over the whole roster: a quarter of an hour is soon enough
        Job("contacts", 60, contacts.tick),
        Job("observed", 60, observed.tick),
        Job("cascade", 60, cascade.tick),
        Job("escalation", 5, alerts.escalate),
        Job("clocks", 5, incidents.tick),
        Job("briefings", 30, briefings.tick),
        Job("inspections", 60, inspections.tick),
        Job("rosters", 1, rosters.work_off, apart=True),
        Job("directory", 60, directory.tick, apart=True),
        Job("leavers", 60, portal.close_leavers),
        Job("messages", 5, core.deliver_messages, apart=True),
        Job("snapshots", 60, scoreboard.tick),
        Job("reports", 20, reports.tick, apart=True),
        Job("report_reminders", 600, reports.remind, apart=True),
        Job("signatures", 300, reports.sign_what_waits, apart=True),
        Job("retention", 30, retention.tick),
        Job("lake", 2, Keeper(settings.DATA).work, apart=True),
        Job("catalog", 60, register_lake, apart=True),
    ]


def of_this_host() -> list[Job]:
    """What lies in the data folder of the pages: on several hosts the one with the pages does it."""
    return [Job("hunts", 2, search.tick)]


def pull_what_waits() -> None:
    """After a burst nobody's alert waits for the next round; the other jobs wait for a second at most."""
    until = time.monotonic() + CATCHING_UP_SECONDS
    while alerts.pull_detections(DETECTIONS_AT_ONCE) == DETECTIONS_AT_ONCE and time.monotonic() < until:
        pass


def register_lake() -> None:
    """Other engines see the lake as it is now: on several hosts, and wherever `dekhang lake register` was run once."""
    if Place.of(settings.DATA).database or (settings.DATA / "iceberg" / "catalog.db").exists():
        from dekhang.pipeline.catalog import register  # of the `cluster` extra

        register(settings.DATA)


def follow_reorganisations() -> None:
    """What came into force, first in the registry, then in everything that belongs to units."""
    come_into_force()
    cascade_moving.follow_reorganisations()
    source_moving.follow_reorganisations()  # before alerts: they go where their source went
    alert_moving.follow_reorganisations()
    incident_moving.follow_reorganisations()
    briefing_moving.follow_reorganisations()
    inspection_moving.follow_reorganisations()


def run_due(jobs: list[Job], now: float) -> None:
    """Run every job whose time has come; a job that fails is tried again at its next time and counted."""
    for job in jobs:
        if now < job.next_run:
            continue
        try:
            job.work()
        except Exception:
            job.faults += 1
            logger.exception("job %s failed (%s times so far)", job.name, job.faults)
        job.next_run = time.monotonic() + job.every_seconds


def run_apart(job: Job, stop: threading.Event) -> None:
    """A job in its own thread, until `stop`."""
    while not stop.is_set():
        run_due([job], time.monotonic())
        close_old_connections()
        stop.wait(0.5)
    connection.close()


def run_until_stopped(data: Path, part: str = "jobs") -> int:
    """Run the jobs of a part: `jobs` all, `hunts` only those of this host."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if part == "jobs":
        rosters.take_up()
    jobs = of_this_host() if part == "hunts" else all_jobs()
    together = [job for job in jobs if not job.apart]
    for job in jobs:
        if (
            job.apart
        ):  # daemon: a server that does not answer must not delay the stop; what it had claimed is tried again
            threading.Thread(target=run_apart, args=(job, stop), name=job.name, daemon=True).start()
    last_beat = 0.0
    while not stop.is_set():
        now = time.monotonic()
        run_due(together, now)
        if now - last_beat >= heartbeat.BEAT_SECONDS:
            heartbeat.beat(data, part, ready=True, faults={job.name: job.faults for job in jobs if job.faults})
            last_beat = now
            close_old_connections()
        stop.wait(0.2)
    heartbeat.clear(data, part)
    return 0
