"""What a data folder says about itself: is it the demo's, and which ports does the `up` that runs on it use?"""

import os
from pathlib import Path

from dekhang.pipeline.stores import heartbeat

# facts of `run/up.json` that a command beside a running `up` takes over as settings
_SETTINGS = {
    "DK_BASE_URL": "address",
    "DK_HTTP_INTAKE_PORT": "http_intake_port",
    "DK_SYSLOG_UDP_PORT": "syslog_udp_port",
    "DK_SYSLOG_TCP_PORT": "syslog_tcp_port",
}


def is_demo(data: Path) -> bool:
    return (data / "demo" / "clock-shift").exists()


def adopt_demo_clock(data: Path) -> None:
    """The demo's folder lives in December 2019 whichever command opens it: its records must not mix two presents."""
    if is_demo(data):
        os.environ["DK_DEMO"] = "1"
        os.environ["DK_CLOCK_SHIFT_SECONDS"] = (data / "demo" / "clock-shift").read_text().strip()


def adopt(data: Path) -> None:
    """Set what this folder decides; settings that the person gave stay. Call before the settings are read."""
    os.environ["DK_DATA"] = str(data.resolve())
    adopt_demo_clock(data)
    running = running_up(data)
    for setting, fact in _SETTINGS.items():
        if fact in running:
            unless_given(setting, str(running[fact]))


def unless_given(setting: str, value: str) -> None:
    """Set `setting` for this process and its children when the person gave neither it nor its `_FILE`."""
    if f"{setting}_FILE" not in os.environ:
        os.environ.setdefault(setting, value)


def running_up(data: Path) -> dict[str, object]:
    """The facts of the `up` that runs on this folder; empty when none does."""
    facts = heartbeat.read(data).get("up", {})
    return facts if heartbeat.is_alive(facts) else {}
