"""Real servers of a cluster for tests, each from its wheel: an S3 storage (SeaweedFS) and NATS JetStream in threes."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pyarrow.fs as pafs

from tests.receivers import free_port

BIN = Path(sys.executable).parent
PATIENCE_SECONDS = 150.0  # a busy machine; what is asked for usually comes within seconds


def wait_until(true: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for: {what}"
        time.sleep(0.05)


class S3Server:
    """SeaweedFS with its S3 gateway on free ports. `address(bucket)` is what `place.json` says in `objects`."""

    KEY, SECRET = "khoa-thu", "mat-khau/+thu"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        identity = {
            "name": "dekhang",
            "credentials": [{"accessKey": self.KEY, "secretKey": self.SECRET}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        self._ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
        self._ports |= {f"{name}.grpc": free_port() for name in list(self._ports)}
        self.port = self._ports["s3"]
        self._log = (folder / "log").open("w")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "S3Server":
        ports = []
        for name, port in self._ports.items():
            part, _, grpc = name.partition(".")
            ports.append(f"-{part}.port{'.grpc' if grpc else ''}={port}")
        self._process = subprocess.Popen(
            [
                str(BIN / "weed"), "server", f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", *ports,
                "-s3", f"-s3.config={self.folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0",
                f"-s3.localSocket={self.folder}/s3.sock", f"-filer.localSocket={self.folder}/filer.sock",
                "-master.telemetry=false", "-master.volumeSizeLimitMB=32", "-volume.max=20", "-volume.preStopSeconds=0",
            ],
            stdout=self._log, stderr=self._log, cwd=self.folder,
        )  # fmt: skip
        wait_until(self._is_ready, f"S3 server, see {self.folder}/log")
        return self

    def _is_ready(self) -> bool:
        assert self._process is not None and self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
        try:
            self.bucket("thu")
            with self._admin().open_output_stream("thu/x") as stream:  # volumes are there a moment after the gateway
                stream.write(b"x")
        except OSError:
            return False
        return True

    def _admin(self) -> pafs.S3FileSystem:
        return pafs.S3FileSystem(
            access_key=self.KEY, secret_key=self.SECRET, endpoint_override=f"127.0.0.1:{self.port}", scheme="http",
            allow_bucket_creation=True,
        )  # fmt: skip

    def bucket(self, name: str, prefix: str = "lake") -> str:
        """Make a bucket; returns the address of a lake in it."""
        self._admin().create_dir(name)
        return self.address(name, prefix)

    def address(self, bucket: str, prefix: str = "lake") -> str:
        who = f"{quote(self.KEY, safe='')}:{quote(self.SECRET, safe='')}"
        return f"s3://{who}@{bucket}/{prefix}?endpoint=http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        _end(self._process)
        self._process = None

    def close(self) -> None:
        self.stop()
        self._log.close()


def _end(process: subprocess.Popen[bytes] | None, number: signal.Signals = signal.SIGKILL) -> None:
    if process is not None and process.poll() is None:
        process.send_signal(number)
        process.wait(30)


class NatsCluster:
    """NATS servers with JetStream on free ports, as one cluster. `address` is what `place.json` says in `transport`."""

    USER, PASSWORD = "thu", "mat-khau/+@thu"  # what `openssl rand -base64` gives has such characters

    def __init__(self, folder: Path, servers: int = 3) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * servers
        self._choose_ports()

    def _choose_ports(self) -> None:
        self.ports, self._routes, self._monitors = ([free_port() for _ in self._processes] for _ in range(3))

    @property
    def address(self) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        who = f"{self.USER}:{quote(self.PASSWORD, safe='')}"
        return f"nats://{who}@{hosts}?replicas={min(3, len(self.ports))}&room_gb=0.5"

    def start(self) -> "NatsCluster":
        for last in (False, False, True):
            for number in range(len(self.ports)):
                self.start_one(number)
            try:
                wait_until(lambda: self.leader() is not None, f"a leader of the NATS cluster, see {self.folder}", 30)
                return self
            except AssertionError:
                self.close()
                if last:
                    raise
                self._choose_ports()  # another test took one between looking and listening
        raise AssertionError("not reached")

    def start_one(self, number: int) -> None:
        name = f"n{number}"
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in self._routes)
        cluster = f"cluster {{ name: dk, listen: 127.0.0.1:{self._routes[number]}, routes: [{routes}] }}"
        (self.folder / f"{name}.conf").write_text(
            f"server_name: {name}\nlisten: 127.0.0.1:{self.ports[number]}\nhttp: 127.0.0.1:{self._monitors[number]}\n"
            f'jetstream {{ store_dir: "{self.folder}/{name}", max_file: 2GB, max_mem: 64MB }}\n'
            f'authorization {{ user: {self.USER}, password: "{self.PASSWORD}" }}\n'
            + (cluster if len(self.ports) > 1 else "")
        )
        with (self.folder / f"{name}.log").open("a") as log:
            self._processes[number] = subprocess.Popen(
                [str(BIN / "nats-server"), "-c", str(self.folder / f"{name}.conf")], stdout=log, stderr=log
            )

    def leader(self) -> int | None:
        """The number of the server that leads JetStream; None while there is none."""
        for number, process in enumerate(self._processes):
            if process is None or process.poll() is not None:
                continue
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self._monitors[number]}/jsz", timeout=2) as answer:
                    facts = json.load(answer)
            except (OSError, ValueError):
                continue
            if len(self.ports) == 1:
                return number
            leader = facts.get("meta_cluster", {}).get("leader", "")
            if leader:
                return int(leader[1:])
        return None

    def kill(self, number: int) -> None:
        _end(self._processes[number])

    def close(self) -> None:
        for process in self._processes:
            _end(process)
