"""The parts as one: start, watch, restart with growing pauses, stop within five seconds.

The supervisor itself knows no Django and stays small; what needs it (`prepare`) runs in a child of its own.
"""

import contextlib
import http.client
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import orjson

from dekhang.cli.following import end_with_parent
from dekhang.pipeline.stores import heartbeat

STOP_SECONDS = 5.0
LOG_BYTES = 5_000_000  # a part's log is turned over when larger; one older file is kept
LOG_LOOK_SECONDS = 30.0
HUNG_SECONDS = 60.0  # a worker without a sign of life for so long hangs; its heart stops by itself when its work does
REPORTS_BYTES = 1_000_000  # what `prepare` may say at most; it says a few hundred bytes


@dataclass(slots=True)
class Part:
    """One child process: how to start it and how to know that it is ready."""

    name: str
    about: str
    command: Sequence[str]
    beat: str = ""  # name of its heartbeat; "" for web, which is asked over HTTP
    needed: bool = True
    process: subprocess.Popen[bytes] | None = None
    ready: bool = False
    failures: int = 0
    start_again_at: float = 0.0
    started_at: float = 0.0
    last_sign: tuple[int, float] = (0, 0.0)  # its newest `at_ms`, and when we saw that by our own clock
    log: IO[bytes] | None = field(default=None, repr=False)


def say(text: str) -> None:
    with contextlib.suppress(OSError):  # a terminal that was closed must not end the parts
        print(text, flush=True)


class Preparation:
    """`dekhang part prepare` beside us: it talks to the person itself and reports to us, one JSON object a line."""

    def __init__(self, command: Sequence[str]) -> None:
        self._reports, ours = os.pipe()
        try:
            self.process = subprocess.Popen(
                [*command, "--report-to", str(ours)], pass_fds=(ours,), preexec_fn=end_with_parent
            )
        finally:
            os.close(ours)
        os.set_blocking(self._reports, False)
        self._half = b""

    def reports(self) -> list[dict[str, Any]]:
        """What it said since we last asked."""
        if not select.select([self._reports], [], [], 0)[0]:
            return []
        self._half += os.read(self._reports, REPORTS_BYTES)
        *whole, self._half = self._half.split(b"\n")
        return [orjson.loads(line) for line in whole]

    def close(self) -> None:
        os.close(self._reports)


class Group:
    """The parts of one installation.

    Args:
        address: of the pages; empty on a host without them.
        called: what is said to be ready.
        preparation: the command that makes the data folder ready.
        pipeline: gives the parts that may start while that goes on, from the rule folders that it reports.
        rest: the parts that need the finished data folder.
        facts: what other commands on this folder want to know of us (address, ports); kept in `run/up.json`.
    """

    def __init__(
        self,
        *,
        data: Path,
        address: str,
        called: str,
        preparation: Sequence[str],
        pipeline: Callable[[list[str]], list[Part]],
        rest: list[Part],
        facts: dict[str, Any],
    ) -> None:
        self.data, self.address, self.called, self.facts = data, address, called, facts
        self.parts: list[Part] = []
        self.stopping = False
        self._preparation_command, self._pipeline, self._rest = preparation, pipeline, rest
        self._preparation: Preparation | None = None
        self._accounts: list[str] = []
        self._last_beat = self._last_log_look = self._last_unwritten = 0.0
        self._news: dict[str, object] = {}

    def run(self, started: float) -> int:
        """Until a signal or a preparation that fails; returns the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # `nohup` means it; but a script's `&` ignores SIGINT for its children, and whoever sends one wants a stop
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            signal.signal(number, lambda *_: setattr(self, "stopping", True))
        self._preparation = Preparation(self._preparation_command)
        announced, code = False, 0
        while not self.stopping:
            if self._preparation is not None:
                refused = self._follow_preparation(self._preparation)
                if refused is not None:
                    code = refused
                    break
            for part in self.parts:
                self._watch(part, started)
            complete = self._preparation is None and all(part.ready for part in self.parts if part.needed)
            if complete and not announced:
                announced = True
                self._announce(time.monotonic() - started)
            self._beat(ready=complete)
            self._turn_logs()
            time.sleep(0.1)
        self._stop(quiet=code != 0)
        return code

    def _follow_preparation(self, preparation: Preparation) -> int | None:
        """Start what its reports allow. An exit code when the start must end here, None to go on."""
        finished = preparation.process.poll()  # before the reading: what was said before the end is then all here
        for report in preparation.reports():
            if "rules" in report:
                self._add(self._pipeline(report["rules"]))
            if "accounts" in report:
                self._accounts = report["accounts"]
        if finished is None or self.stopping:
            return None
        preparation.close()
        self._preparation = None
        if finished == 0:
            self._add(self._rest)
            return None
        if finished != 2:  # 2: it has said its sentence; a person's Ctrl-C arrives here as `stopping`
            print(f"Chuẩn bị dữ liệu dừng bất ngờ (mã {finished}). Xem lỗi ở trên, sửa rồi chạy lại.", file=sys.stderr)
        return 2

    def _add(self, parts: list[Part]) -> None:
        for part in parts:
            self.parts.append(part)
            self._start(part)

    def _announce(self, seconds: float) -> None:
        say(f"\nĐề Kháng sẵn sàng sau {seconds:.1f} giây: {self.called}")
        for line in self._accounts:
            say(line)
        say("Dừng bằng Ctrl-C.\n")

    def _beat(self, *, ready: bool) -> None:
        if time.monotonic() - self._last_beat >= heartbeat.BEAT_SECONDS:
            self._last_beat = time.monotonic()
            try:
                names = [part.name for part in self.parts]
                heartbeat.beat(self.data, "up", ready=ready, parts=names, **self.facts)
            except OSError as error:  # a full disk must not end the supervisor: the parts refuse in their own words
                say(f"! không ghi được vào {self.data}: {error.strerror}")
                self._last_unwritten = time.monotonic()
            beats = heartbeat.read(self.data)
            self._pass_on_news(beats)
            self._end_hanging(beats)

    def _end_hanging(self, beats: dict[str, dict[str, Any]]) -> None:
        """Kill workers whose heart has stopped; they are restarted like any that ended.

        When we could not write either, nobody's silence means anything.
        """
        now = time.monotonic()
        for part in self.parts:
            if heartbeat.kind_of(part.beat) != heartbeat.WORKER or part.process is None or not part.ready:
                continue
            at_ms = beats.get(part.beat, {}).get("at_ms", 0)
            if part.last_sign[0] != at_ms or part.last_sign[1] < max(part.started_at, self._last_unwritten):
                part.last_sign = (at_ms, now)
            elif now - part.last_sign[1] > HUNG_SECONDS:
                say(f"! {part.name} ({part.about}) bị treo, buộc dừng để chạy lại (dữ liệu đã nhận vẫn nguyên).")
                part.process.kill()

    def _pass_on_news(self, beats: dict[str, dict[str, Any]]) -> None:
        """Say what a part wants the person at the terminal to know (`news` in its heartbeat), once."""
        for part in self.parts:
            news = beats.get(part.beat, {}).get("news") if part.ready else None
            if news and news != self._news.get(part.name):
                self._news[part.name] = news
                say(f"  · {news}")

    def _log_path(self, part: Part) -> Path:
        return self.data / "logs" / f"{part.name}.log"

    def _turn_logs(self) -> None:
        """Keep every log bounded. The parts append, so a file cut to nothing under them goes on from its start."""
        if time.monotonic() - self._last_log_look < LOG_LOOK_SECONDS:
            return
        self._last_log_look = time.monotonic()
        for part in self.parts:
            path = self._log_path(part)
            try:
                if path.stat().st_size > LOG_BYTES:
                    shutil.copyfile(path, path.with_suffix(".log.1"))
                    os.truncate(path, 0)
            except OSError:
                continue  # no room for the copy: later

    def _start(self, part: Part) -> None:
        heartbeat.clear(self.data, part.beat or part.name)  # the sign of life of the one before must not count
        part.ready, part.started_at = False, time.monotonic()
        try:
            part.log = self._log_path(part).open("ab")
            part.process = subprocess.Popen(
                part.command,
                stdout=part.log,
                stderr=part.log,
                stdin=subprocess.DEVNULL,
                preexec_fn=end_with_parent,
                process_group=0,  # Ctrl-C reaches us alone: granian hangs when its signal comes twice
            )
        except OSError as error:
            self._failed(part, f"không khởi động được: {error.strerror}")

    def _failed(self, part: Part, what: str) -> None:
        """Say it and try again, later each time."""
        if part.log is not None:
            part.log.close()
        part.process, part.ready, part.log = None, False, None
        now = time.monotonic()
        if now - part.started_at > 60:
            part.failures = 0
        pause = min(2**part.failures, 30)
        part.failures += 1
        part.start_again_at = now + pause
        say(f"! {part.name} ({part.about}) {what}; chạy lại sau {pause} giây. Chi tiết: {self._log_path(part)}")

    def _watch(self, part: Part, started: float) -> None:
        if part.process is None:
            if time.monotonic() >= part.start_again_at:
                self._start(part)
            return
        code = part.process.poll()
        if code is not None:
            self._failed(part, f"dừng bất ngờ, mã {code}")
        elif not part.ready and self._is_ready(part):
            part.ready = True
            say(f"  ✓ {part.name:<8} {part.about} ({time.monotonic() - started:.1f} giây)")

    def _is_ready(self, part: Part) -> bool:
        if part.beat:
            facts = heartbeat.read(self.data).get(part.beat, {})
            return bool(facts.get("ready")) and heartbeat.is_alive(facts)
        return answers(self.address)

    def _stop(self, *, quiet: bool) -> None:
        """What was acknowledged is on disk and waits for the next start, so all may stop at once."""
        if not quiet:
            say("Đang dừng…")
        running = [(part.name, part.process) for part in self.parts if part.process is not None]
        if self._preparation is not None:
            running.append(("prepare", self._preparation.process))
        running = [(name, process) for name, process in running if process.poll() is None]
        for _name, process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS - 0.5
        for name, process in running:
            try:
                process.wait(max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                say(f"! {name} chưa dừng, buộc dừng (dữ liệu đã nhận vẫn nguyên).")
                process.kill()
                process.wait()
        heartbeat.clear(self.data, "up")
        if not quiet:
            say("Đã dừng.")


def answers(address: str) -> bool:
    """Does the web part at `address` answer? Asked directly, past any proxy that the environment names.

    Any answer below 500 counts: with DK_HOSTS naming only the public host, this address is politely refused.
    """
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "127.0.0.1", place.port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
