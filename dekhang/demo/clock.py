"""The demo lives from the morning of the conference on; the shift is fixed when its data folder is made."""

import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

CONFERENCE = datetime(2019, 12, 10, 8, 0, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))


def shift_seconds(data: Path) -> int:
    """Seconds from now to the demo's present; the same for the life of the data folder."""
    path = data / "demo" / "clock-shift"
    try:
        return int(path.read_text())
    except FileNotFoundError:
        shift = int(CONFERENCE.timestamp() - time.time())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(shift))
        return shift
