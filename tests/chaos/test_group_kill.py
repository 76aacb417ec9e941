"""kill -9 of any part of a whole installation, again and again, while real clients send."""

import json
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from dekhang.pipeline.stores import ledger
from dekhang.pipeline.stores.intake import IntakeMap, IntakeSource
from dekhang.pipeline.stores.lake import Lake
from tests.counting_senders import (
    BulkSender,
    LineSender,
    Sender,
    SyslogLines,
    count_markers,
    ordinary_line,
    ssh_failure,
    windows_event,
)
from tests.installation import Installation

KILLING_SECONDS = float(os.environ.get("DEKHANG_CHAOS_SECONDS", "24"))  # 300 for minutes of it
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240 + 2 * KILLING_SECONDS)]
PARTS = {  # what stands in the command line of each part's processes
    "http": "dekhang.pipeline.receive http",
    "lines": "dekhang.pipeline.receive lines",
    "worker": "dekhang.pipeline.worker",
    "jobs": "part jobs",
    "web": "part web",
}
GUESSER = "203.0.113.77"
PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The demo province with nothing but one harmless line of its own; made once, it takes the longest."""
    folder = tmp_path_factory.mktemp("group")
    quiet = folder / "quiet.log"
    # a web server's line: it goes to a source that no sender of this test uses
    quiet.write_text('198.51.100.7 - - [10/Dec/2019:01:00:00 +0000] "GET / HTTP/1.1" 200 512 "-" "Mozilla/5.0"\n')
    running = Installation(folder / "data", options=("--demo", "--replay", str(quiet)))
    yield running
    running.kill()


@pytest.fixture
def installation(province: Installation) -> Installation:
    """It, running."""
    if province.process is None or province.process.poll() is not None:
        province.start()
    return province


def test_kill_9_of_any_part_loses_nothing_acknowledged_and_repeats_nothing(installation: Installation) -> None:
    data = installation.data
    windows, linux, syslog = sources_of(data)
    senders = start_senders(installation, windows, linux, syslog)
    kills = kill_parts(installation, random.Random(20191210), KILLING_SECONDS)
    wait_until(lambda: set(processes(installation)) >= set(PARTS), "all parts run again")
    time.sleep(2)  # also what is sent into a calm installation counts
    calm_syslog = SyslogLines("yenang", installation.syslog_port, syslog[1], lambda m: ordinary_line(m, now(data)),
                              size=50, pause_seconds=0.1)  # fmt: skip
    wait_until(calm_syslog.turn, "syslog is taken again")
    accounts = {sender.name: sender.end() for sender in senders}
    calm_syslog.close()
    wait_until(lambda: drained(data, [windows[0], linux[0], syslog[0]]), "everything has been worked off")

    stored = {
        source.source_id: count_markers(
            event.raw for event in Lake(data).recent([source.unit_id], source_id=source.source_id, limit=1_000_000)
        )
        for source in (windows[0], linux[0], syslog[0])
    }
    everything = sum(stored.values(), Counter[bytes]())
    acknowledged = set().union(*(account.acknowledged for account in accounts.values()))
    attempted = set().union(*(account.attempted for account in accounts.values()), calm_syslog.account.attempted)
    about = f"after kills of {kills}"
    assert len(kills) >= 8
    assert len(acknowledged) > 2_000
    assert [marker for marker in acknowledged if everything[marker] == 0] == [], about
    assert [marker for marker, times in everything.items() if times > 1] == [], about
    assert set(everything) <= attempted
    assert calm_syslog.account.attempted <= set(everything)
    check_ledger(data, stored, accounts, senders)
    hosts = {host_of(marker) for marker in accounts["tancong"].acknowledged}
    check_alerts(data, hosts, guesses=len(accounts["doan"].acknowledged))
    verified = installation.command("audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr

    before = numbers(data, [windows[0], linux[0], syslog[0]])
    assert installation.stop() <= 5
    assert "buộc dừng" not in installation.output, "every part ended by itself"
    assert numbers(data, [windows[0], linux[0], syslog[0]]) == before
    installation.start()
    time.sleep(3)  # long enough for every job to have had its turn
    assert numbers(data, [windows[0], linux[0], syslog[0]]) == before
    assert installation.stop() <= 5
    assert leftovers(data) == []


def test_kill_9_of_the_supervisor_leaves_no_process_behind_and_loses_nothing(installation: Installation) -> None:
    data = installation.data
    windows, _linux, _syslog = sources_of(data)
    sender = BulkSender("giam", installation.http_port, windows[1], documents(data, "may-giam"), size=20)
    sender.start()
    wait_until(lambda: len(sender.account.acknowledged) > 200, "some records were acknowledged")
    assert installation.process is not None
    psutil.Process(installation.process.pid).kill()
    installation.process.wait()

    wait_until(lambda: leftovers(data) == [], "the children have ended with their parent", seconds=6)
    account = sender.end()
    installation.start()
    wait_until(lambda: drained(data, [windows[0]]), "everything has been worked off")
    events = Lake(data).recent([windows[0].unit_id], source_id=windows[0].source_id, limit=1_000_000)
    stored = count_markers(event.raw for event in events if b"dau-giam-" in event.raw)
    assert account.acknowledged <= set(stored) <= account.attempted
    assert max(stored.values()) == 1
    assert installation.stop() <= 5


# -- sending


Known = tuple[IntakeSource, str]


def sources_of(data: Path) -> tuple[Known, Known, Known]:
    """A Windows source, and two Linux sources of different units, each with its token."""
    tokens: dict[str, str] = json.loads((data / "demo" / "tokens.json").read_text())
    known = [(source, tokens[str(source.source_id)]) for source in IntakeMap(data).sources()]
    windows = next(one for one in known if one[0].kind == "windows")
    linux = [one for one in known if one[0].kind == "linux"]
    return windows, linux[-1], linux[-2]


def now(data: Path) -> datetime:
    """The present of the demo province."""
    return datetime.now(UTC) + timedelta(seconds=int((data / "demo" / "clock-shift").read_text()))


def documents(data: Path, host: str, *, attack: bool = False) -> Any:
    """Makes the documents of a turn; each attack is on a machine of its own, so each must give its own alert."""
    return lambda markers: [
        windows_event(marker, now(data), host=host_of(marker) if attack else host, attack=attack) for marker in markers
    ]


def host_of(marker: bytes) -> str:
    return "may-" + marker.decode().split("-", 2)[2]


def start_senders(installation: Installation, windows: Known, linux: Known, syslog: Known) -> list[Sender]:
    data, http_port = installation.data, installation.http_port
    senders: list[Sender] = [
        BulkSender("mota", http_port, windows[1], documents(data, "may-a"), size=20),
        BulkSender("motb", http_port, windows[1], documents(data, "may-b"), size=200, pause_seconds=0.5),
        BulkSender("lap", http_port, windows[1], documents(data, "may-c"), size=20, with_ids=True),
        BulkSender("tancong", http_port, windows[1], documents(data, "", attack=True), size=1, pause_seconds=0.8),
        LineSender("doan", http_port, linux[1], lambda m: ssh_failure(m, now(data), GUESSER), pause_seconds=0.8),
        SyslogLines("syslog", installation.syslog_port, syslog[1], lambda m: ordinary_line(m, now(data)),
                    size=20, pause_seconds=0.1),
    ]  # fmt: skip
    for sender in senders:
        sender.start()
    return senders


# -- killing


def processes(installation: Installation) -> dict[str, list[psutil.Process]]:
    """The running processes of each part; web has two: the server and its worker."""
    assert installation.process is not None
    found: dict[str, list[psutil.Process]] = {}
    for process in psutil.Process(installation.process.pid).children(recursive=True):
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        for part, sign in PARTS.items():
            if sign in words:
                found.setdefault(part, []).append(process)
    return found


def kill_parts(installation: Installation, dice: random.Random, seconds: float) -> list[str]:
    """Kill a part every second or two: each part once in random order, then any. Returns their names."""
    order = dice.sample(sorted(PARTS), len(PARTS))
    kills: list[str] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(dice.uniform(1.0, 2.5))
        running = processes(installation)
        part = order[len(kills)] if len(kills) < len(order) else dice.choice(sorted(PARTS))
        if part not in running:
            continue  # still in its pause after the last kill
        try:
            dice.choice(running[part]).kill()
        except psutil.NoSuchProcess:
            continue
        kills.append(part)
    return kills


def leftovers(data: Path) -> list[str]:
    """Command lines of processes that still work on this data folder."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if str(data) in words and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(words))
        except psutil.Error:
            continue
    return found


def wait_until(condition: Any, what: str, *, seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} seconds in vain until {what}"
        time.sleep(0.1)


# -- judging


@dataclass(frozen=True)
class Numbers:
    """What must be the same after a restart."""

    stored: dict[int, int]
    duplicate: dict[int, int]
    refused: dict[int, int]
    lake: dict[int, int]
    detections: int
    alert_detections: int
    alerts: int
    messages: int
    audit_events: int


def numbers(data: Path, sources: list[IntakeSource]) -> dict[str, Any]:
    accounts = ledger.of_sources(data, [source.source_id for source in sources])
    units = sorted({source.unit_id for source in sources})
    of_ours = f"unit_id IN ({','.join(map(str, units))})"
    return asdict(
        Numbers(
            stored={pk: account.stored for pk, account in accounts.items()},
            duplicate={pk: account.duplicate for pk, account in accounts.items()},
            refused={pk: account.refused for pk, account in accounts.items()},
            lake={
                source.source_id: len(Lake(data).recent([source.unit_id], source_id=source.source_id, limit=1_000_000))
                for source in sources
            },
            detections=ask(data, "pipeline.db", "SELECT count(*) FROM detections")[0][0],
            alert_detections=ask(data, "db.sqlite3", "SELECT count(*) FROM alerts_alertdetection")[0][0],
            alerts=ask(data, "db.sqlite3", "SELECT count(*) FROM alerts_alert")[0][0],
            messages=ask(data, "db.sqlite3", f"SELECT count(*) FROM core_outboundmessage WHERE {of_ours}")[0][0],
            audit_events=ask(data, "db.sqlite3", f"SELECT count(*) FROM core_auditevent WHERE {of_ours}")[0][0],
        )
    )


def ask(data: Path, database: str, sql: str) -> list[Any]:
    connection = sqlite3.connect(f"file:{data / database}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def drained(data: Path, sources: list[IntakeSource]) -> bool:
    """Nothing waits in the spool, and every detection was read by alerts."""
    accounts = ledger.of_sources(data, [source.source_id for source in sources])
    last = ask(data, "pipeline.db", "SELECT coalesce(max(id), 0) FROM detections")[0][0]
    read = ask(data, "db.sqlite3", "SELECT position FROM core_jobcursor WHERE name = 'alerts.detections'")
    return not any(account.waiting for account in accounts.values()) and last == (read[0][0] if read else 0)


def check_ledger(
    data: Path, stored: dict[int, Counter[bytes]], accounts: dict[str, Any], senders: list[Sender]
) -> None:
    """received = refused + stored + duplicate + waiting, each term compared with what we know ourselves."""
    books = ledger.of_sources(data, stored)
    windows_id = next(iter(stored))
    repeated = next(sender for sender in senders if isinstance(sender, BulkSender) and sender.with_ids)
    for source_id, markers in stored.items():
        assert books[source_id].waiting == 0
        assert books[source_id].refused == 0
        assert books[source_id].stored == markers.total()
        limit = repeated.repeated * repeated.size if source_id == windows_id else 0
        assert 0 <= books[source_id].duplicate <= limit
        assert books[source_id].received == markers.total() + books[source_id].duplicate


def check_alerts(data: Path, hosts: set[str], *, guesses: int) -> None:
    """Every detection belongs to one alert, every attack has one alert, and nobody was told twice."""
    detections = {row[0] for row in ask(data, "pipeline.db", "SELECT id FROM detections")}
    kept = Counter(row[0] for row in ask(data, "db.sqlite3", "SELECT detection_id FROM alerts_alertdetection"))
    assert set(kept) == detections
    assert set(kept.values()) == {1}
    assert ask(data, "db.sqlite3", "SELECT count(*) FROM alerts_straydetection") == [(0,)]
    twice = "SELECT rule_id, event_id FROM detections GROUP BY rule_id, event_id HAVING count(*) > 1"
    assert ask(data, "pipeline.db", twice) == []
    alerts = Counter(
        entity for (entity,) in ask(data, "db.sqlite3", "SELECT entity FROM alerts_alert WHERE NOT is_canary")
    )
    assert len(hosts) >= 10
    assert {host: alerts[host] for host in hosts} == dict.fromkeys(hosts, 1)
    assert guesses >= 10
    assert alerts[GUESSER] == 1
    assert set(alerts.values()) == {1}
    counts = ask(
        data,
        "db.sqlite3",
        "SELECT alert.id FROM alerts_alert alert WHERE detection_count !="
        " (SELECT count(*) FROM alerts_alertdetection WHERE alert_id = alert.id)",
    )
    assert counts == []
