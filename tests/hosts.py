"""Several hosts for a test: `dekhang up --role … --config FILE` on data folders of their own, servers of real wheels."""

import contextlib
import http.cookiejar
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from tests.cluster import NatsCluster, S3Server
from tests.conftest import PROJECT, clean_environment
from tests.installation import READY, dekhang
from tests.postgres import PostgresServer
from tests.receivers import free_port

BUCKET = "kho-nhat-ky"


class Servers:
    """What the hosts share: PostgreSQL, three NATS servers, S3."""

    def __init__(self, folder: Path, postgres: PostgresServer) -> None:
        self.folder = folder
        self.database = postgres.new_database()
        self.nats = NatsCluster(folder / "nats")
        self.s3 = S3Server(folder / "s3")

    def start(self) -> "Servers":
        self.nats.start()
        self.s3.start()
        self.s3.bucket(BUCKET)
        (self.folder / "access").write_text(self.s3.KEY)
        (self.folder / "secret").write_text(self.s3.SECRET + "\n")
        (self.folder / "nats-password").write_text(self.nats.PASSWORD + "\n")
        return self

    def config(self, host: str, **listen: int) -> Path:
        """The file of a host; its keys lie beside it."""
        path = self.folder / f"{host}.toml"
        servers = ", ".join(f'"nats://127.0.0.1:{port}"' for port in self.nats.ports)
        path.write_text(
            f'host = "{host}"\n'
            f'[database]\nurl = "{self.database}"\n'
            f"[transport]\nservers = [{servers}]\nroom_gb = 1\n"
            f'user = "{self.nats.USER}"\npassword_file = "nats-password"\n'
            f'[objects]\nbucket = "{BUCKET}"\nprefix = "lake"\nendpoint = "http://127.0.0.1:{self.s3.port}"\n'
            'access_key_file = "access"\nsecret_key_file = "secret"\n'
            "[workers]\ncount = 1\n[listen]\n" + "".join(f"{name} = {port}\n" for name, port in listen.items())
        )
        return path

    def close(self) -> None:
        self.nats.close()
        self.s3.close()


class Host:
    """One of the hosts: `up` of some roles on a folder of its own."""

    def __init__(self, servers: Servers, name: str, *roles: str) -> None:
        self.name, self.roles = name, roles
        self.data = servers.folder / name
        self.web_port, self.http_port, self.syslog_port = free_port(), free_port(), free_port()
        self._config = servers.config(
            name, web_port=self.web_port, http_port=self.http_port, syslog_udp_port=self.syslog_port,
            syslog_tcp_port=self.syslog_port,
        )  # fmt: skip
        self._log = servers.folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def begin(self, **environment: str) -> "Host":
        roles = [word for role in self.roles for word in ("--role", role)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dekhang", "up", "--data", self.data, "--config", self._config, *roles],
                cwd=PROJECT,
                env=clean_environment(**environment),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        return self

    def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"{self.name} ended:\n{self.output}{self.logs()}"
        return READY.search(self.output) is not None

    def logs(self) -> str:
        found = sorted((self.data / "logs").glob("*.log"))
        return "".join(f"--- {path.name}\n{path.read_text(errors='replace')[-2000:]}\n" for path in found)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """As if the machine lost its power: nobody says goodbye."""
        if self.process is not None and self.process.poll() is None:
            own = psutil.Process(self.process.pid)
            own.suspend()  # it starts nothing again, and its parts are not told to end because it has died
            for process in (*own.children(recursive=True), own):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            self.process.wait()

    def command(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return dekhang(*words, "--data", str(self.data), timeout=timeout)

    def ask(self, code: str) -> Any:
        """Run code among the records of people, on this host; returns what it assigns to `answer`."""
        script = f"import json\n{code}\nprint('\\x1e' + json.dumps(answer))"
        done = subprocess.run(
            [sys.executable, "-m", "dekhang", "manage", "shell", "-v0", "-c", script, "--data", self.data],
            cwd=PROJECT, env=clean_environment(), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.rpartition("\x1e")[2])


class Person:
    """Somebody signed in at a host's pages, without a browser."""

    def __init__(self, address: str, username: str, password: str) -> None:
        self._address = address
        cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(cookies)
        )
        form = self.page("/dang-nhap/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert token is not None
        body = urllib.parse.urlencode(
            {"csrfmiddlewaretoken": token[1], "username": username, "password": password}
        ).encode()
        answer = self._opener.open(f"{address}/dang-nhap/", body, timeout=30)
        assert "/dang-nhap/" not in answer.url, "not signed in"

    def page(self, path: str) -> str:
        with self._opener.open(self._address + path, timeout=30) as answer:
            return str(answer.read().decode())


def post_lines(port: int, token: str, lines: list[str], *, patience_seconds: float = 60) -> None:
    """Send records as one request until they are acknowledged; the same request sent again counts once."""
    body = "".join(f"{line}\n" for line in lines).encode()
    key = f"goi-{hash((port, token, body)) & 0xFFFFFFFF:x}-{time.time_ns()}"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/ndjson", body, {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    )
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                assert answer.status == 200
                return
        except OSError as fault:  # refused for the moment: no source yet, no majority of the cluster
            if time.monotonic() > deadline:
                raise AssertionError(f"not acknowledged within {patience_seconds} s: {fault}") from fault
            time.sleep(0.3)
