"""A pipeline for a measurement: real receivers, workers and keeper as processes, sources of eight units, a sender."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from bench import _streams
from dekhang.pipeline.stores import detections, heartbeat, ledger
from dekhang.pipeline.stores.intake import IntakeSource, hash_token, publish
from tests.receivers import PROJECT, free_port

SOURCES = 8  # each of a unit of its own, so that workers can share them
QUOTA_EPS = 1_000_000  # the load is divided into eight instead of thousands of machines: none of them is loud
PATIENCE_SECONDS = 900.0
SAMPLE_SECONDS = 1.0
LOOK_SECONDS = 0.05  # between two looks for detections: the resolution of latencies


class Running:
    """Use as a context manager.

    Args:
        data: an empty folder.
        kind: windows (over HTTP) or linux (syslog over TCP).
        workers: how many; 0: the receiver alone.
        rules: folders; none: nothing is detected.
        cache: for compiled rules, shared between measurements.
    """

    def __init__(self, data: Path, kind: str, *, workers: int, rules: list[Path], cache: Path) -> None:
        self.data, self.kind, self.workers = data, kind, workers
        self.port = free_port()
        self.sources = range(1, SOURCES + 1)
        self.tokens = [f"ma-ket-noi-do-toc-do-{number}" for number in self.sources]
        self.addresses = [f"127.0.0.{10 + number}" for number in self.sources]
        self._rules = [word for folder in rules for word in ("--rules", str(folder))]
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._stop = threading.Event()
        self._watchers: list[threading.Thread] = []
        self.peak_bytes = 0
        self.latencies: dict[str, float] = {}  # of each attack, by its host
        data.mkdir(parents=True)
        cache.mkdir(exist_ok=True)
        (data / "rules-cache").symlink_to(cache)
        publish(
            data,
            [
                IntakeSource(one, one, kind, hash_token(token), addresses=(address,), quota_eps=QUOTA_EPS)
                for one, token, address in zip(self.sources, self.tokens, self.addresses, strict=True)
            ],
        )

    def __enter__(self) -> "Running":
        receive = ["dekhang.pipeline.receive", "http" if self.kind == "windows" else "lines", "--free-floor-mb", "0"]
        ports = (
            ["--port", f"{self.port}"] if self.kind == "windows" else ["--udp", f"{self.port}", "--tcp", f"{self.port}"]
        )
        self._start(receive[1], *receive, *ports)
        for number in range(1, self.workers + 1):
            name = heartbeat.worker_name(number)
            self._start(name, "dekhang.pipeline.worker", *self._rules, "--share", f"{number}/{self.workers}")
        if self.workers:
            self._start("keeper", "bench._keeper")
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for watcher in self._watchers:
            watcher.join()
        for process in self._parts.values():
            process.terminate()
        for process in self._parts.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, name: str, module: str, *options: str) -> None:
        with (self.data / f"{name}.log").open("ab") as log:
            self._parts[name] = subprocess.Popen(
                [sys.executable, "-m", module, *options, "--data", str(self.data)],
                cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)}, stdout=log, stderr=log,
            )  # fmt: skip

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 300
        while True:
            beats = heartbeat.read(self.data)
            waited_for = [name for name in self._parts if name != "keeper" and not beats.get(name, {}).get("ready")]
            if not waited_for:
                return
            ended = [name for name, process in self._parts.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                raise RuntimeError(
                    "\n".join((self.data / f"{name}.log").read_text()[-2_000:] for name in ended or waited_for)
                )
            time.sleep(0.05)

    def measure(self, seconds: float, *, rate: float = 0.0, attacks: bool = False) -> dict[str, Any]:
        """Send for so many seconds; wait until everything is stored (without workers: received); the figures."""
        before = self._cpu_seconds()
        for watch in (self._watch_memory, self._watch_detections):
            self._watchers.append(threading.Thread(target=watch, daemon=True))
            self._watchers[-1].start()
        sender = self._sender(seconds, rate, attacks=attacks)
        assert sender.stdout is not None
        began = float(json.loads(sender.stdout.readline())["began"])
        told = json.loads(sender.stdout.readline())
        sender.wait()
        sent = int(told["sent"])
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (account := self._account())["done"] < sent and time.monotonic() < deadline:
            time.sleep(0.1)
        took = time.time() - began
        time.sleep(heartbeat.BEAT_SECONDS * 1.2)  # the last figures of the workers' heartbeats
        spent = {name: after - before.get(name, 0.0) for name, after in self._cpu_seconds().items()}
        spent["sender"] = float(told["cpu_seconds"])
        return {
            "seconds": round(took, 1),
            "events_per_second": round(account["done"] / took),
            "sent_per_second": round(sent / float(told["seconds"])),
            "sent": sent,
            "stored": account["stored"],
            "refused": account["refused"],
            "duplicate": account["duplicate"],
            "lost": sent - account["done"] - account["refused"] - account["duplicate"],
            **_spread(list(self.latencies.values())),
            "peak_mb": round(self.peak_bytes / 1e6),
            "cpu_us_per_event": {name: round(used / max(1, sent) * 1e6, 2) for name, used in spent.items()},
            "cpu_share": {name: round(used / max(1e-9, sum(spent.values())), 3) for name, used in spent.items()},
        }

    def _sender(self, seconds: float, rate: float, *, attacks: bool) -> subprocess.Popen[str]:
        ways = ["--tokens", *self.tokens] if self.kind == "windows" else ["--from", *self.addresses]
        options = ["--kind", self.kind, "--port", f"{self.port}", "--seconds", f"{seconds}", "--rate", f"{rate}", *ways]
        return subprocess.Popen(
            [sys.executable, "-m", "bench._send", *options, *(["--attacks"] if attacks else [])],
            cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def _account(self) -> dict[str, int]:
        rows = ledger.of_sources(self.data, list(self.sources)).values()
        found = {
            name: sum(getattr(row, name) for row in rows) for name in ("stored", "refused", "duplicate", "waiting")
        }
        return {**found, "done": found["stored"] if self.workers else found["waiting"]}

    def _cpu_seconds(self) -> dict[str, float]:
        """Processor time by stage: of the workers what they tell themselves, of the others all."""
        found: dict[str, float] = {}
        for name, process in self._parts.items():
            own = psutil.Process(process.pid)
            times = [one.cpu_times() for one in (own, *own.children(recursive=True))]
            total = sum(one.user + one.system for one in times)
            if not name.startswith(heartbeat.WORKER):
                found["receive" if name != "keeper" else "keeper"] = total
                continue
            stages = heartbeat.read(self.data)[name]["cpu_seconds"]
            for stage, used in stages.items():
                found[stage] = found.get(stage, 0.0) + used
            found["other"] = found.get("other", 0.0) + total - sum(stages.values())
        return found

    def _watch_memory(self) -> None:
        """The most that all parts had at once, shared pages counted once."""
        while not self._stop.wait(SAMPLE_SECONDS):
            total = 0
            for process in self._parts.values():
                try:
                    own = psutil.Process(process.pid)
                    total += sum(one.memory_full_info().pss for one in (own, *own.children(recursive=True)))
                except psutil.Error:
                    continue
            self.peak_bytes = max(self.peak_bytes, total)

    def _watch_detections(self) -> None:
        """Of each attack: from its sending until anybody can read that it was detected."""
        last = 0
        while not self._stop.wait(LOOK_SECONDS):
            now = time.time()
            for one in detections.after(self.data, last):
                last = one.id
                if one.host.startswith(_streams.ATTACKER):
                    sent_at = int(one.host.removeprefix(_streams.ATTACKER)) / 1000
                    self.latencies.setdefault(one.host, now - sent_at)  # several rules may tell of it


def _spread(seconds: list[float]) -> dict[str, float | None]:
    if not seconds:
        return {"p50_seconds": None, "p99_seconds": None}
    ordered = sorted(seconds)
    return {
        "attacks": len(ordered),
        "p50_seconds": round(ordered[len(ordered) // 2], 2),
        "p99_seconds": round(ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))], 2),
    }
