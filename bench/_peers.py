"""Other receivers of syslog, started for real, that write the stream to a file: rsyslog and syslog-ng."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.receivers import PROJECT, free_port

RSYSLOGD = Path(shutil.which("rsyslogd") or "/usr/sbin/rsyslogd")
FETCH = PROJECT / "tests" / "tools" / "fetch_syslog_ng.sh"
PATIENCE_SECONDS = 120.0


def measure(name: str, folder: Path, addresses: list[str], seconds: float) -> dict[str, Any]:
    """Send for so many seconds, wait until all lines stand in the file; the figures, or why there are none."""
    folder.mkdir()
    with {"rsyslog": _rsyslog, "syslog-ng": _syslog_ng}[name](folder) as running:
        if isinstance(running, str):
            return {"skipped": running}
        port, file = running
        command = ["--kind", "linux", "--port", f"{port}", "--seconds", f"{seconds}", "--from", *addresses]
        sender = subprocess.Popen(
            [sys.executable, "-m", "bench._send", *command],
            cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert sender.stdout is not None
        began = float(json.loads(sender.stdout.readline())["began"])
        told = json.loads(sender.stdout.readline())
        sender.wait()
        written, took = _wait_for_lines(file, int(told["sent"]), began)
        return {
            "events_per_second": round(written / took),
            "sent": int(told["sent"]),
            "stored": written,
            "lost": int(told["sent"]) - written,
        }


def _wait_for_lines(file: Path, wanted: int, began: float) -> tuple[int, float]:
    """Lines in the file when it has all or does not grow any more, and seconds until then."""
    lines, grew = 0, time.time()
    with file.open("rb") as opened:
        while lines < wanted and time.time() - grew < PATIENCE_SECONDS / 10:
            more = opened.read(1 << 24)
            if more:
                lines, grew = lines + more.count(b"\n"), time.time()
            else:
                time.sleep(0.01)
    return lines, grew - began


@contextmanager
def _rsyslog(folder: Path) -> Iterator[tuple[int, Path] | str]:
    if not RSYSLOGD.exists():
        yield "rsyslogd is not installed (apt install rsyslog)"
        return
    port, file = free_port(), folder / "lines.log"
    configuration = folder / "rsyslog.conf"
    configuration.write_text(
        f'global(workDirectory="{folder}")\nmodule(load="imtcp")\n'
        f'input(type="imtcp" address="127.0.0.1" port="{port}")\naction(type="omfile" file="{file}")\n'
    )
    command = [str(RSYSLOGD), "-n", "-i", str(folder / "pid"), "-f", str(configuration)]
    with _running(command, folder, port, dict(os.environ)):
        file.touch()
        yield port, file


@contextmanager
def _syslog_ng(folder: Path) -> Iterator[tuple[int, Path] | str]:
    root = Path(os.environ.get("DK_SYSLOG_NG") or "/")
    if not (root / "usr/sbin/syslog-ng").exists():
        fetched = subprocess.run([str(FETCH)], capture_output=True, text=True, timeout=180)
        if fetched.returncode != 0:
            yield f"no syslog-ng here: {fetched.stderr.strip()[-200:]} (set DK_SYSLOG_NG)"
            return
        root = Path(fetched.stdout.strip())
    port, file = free_port(), folder / "lines.log"
    configuration = folder / "syslog-ng.conf"
    configuration.write_text(
        "@version: 3.35\noptions { stats-freq(0); keep-hostname(yes); use-dns(no); };\n"
        f'source s {{ network(ip("127.0.0.1") port({port}) transport("tcp") max-connections(64)); }};\n'
        f'destination d {{ file("{file}"); }};\nlog {{ source(s); destination(d); flags(flow-control); }};\n'
    )
    modules = root / "usr/lib/syslog-ng"
    environment = dict(os.environ)
    if root != Path("/"):
        paths = [root / "usr/lib/x86_64-linux-gnu", root / "lib/x86_64-linux-gnu", modules]
        environment["LD_LIBRARY_PATH"] = ":".join(map(str, paths))
    folders = ":".join(str(path) for path in sorted(modules.iterdir()) if path.is_dir())
    command = [
        str(root / "usr/sbin/syslog-ng"), "-F", "-e", "--no-caps", "-f", str(configuration), "-R", str(folder / "persist"),
        "-c", str(folder / "ctl"), "-p", str(folder / "pid"), "--module-path", folders,
    ]  # fmt: skip
    with _running(command, folder, port, environment):
        file.touch()
        yield port, file


@contextmanager
def _running(command: list[str], folder: Path, port: int, environment: dict[str, str]) -> Iterator[None]:
    with (folder / "out.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
    try:
        deadline = time.monotonic() + 15
        while f":{port:04X} 00000000:0000 0A" not in Path("/proc/net/tcp").read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]}: {(folder / 'out.log').read_text()[-1_000:]}")
            time.sleep(0.02)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
