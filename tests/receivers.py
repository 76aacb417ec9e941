"""Real receiver processes for tests: start, wait until ready, ask what they have put into the spool."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from dekhang.pipeline.lanes import BULK
from dekhang.pipeline.receive.commit import Committer
from dekhang.pipeline.receive.lanes import Lanes
from dekhang.pipeline.receive.quotas import Quotas
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.spool import START, Frame, SpoolReader, SpoolWriter
from dekhang.pipeline.stores import heartbeat
from dekhang.pipeline.stores.intake import IntakeMap, IntakeSource, hash_token, publish

PROJECT = Path(__file__).resolve().parents[1]
TOKEN = "ma-ket-noi-de-thu"
WRITERS = {"http": 1, "syslog": 2, "files": 3, "http-bulk": BULK + 1, "syslog-bulk": BULK + 2}


def free_port() -> int:
    """A port that nobody listens on, neither TCP nor UDP."""
    while True:
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def source(source_id: int = 7, **changes: Any) -> IntakeSource:
    facts: dict[str, Any] = {"unit_id": 3, "kind": "linux", "token_sha256": hash_token(TOKEN), **changes}
    return IntakeSource(source_id, **facts)


def lanes(data: Path, writer: SpoolWriter, refusals: Refusals, bulk: SpoolWriter | None = None) -> Lanes:
    """Lanes over `writer`; what would be loud has a writer of its own only if one is given."""
    express = Committer(writer)
    return Lanes(express, Committer(bulk) if bulk else express, Quotas(IntakeMap(data), refusals))


class Receiver:
    """`python -m dekhang.pipeline.receive <part>` on a data folder; use as a context manager."""

    def __init__(self, data: Path, part: str, *options: str, sources: Iterable[IntakeSource] | None = None) -> None:
        self.data = data
        self.part = part
        self.options = options
        self.http_port = self.syslog_port = self.tls_port = 0
        publish(data, [source()] if sources is None else sources)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Receiver":
        for attempt in range(3):
            chosen = bool(self.http_port or self.syslog_port or self.tls_port) or self.part == "files"
            try:
                return self._start()
            except AssertionError:
                if chosen or attempt == 2:
                    raise
                self.http_port = self.syslog_port = self.tls_port = (
                    0  # another test took the port between looking and listening
                )
        raise AssertionError("not reached")

    def _start(self) -> "Receiver":
        options = list(self.options)
        if self.part == "http":
            self.http_port = self.http_port or free_port()
            options += ["--port", str(max(0, self.http_port))]  # −1: no plain port
        elif self.part in ("syslog", "lines"):
            self.syslog_port = self.syslog_port or free_port()
            options += ["--udp", str(self.syslog_port), "--tcp", str(self.syslog_port)]
        if "--tls-cert" in options:
            self.tls_port = self.tls_port or free_port()
            options += ["--tls-port", str(self.tls_port)]
        command = [sys.executable, "-m", "dekhang.pipeline.receive", self.part, "--data", str(self.data)]
        environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        log = (self.data / f"{self.part}.log").open("ab")
        self.process = subprocess.Popen(
            [*command, "--free-floor-mb", "0", *options], cwd=PROJECT, env=environment, stdout=log, stderr=log
        )
        log.close()
        self.wait_for(self._is_ready, seconds=15, what="the receiver to be ready")
        return self

    def _is_ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"{self.part} ended with {self.process.returncode}: {self.log()}")
        beat = heartbeat.read(self.data).get(self.part, {})
        return beat.get("pid") == self.process.pid and bool(beat.get("ready"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def wait_for(self, condition: Callable[[], Any], *, seconds: float = 5, what: str = "the condition") -> Any:
        end = time.monotonic() + seconds
        while not (result := condition()):
            if time.monotonic() > end:
                raise AssertionError(f"waited {seconds} s for {what}; log: {self.log()[-2000:]}")
            time.sleep(0.02)
        return result

    def frames(self, writer: str = "") -> list[Frame]:
        """What lies in the spool: of one writer, or of both lanes of the part, express first."""
        part = "syslog" if self.part == "lines" else self.part
        frames: list[Frame] = []
        for name in [writer] if writer else [part, f"{part}-bulk"]:
            if name not in WRITERS:
                continue
            with SpoolReader(self.data / "spool", WRITERS[name], START) as reader:
                while batch := reader.read(100_000)[0]:
                    frames += batch
        return frames

    def records(self, writer: str = "") -> list[bytes]:
        return [record for frame in self.frames(writer) for record in frame.records]

    def wait_for_records(self, count: int, *, writer: str = "", seconds: float = 5) -> list[bytes]:
        self.wait_for(lambda: len(self.records(writer)) >= count, seconds=seconds, what=f"{count} records")
        return self.records(writer)

    def refusals(self) -> dict[tuple[int, str], int]:
        """Refused records by (source, reason), as the ledger will see them."""
        path = self.data / "pipeline.db"
        if not path.exists():
            return {}
        connection = sqlite3.connect(path)
        try:
            rows = connection.execute("SELECT source_id, reason, sum(records) FROM refusals GROUP BY 1, 2").fetchall()
        except sqlite3.OperationalError:
            return {}
        finally:
            connection.close()
        return {(source_id, reason): records for source_id, reason, records in rows}

    def wait_for_refusals(self, key: tuple[int, str], count: int = 1) -> None:
        self.wait_for(lambda: self.refusals().get(key, 0) >= count, what=f"{count} refusals {key}")

    def log(self) -> str:
        return (self.data / f"{self.part}.log").read_text(errors="replace")

    def memory_mb(self) -> float:
        """Largest resident memory so far."""
        assert self.process is not None
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("VmHWM not found")

    def stop(self) -> float:
        """SIGTERM; returns how many seconds it took to end."""
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=10)
        assert code == 0, f"ended with {code}: {self.log()}"
        return time.monotonic() - started

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=10)

    def __enter__(self) -> "Receiver":
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()


def as_json(answer: bytes) -> Any:
    return json.loads(answer)
