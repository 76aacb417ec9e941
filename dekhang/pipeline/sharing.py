"""Keeps a host's data folder in step with the other hosts': `python -m dekhang.pipeline.sharing --data DIR`.

Runs beside the parts of a host whose place has a common database, and only there. Twice a second:

- the list of sources comes into `intake/sources.json`, where the receivers look for it;
- rule settings (`settings/*.yml`) go from the host of the jobs to all others;
- this host's signs of life go to where the others see them.

While the database is away everything stays as it is: the receivers go on with the list they have.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import time
from pathlib import Path

from dekhang.pipeline import rulesettings
from dekhang.pipeline.place import Place
from dekhang.pipeline.stores import database, documents, heartbeat, intake

logger = logging.getLogger(__name__)

PART = "share"
ROUND_SECONDS = 0.5
TELL_AGAIN_SECONDS = 60.0


class Sharing:
    """One host's share in what all have in common.

    Args:
        gives_settings: this is the host where people change `settings/*.yml`; others take what it has.
    """

    def __init__(self, data: Path, *, gives_settings: bool) -> None:
        self._data = data
        self._host = Place.of(data).host
        self._gives_settings = gives_settings
        self._settings = [path.relative_to(data).as_posix() for path in rulesettings.files_of(data)]
        self._have: dict[str, int] = {}  # document → version that lies in the data folder
        self._gave: dict[str, bytes] = {}
        self._connection: database.Connection | None = None
        self._next_beats = 0.0

    def round(self) -> None:
        """Bring everything up to date once.

        Raises:
            database.Error: the database is away; the next round does what is left.
            OSError: the data folder cannot be written.
        """
        versions = documents.versions(self._data)
        self._take(intake.DOCUMENT, versions)
        for name in self._settings:
            if self._gives_settings:
                self._give(name, versions)
            else:
                self._take(name, versions)
        now = time.monotonic()
        if now >= self._next_beats:
            if self._connection is None:
                self._connection = database.connect(self._data, durable=False)  # a lost beat is followed by the next
            heartbeat.share(self._connection, self._host, heartbeat.read(self._data))
            self._next_beats = now + heartbeat.BEAT_SECONDS

    def _take(self, name: str, versions: dict[str, int]) -> None:
        version = versions.get(name, 0)
        if version == self._have.get(name):
            return
        body = documents.get(self._data, name) if version else None
        path = self._data / name
        if body:
            if not path.exists() or path.read_bytes() != body:
                documents.write(path, body)
        elif name in self._have:  # it was there and has been taken back
            path.unlink(missing_ok=True)
        self._have[name] = version

    def _give(self, name: str, versions: dict[str, int]) -> None:
        path = self._data / name
        body = path.read_bytes() if path.exists() else b""
        if not body and name not in self._gave and name in versions:
            # a new machine takes over from the one that had the settings
            self._take(name, versions)
            body = path.read_bytes() if path.exists() else b""
        elif body != self._gave.get(name, b"") and body != documents.get(self._data, name):
            documents.put(self._data, name, body)
        self._gave[name] = body

    def close(self) -> None:
        """Let the others see that this host has ended in order."""
        try:
            if self._connection is not None:
                heartbeat.share(self._connection, self._host, {})
                self._connection.close()
        except database.Error as error:
            logger.warning("Chưa báo được cho các máy khác rằng máy này dừng: %s", error)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dekhang.pipeline.sharing")
    parser.add_argument("--data", type=Path, required=True, help="thư mục dữ liệu")
    parser.add_argument("--give-settings", action="store_true", help="cấu hình luật của máy này là của mọi máy")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s share %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sharing = Sharing(options.data, gives_settings=options.give_settings)
    run(sharing, options.data, stop)
    heartbeat.clear(options.data, PART)
    sharing.close()
    return 0


def run(sharing: Sharing, data: Path, stop: threading.Event) -> None:
    """Rounds until `stop`. A fault is told once a minute and in the heartbeat."""
    ready, problem = False, ""
    next_beat = tell_after = 0.0
    while not stop.is_set():
        try:
            sharing.round()
            ready, problem = True, ""
        except (database.Error, OSError) as error:
            problem = f"Máy này chưa trao đổi được với các máy khác: {error}. Hệ thống tự thử lại."
            if time.monotonic() >= tell_after:
                logger.warning("%s", problem)
                tell_after = time.monotonic() + TELL_AGAIN_SECONDS
        if time.monotonic() >= next_beat:
            next_beat = time.monotonic() + heartbeat.BEAT_SECONDS
            try:
                heartbeat.beat(data, PART, ready=ready, problem=problem)
            except OSError as error:
                logger.warning("Không ghi được nhịp sống: %s", error)
        stop.wait(ROUND_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
