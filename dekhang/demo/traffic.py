"""The demo's traffic: ordinary work, attacks from our own rules' tests, canaries, or a folder of real logs.

It enters by the same doors as everybody's: HTTP `_bulk`, NDJSON and syslog over TCP, each source with its token.
"""

import json
import logging
import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from dekhang.apps.alerts import services as alerts
from dekhang.apps.alerts.enums import AlertStatus
from dekhang.apps.alerts.models import Alert
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.registry import selectors as registry
from dekhang.apps.sources.enums import CANARY_KINDS, CanaryState
from dekhang.apps.sources.models import Canary, LogSource
from dekhang.apps.sources.services import start_canary
from dekhang.demo.background import ordinary
from dekhang.demo.province import DemoUnit, demo_unit_of
from dekhang.demo.senders import HttpSender, SendError, SyslogSender
from dekhang.demo.traces import canary_trace
from dekhang.pipeline.formats import open_records
from dekhang.pipeline.parse import parse
from dekhang.pipeline.ruletests import Case, load_tests
from dekhang.pipeline.stores import heartbeat

logger = logging.getLogger(__name__)
BACKGROUND_SECONDS = 1.0  # each source says something ordinary this often
ATTACK_SECONDS = 25.0
SILENT_AFTER_SECONDS = 90.0
KIND_OF_PARSED = {
    "windows": "windows",
    "linux_auth": "linux",
    "linux_auditd": "linux",
    "web_access": "web",
    "suricata": "suricata",
}


class Feed:
    """One source of the demo with its connection."""

    def __init__(self, source: LogSource, token: str, demo: DemoUnit) -> None:
        self.source, self.demo = source, demo
        self.host = f"{source.kind}-{source.pk:02d}.tayninh.example.gov.vn"
        self._sender: HttpSender | SyslogSender = (
            SyslogSender("127.0.0.1", settings.SYSLOG_TCP_PORT, token)
            if source.kind in {"linux", "syslog"}
            else HttpSender("127.0.0.1", settings.HTTP_INTAKE_PORT, token)
        )

    def send(self, records: list[bytes]) -> int:
        """Send; a receiver that is away just now is no reason to stop. Returns how many were taken."""
        try:
            self._sender.send(records)
        except SendError as error:
            logger.warning("%s: %s", self.source, error)
            return 0
        return len(records)


def run_until_stopped(data: Path, *, replay: Path | None, speed: float) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    tokens: dict[str, str] = json.loads((data / "demo" / "tokens.json").read_text())
    feeds = []
    for source in LogSource.objects.filter(pk__in=[int(pk) for pk in tokens], retired_at=None):
        demo = demo_unit_of(source.pk)
        if demo is not None:
            feeds.append(Feed(source, tokens[str(source.pk)], demo))
    wait_for_receivers(data, stop)
    sent = 0
    acts = replay_folder(feeds, replay, speed) if replay else play(feeds)
    last_beat = 0.0
    for count, pause in acts:
        sent += count
        if time.monotonic() - last_beat > heartbeat.BEAT_SECONDS:
            heartbeat.beat(data, "traffic", ready=True, sent=sent)
            last_beat = time.monotonic()
        if stop.wait(pause):
            break
    else:  # a replay has an end; what it showed stays
        while not stop.wait(heartbeat.BEAT_SECONDS):
            heartbeat.beat(data, "traffic", ready=True, sent=sent, finished=True)
    heartbeat.clear(data, "traffic")
    return 0


def wait_for_receivers(data: Path, stop: threading.Event) -> None:
    while not stop.wait(0.2):
        beats = heartbeat.read(data)
        if all(beats.get(part, {}).get("ready") for part in ("http", "lines", "worker")):
            return


Act = tuple[int, float]  # records sent, seconds to wait


def play(feeds: list[Feed]) -> Iterator[Act]:
    """Ordinary work with an attack now and then, and canaries answered by the officers of the units that prove."""
    chance = random.Random(2019)  # noqa: S311 - a reproducible demo, not a secret
    cases: dict[str, list[Case]] = defaultdict(list)
    for test in load_tests(settings.RULE_FOLDERS[0]):
        if "canary" not in test.rule_path.parts:
            for case in test.match:
                cases[case.source].append(case)
    for choices in cases.values():
        chance.shuffle(choices)
    start = time.monotonic()
    next_attack, turn = start + 3, 0
    while True:
        now, sent = time.monotonic(), 0
        speaking = [f for f in feeds if not (f.demo.falls_silent and now - start > SILENT_AFTER_SECONDS)]
        for feed in speaking:
            sent += feed.send([ordinary(feed.source.kind, host=feed.host, at=clock.now(), chance=chance)])
        if now >= next_attack:
            targets = [feed for feed in speaking if cases[feed.source.kind]]
            feed = targets[turn % len(targets)]
            choices = cases[feed.source.kind]
            sent += attack(feed, choices[(turn // len(targets)) % len(choices)])
            turn += 1
            next_attack = now + ATTACK_SECONDS
        sent += canaries(speaking)
        yield sent, max(0.0, BACKGROUND_SECONDS - (time.monotonic() - now))


def attack(feed: Feed, case: Case) -> int:
    """Send the events of one rule's test case as if they had happened just now, the last one at this moment."""
    records = case.render(datetime.fromtimestamp(0, tz=clock.now().tzinfo))
    span = records[-1][0] - records[0][0] if records else timedelta()
    return feed.send([raw for _at, raw in case.render(clock.now() - span)])


def canaries(feeds: list[Feed]) -> int:
    """Start and answer canaries where the demo's unit proves its share; the others leave that to the visitor."""
    sent = 0
    for feed in feeds:
        if not feed.demo.proves or feed.source.kind not in CANARY_KINDS:
            continue
        officer = registry.officers(feed.source.unit_id).first()
        feed.source.refresh_from_db()  # its state moves while it speaks
        newest = Canary.objects.filter(source=feed.source).order_by("-started_at").first()
        try:
            if newest is None:
                canary = start_canary(source=feed.source, by=officer)
                trace = canary_trace(feed.source.kind, canary.nonce, host=feed.host, at=clock.now())
                sent += feed.send([trace])
            elif newest.state == CanaryState.DETECTED:
                for alert in Alert.objects.filter(unit_id=feed.source.unit_id, is_canary=True, status=AlertStatus.NEW):
                    alerts.acknowledge(alert=alert, by=officer)
        except ActionDenied as denied:
            logger.info("canary of %s: %s", feed.source, denied)
    return sent


def replay_folder(feeds: list[Feed], folder: Path, speed: float) -> Iterator[Act]:
    """Send a folder of real logs, unchanged, each record to a source of its kind, `speed` records a second."""
    by_kind: dict[str, list[Feed]] = defaultdict(list)
    for feed in feeds:
        by_kind[feed.source.kind].append(feed)
    size = max(1, int(speed / 10))
    for number, path in enumerate(
        sorted(p for p in ([folder] if folder.is_file() else folder.rglob("*")) if p.is_file())
    ):
        batch: list[bytes] = []
        feed: Feed | None = None
        for _index, raw in open_records(path):
            if feed is None:
                seen = parse(raw, source_kind="syslog", received_ms=int(clock.now().timestamp() * 1000))
                choices = by_kind.get(KIND_OF_PARSED.get(seen.kind, ""), []) or feeds
                feed = choices[number % len(choices)]
            batch.append(raw)
            if len(batch) >= size:
                yield feed.send(batch), len(batch) / speed
                batch = []
        if feed is not None and batch:
            yield feed.send(batch), len(batch) / speed
