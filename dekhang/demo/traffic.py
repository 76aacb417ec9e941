"""The demo's traffic: ordinary work, attacks from our own rules' tests, canaries; or a folder of real logs (replay.py).

It enters by the same doors as everybody's: HTTP `_bulk`, NDJSON and syslog over TCP, each source with its token.
"""

import json
import logging
import random
import signal
import threading
import time
from collections import Counter, defaultdict
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
from dekhang.demo.exercise import advance
from dekhang.demo.feed import Feed
from dekhang.demo.province import demo_unit_of
from dekhang.demo.replay import Act, Replay
from dekhang.demo.traces import canary_trace
from dekhang.pipeline.ruletests import Case, load_tests
from dekhang.pipeline.stores import heartbeat

logger = logging.getLogger(__name__)
BACKGROUND_SECONDS = 1.0  # each source says something ordinary this often
FIRST_ATTACKS, FIRST_ATTACK_SECONDS = 8, 15.0  # so that a visitor sees alerts in several units at once …
ATTACK_SECONDS = 240.0  # … and is not drowned by the afternoon
SILENT_AFTER_SECONDS = 90.0
DRILL_SECONDS = 6.0  # a step of the drill this often; a drill of some twenty steps takes two minutes


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
    replayed = Replay(feeds, replay, speed, data=data) if replay else None
    acts = replayed.acts() if replayed is not None else play(feeds)

    def beat() -> None:
        heartbeat.beat(data, "traffic", ready=True, **(replayed.facts() if replayed is not None else {"sent": sent}))

    last_beat = 0.0
    for count, pause in acts:
        sent += count
        until = time.monotonic() + pause
        while True:  # a slow replay must not look dead
            if time.monotonic() - last_beat > heartbeat.BEAT_SECONDS:
                beat()
                last_beat = time.monotonic()
            left = until - time.monotonic()
            if stop.wait(min(max(0.0, left), heartbeat.BEAT_SECONDS)) or left <= heartbeat.BEAT_SECONDS:
                break
        if stop.is_set():
            break
    else:  # a replay has an end; what it showed stays
        beat()
        while not stop.wait(heartbeat.BEAT_SECONDS):
            beat()
    heartbeat.clear(data, "traffic")
    return 0


def wait_for_receivers(data: Path, stop: threading.Event) -> None:
    while not stop.wait(0.2):
        beats = heartbeat.read(data)
        if all(beats.get(part, {}).get("ready") for part in ("http", "lines", heartbeat.WORKER)):
            return


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
    played: Counter[str] = Counter()
    start = time.monotonic()
    next_attack, next_drill, turn = start + 3, start + DRILL_SECONDS, 0
    drilling = {feed.source.unit_id for feed in feeds if feed.demo.drills}
    while True:
        now, sent = time.monotonic(), 0
        speaking = [f for f in feeds if not (f.demo.falls_silent and now - start > SILENT_AFTER_SECONDS)]
        for feed in speaking:
            sent += feed.send([ordinary(feed.source.kind, host=feed.host, at=clock.now(), chance=chance)])
        if now >= next_attack:
            targets = [feed for feed in speaking if cases[feed.source.kind]]
            feed = targets[turn % len(targets)]
            choices = cases[feed.source.kind]
            sent += attack(feed, choices[played[feed.source.kind] % len(choices)])
            played[feed.source.kind] += 1  # each case once before any comes again, whichever units there are
            turn += 1
            next_attack = now + (FIRST_ATTACK_SECONDS if turn < FIRST_ATTACKS else ATTACK_SECONDS)
        sent += canaries(speaking)
        if now >= next_drill:
            drilling = {unit_id for unit_id in drilling if drill(unit_id)}
            next_drill = now + DRILL_SECONDS
        yield sent, max(0.0, BACKGROUND_SECONDS - (time.monotonic() - now))


def drill(unit_id: int) -> bool:
    """One more step of the unit's drill; over when it has ended or a visitor has taken it into their own hands."""
    try:
        return advance(unit_id)
    except ActionDenied as denied:
        logger.info("drill of unit %s: %s", unit_id, denied)
        return False


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
