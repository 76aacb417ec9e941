"""A whole installation for a test: `dekhang up` as a person starts it, on ports of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from dekhang.pipeline.stores import heartbeat

PROJECT = Path(__file__).resolve().parents[1]
READY = re.compile(r"sẵn sàng sau ([0-9.]+) giây: (\S+)")


_given: set[int] = set()


def free_port() -> int:
    """A port that is free for TCP and UDP just now, another one each time."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            if port in _given:
                continue
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return int(port)


@dataclass
class Installation:
    data: Path
    options: Sequence[str] = ()
    environment: dict[str, str] | None = None
    process: subprocess.Popen[bytes] | None = None
    address: str = ""

    def __post_init__(self) -> None:
        self.port, self.http_port, self.syslog_port = free_port(), free_port(), free_port()

    @property
    def output(self) -> str:
        return (self.data.parent / f"{self.data.name}.log").read_text(errors="replace")

    def begin(self) -> None:
        """Start, and do not wait."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("DK_", "DJANGO_"))}
        environment |= {"PYTHONPATH": str(PROJECT), **(self.environment or {})}
        with (self.data.parent / f"{self.data.name}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "dekhang", "up", "--data", str(self.data), "--port", str(self.port)),
                    *("--http-intake-port", str(self.http_port)),
                    *("--syslog-udp-port", str(self.syslog_port), "--syslog-tcp-port", str(self.syslog_port)),
                    *self.options,
                ],
                cwd=PROJECT,
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def start(self, timeout_seconds: float = 120) -> None:
        """Start and wait until it says that it is ready; its words are in the failure otherwise."""
        self.begin()
        assert self.process is not None
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            if found := READY.search(self.output):
                self.address = found[2]
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        self.kill()
        raise AssertionError(f"dekhang up did not become ready:\n{self.output}")

    def stop(self) -> float:
        """Ctrl-C, as the terminal sends it to the whole group; returns the seconds it took."""
        assert self.process is not None
        start = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(30)
        return time.monotonic() - start

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def command(self, *words: str, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
        """`dekhang WORDS --data …` beside the running parts, as a person types it: the folder says the rest."""
        return dekhang(*words, "--data", str(self.data), timeout=timeout, **(self.environment or {}), **environment)

    def parts(self) -> dict[str, int]:
        """Name → process id of every part that `up` started and that lives."""
        assert self.process is not None
        found = {}
        for child in psutil.Process(self.process.pid).children():
            line = child.cmdline()
            names = [word for word in ("web", "http", "lines", "jobs", "traffic", "prepare") if word in line]
            share = line[line.index("--share") + 1] if "--share" in line else "1/1"
            found[names[0] if names else heartbeat.worker_name(int(share.split("/")[0]))] = child.pid
        return found

    def everything(self) -> list[psutil.Process]:
        """The supervisor, its parts and their children."""
        assert self.process is not None
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]


def dekhang(*words: str, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    """A `dekhang` command without the tester's own settings; nobody sits at its terminal."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DK_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "-m", "dekhang", *words],
        cwd=PROJECT,
        env={**kept, "PYTHONPATH": str(PROJECT), **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )
