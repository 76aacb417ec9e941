"""The real browser of the end-to-end tests: Debian's chromium, installed when missing and possible."""

import os
import shutil
import subprocess
import sys

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find() -> str | None:
    wanted = os.environ.get("DK_CHROMIUM")
    if wanted:
        return wanted if os.access(wanted, os.X_OK) else None
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def install_when_possible() -> None:
    """`apt-get install chromium rsyslog strace` as root on Debian; otherwise the tests that need them skip and say so."""
    wanted = [] if find() else ["chromium"]
    if not shutil.which("rsyslogd"):
        wanted += ["rsyslog", "rsyslog-elasticsearch"]
    if not shutil.which("strace"):  # lets a disk be slow or fail, for the chaos tests
        wanted += ["strace"]
    if not wanted:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"! thiếu {', '.join(wanted)}: các bài thử cần chúng sẽ bị bỏ qua", file=sys.stderr)
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *wanted]):
        if subprocess.call(command, env=environment, stdout=subprocess.DEVNULL) != 0:
            print(f"! không cài được {', '.join(wanted)}: các bài thử cần chúng sẽ bị bỏ qua", file=sys.stderr)
            return
