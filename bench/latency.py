"""How long people wait: start, first page, alert, first event, big pages, stop; how much memory; how many events a second.

    ./dk bench latency [--attacks N] [--alerts N] [--seconds S] [--idle S]

A whole installation with the demo province, as `./dk run` starts it (environment already made), fed and asked over real
sockets. Nothing is taken from inside: what is measured is what a shipper sends and what a signed-in person's page says.
"""

import argparse
import json
import os
import re
import statistics
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from dekhang.pipeline.formats import open_records
from dekhang.pipeline.ruletests import load_tests
from dekhang.pipeline.stores import ledger
from dekhang.pipeline.stores.intake import IntakeMap
from tests.counting_senders import ACTION, HttpPoster, ordinary_line, windows_event
from tests.installation import Installation

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("DEKHANG_SHARED", ROOT.parent / "shared")) / "data"
PASSWORD = "de-khang-2019"
OFFICER, COORDINATOR = "can-bo.so-y-te", "dieu-phoi"
FAMILIES = (  # rules, each of a family of its own
    "event_log_cleared",
    "exfiltration_tools",
    "lsass_dump_tools",
    "firewall_disabled",
    "hidden_user_created",
)
LOOK_SECONDS = 0.1  # between two looks at a page: the resolution of what is measured
PAGES = 20
PATIENCE_SECONDS = 120.0
ALERTS_OF_A_FAMILY = 200  # of one unit, open at once (alerts/services/grouping.py)


def run(args: list[str]) -> Iterator[dict[str, Any]]:
    parser = argparse.ArgumentParser(prog="dk bench latency")
    parser.add_argument("--attacks", type=int, default=30, help="single attacks whose alert is waited for")
    parser.add_argument("--alerts", type=int, default=5_000, help="alerts in the list whose page is measured")
    parser.add_argument("--seconds", type=float, default=60.0, help="of sending at full speed")
    parser.add_argument("--idle", type=float, default=30.0, help="seconds of rest before memory is read")
    options = parser.parse_args(args)
    with tempfile.TemporaryDirectory(prefix="dekhang-bench-") as name:
        folder = Path(name)
        quiet = folder / "quiet.log"
        quiet.write_text("Dec 10 01:00:00 may-chu systemd[1]: Started Daily apt download activities.\n")
        installation = Installation(folder / "data", options=("--demo", "--replay", str(quiet)))
        try:
            yield from measure(installation, options)
        finally:
            installation.kill()


def measure(installation: Installation, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    yield row("first start to page", seconds=round(start(installation), 1))
    yield row("load average before", one_minute=round(os.getloadavg()[0], 2))
    time.sleep(options.idle)
    yield from memory(installation, "idle")
    officer, coordinator = Person(installation.address, OFFICER), Person(installation.address, COORDINATOR)
    yield row("board, 123 units", **page_times(coordinator, "/bang-diem/"))
    yield row("alert on the page", **spread(alert_times(installation, officer, options.attacks)))
    yield row("first event of a new source on the page", **spread(first_event_times(installation, officer)))
    yield row("stop", seconds=round(installation.stop(), 2))
    yield row("second start to page", seconds=round(start(installation), 1))
    yield from throughput(installation, options.seconds)
    yield from memory(installation, "after the load")
    yield row("many alerts at once", **many_alerts(installation, options.alerts))
    for person in (officer, coordinator):
        yield row(f"alert list of {person.username}", **page_times(person, "/canh-bao/"))
    yield row("alert list, search", **page_times(coordinator, "/canh-bao/?q=may-loat"))
    yield row("board under many alerts", **page_times(coordinator, "/bang-diem/"))
    yield row("stop after the load", seconds=round(installation.stop(), 2))


def row(what: str, **figures: Any) -> dict[str, Any]:
    return {"bench": "latency", "what": what, **figures}


def spread(seconds: list[float]) -> dict[str, Any]:
    ordered = sorted(seconds)
    return {
        "n": len(ordered),
        "p50_s": round(statistics.median(ordered), 2),
        "p95_s": round(ordered[max(0, round(0.95 * len(ordered)) - 1)], 2),
        "max_s": round(ordered[-1], 2),
    }


def start(installation: Installation) -> float:
    """Seconds from the command until the sign-in page has come whole."""
    started = time.monotonic()
    installation.start(timeout_seconds=300)
    with urllib.request.urlopen(f"{installation.address}/dang-nhap/") as answer:
        assert answer.status == 200 and b"</html>" in answer.read()
    return time.monotonic() - started


def memory(installation: Installation, when: str) -> Iterator[dict[str, Any]]:
    """Of every part and of all: resident, and proportional (shared pages counted once)."""
    assert installation.process is not None
    supervisor = psutil.Process(installation.process.pid)
    total_pss = total_rss = 0
    parts: dict[str, int] = {}
    for process in [supervisor, *supervisor.children(recursive=True)]:
        words = [Path(word).name for word in process.cmdline()]
        name = next((word for word in words if word in {"http", "lines", "web", "jobs", "traffic"}), "")
        name = name or ("worker" if "dekhang.pipeline.worker" in words else "up")
        use = process.memory_full_info()
        parts[name] = parts.get(name, 0) + use.pss
        total_pss, total_rss = total_pss + use.pss, total_rss + use.rss
    yield row(
        f"memory {when}",
        pss_mb=round(total_pss / 1e6),
        rss_mb=round(total_rss / 1e6),
        parts_pss_mb={name: round(size / 1e6) for name, size in sorted(parts.items())},
    )


class Person:
    """Somebody signed in, whose pages are fetched without a browser."""

    def __init__(self, address: str, username: str) -> None:
        self.address, self.username = address, username
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.send("/dang-nhap/", username=username, password=PASSWORD)

    def page(self, path: str) -> str:
        with self._opener.open(self.address + path, timeout=60) as answer:
            return str(answer.read().decode())

    def send(self, path: str, **fields: str) -> tuple[str, str]:
        """Fill the form of a page; the address and text of where it leads."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.page(path))
        assert token is not None
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        request = urllib.request.Request(self.address + path, body, {"Referer": self.address + path})
        with self._opener.open(request, timeout=60) as answer:
            return answer.url, answer.read().decode()

    def seconds_until(self, path: str, words: str) -> float:
        """Look at a page again and again until it says `words`."""
        started = time.monotonic()
        while words.casefold() not in self.page(path).casefold():
            assert time.monotonic() - started < PATIENCE_SECONDS, f"{path} never said {words!r}"
            time.sleep(LOOK_SECONDS)
        return time.monotonic() - started


def page_times(person: Person, path: str) -> dict[str, Any]:
    times = []
    for _ in range(PAGES):
        started = time.monotonic()
        text = person.page(path)
        times.append(time.monotonic() - started)
    return {**spread(times), "kilobytes": round(len(text.encode()) / 1000)}


# -- attacks


def now(data: Path) -> datetime:
    """The present of the demo province."""
    return datetime.now(UTC) + timedelta(seconds=int((data / "demo" / "clock-shift").read_text()))


def source_of(installation: Installation, kind: str) -> tuple[int, str]:
    """Id and token of the officer's source of this kind: the second of the demo's Windows sources, of Sở Y tế."""
    tokens = json.loads((installation.data / "demo" / "tokens.json").read_text())
    found = [
        s.source_id for s in IntakeMap(installation.data).sources() if s.kind == kind and str(s.source_id) in tokens
    ]
    return found[1], tokens[str(found[1])]


def bulk_body(documents: list[dict[str, object]]) -> bytes:
    return "".join(f"{ACTION}\n{json.dumps(document)}\n" for document in documents).encode()


def attack(installation: Installation, host: str) -> dict[str, object]:
    return windows_event(b"do", now(installation.data), host=host, attack=True)


def alert_times(installation: Installation, officer: Person, count: int) -> list[float]:
    """From the sending of one attack event until the officer's list of alerts shows it."""
    poster = HttpPoster(installation.http_port, source_of(installation, "windows")[1])
    times = []
    for number in range(count):
        time.sleep(0.37)  # no multiple of anybody's pace
        started = time.monotonic()
        assert poster.post("/_bulk", bulk_body([attack(installation, f"may-le-{number:03d}")])) is not None
        officer.seconds_until("/canh-bao/", f"may-le-{number:03d}")
        times.append(time.monotonic() - started)
    poster.close()
    return times


def first_event_times(installation: Installation, officer: Person, count: int = 5) -> list[float]:
    """From the first event of a source that was made on the page until its page says that it has come.

    Before that the receivers must have learnt of the source; a shipper tries again until then, and that is not counted.
    """
    times = []
    for number in range(count):
        form = officer.page("/nguon-log/ket-noi/linux/")
        systems = re.findall(r'<option value="(\d+)"', form)
        fields = {"name": f"Máy đo {number}"} | ({"system": systems[0]} if systems else {})
        url, page = officer.send("/nguon-log/ket-noi/linux/", **fields)
        pk = int(re.search(r"/(\d+)/cau-hinh/", url)[1])  # type: ignore[index]
        token = re.search(r"<code>([\w-]{32})</code>", page)
        assert token is not None
        poster = HttpPoster(installation.http_port, token[1])
        line = ordinary_line(b"do", now(installation.data))
        while poster.post("/ndjson", line) is None:
            time.sleep(0.05)
        times.append(officer.seconds_until(f"/nguon-log/{pk}/tinh-trang/", "đã nhận sự kiện đầu tiên"))
        poster.close()
    return times


def many_alerts(installation: Installation, count: int) -> dict[str, Any]:
    """Attacks of several families on as many machines of all Windows sources, at once: until every one is an alert."""
    tokens = json.loads((installation.data / "demo" / "tokens.json").read_text())
    sources = [one for one in IntakeMap(installation.data).sources() if one.kind == "windows"]
    places = len(sources) * len(FAMILIES)
    each = min(-(-count // places), ALERTS_OF_A_FAMILY - 50)  # below the bound at which a flood becomes one alert
    at = now(installation.data)
    cases = {test.rule_path.stem: test.match for test in load_tests(ROOT / "rules/windows")}
    bodies = []
    for source in sources:
        for number, rule in enumerate(FAMILIES):
            raws = (raw for case in cases[rule] for _, raw in case.render(at))
            document = next(json.loads(raw) for raw in raws if b'"Hostname"' in raw)
            hosts = [{**document, "Hostname": f"may-loat-{source.source_id}-{number}-{n}"} for n in range(each)]
            bodies.append((tokens[str(source.source_id)], bulk_body(hosts)))
    wanted = each * places
    started = time.monotonic()
    for token, body in bodies:
        poster = HttpPoster(installation.http_port, token)
        assert poster.post("/_bulk", body) is not None
        poster.close()
    sent = time.monotonic() - started
    wait_for(lambda: alerts_in(installation.data, "may-loat-%") >= wanted)
    return {"alerts": wanted, "sent_s": round(sent, 1), "alerts_s": round(time.monotonic() - started, 1)}


def alerts_in(data: Path, entity: str) -> int:
    import sqlite3

    connection = sqlite3.connect(f"file:{data / 'db.sqlite3'}?mode=ro", uri=True, timeout=10)
    try:
        return int(connection.execute("SELECT count(*) FROM alerts_alert WHERE entity LIKE ?", (entity,)).fetchone()[0])
    finally:
        connection.close()


def wait_for(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


# -- throughput


def throughput(installation: Installation, seconds: float) -> Iterator[dict[str, Any]]:
    """Two shippers send real Windows events as fast as they are acknowledged; counted is what was stored."""
    path = SHARED / "windows/events.jsonl.xz"
    if not path.exists():
        yield row("_bulk at full speed", skipped="needs the real material: set DEKHANG_SHARED")
        return
    events = [raw for _, raw in islice(open_records(path), 100_000, 120_000)]
    bodies = [
        b"".join(b"%s\n%s\n" % (ACTION.encode(), raw) for raw in events[first : first + 500])
        for first in range(0, len(events), 500)
    ]
    source_id, token = source_of(installation, "windows")
    before = ledger.of_source(installation.data, source_id).stored
    ending = time.monotonic() + seconds
    sent = [0, 0]

    def ship(number: int) -> None:
        poster, turn = HttpPoster(installation.http_port, token), number * len(bodies) // 2
        while time.monotonic() < ending:
            if poster.post("/_bulk", bodies[turn % len(bodies)]) is not None:
                sent[number] += 500
            turn += 1
        poster.close()

    shippers = [threading.Thread(target=ship, args=(number,)) for number in (0, 1)]
    started = time.monotonic()
    for shipper in shippers:
        shipper.start()
    for shipper in shippers:
        shipper.join()
    sending = time.monotonic() - started
    wait_for(lambda: ledger.of_source(installation.data, source_id).stored >= before + sum(sent))
    whole = time.monotonic() - started
    yield row(
        "_bulk at full speed",
        events=sum(sent),
        bytes_per_event=round(sum(map(len, events)) / len(events)),
        acknowledged_per_s=round(sum(sent) / sending),
        stored_per_s=round(sum(sent) / whole),
        behind_s=round(whole - sending, 1),
    )
