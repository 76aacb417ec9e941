"""A real Ray cluster for tests: a head with two processors on loopback. Ray is an optional group (requirements-hunts.lock)."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

# who may use the cluster; Ray reads it when it is imported
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))

from dekhang.pipeline.hunt.raycluster import RayCluster
from dekhang.pipeline.hunt.scan import Scanner, SliceResult
from dekhang.pipeline.hunt.slices import Slice
from tests.receivers import PROJECT, free_port

HOST = "127.0.0.2"  # Ray takes 127.0.0.1 for "this machine's address in the network", and that is not loopback


class RayServer:
    """`address` is what `dekhang hunt --ray` wants to know."""

    def __init__(self, folder: Path) -> None:
        self.address = f"{HOST}:{free_port()}"
        self._log = (folder / "ray.log").open("w")
        self._process = subprocess.Popen(
            [
                str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--num-cpus=2",
                f"--node-ip-address={HOST}", f"--port={self.address.partition(':')[2]}", f"--temp-dir={folder}",
                "--include-dashboard=false", "--disable-usage-stats", "--object-store-memory=100000000",
            ],
            env={**os.environ, "PYTHONPATH": str(PROJECT)}, stdout=self._log, stderr=self._log, start_new_session=True,
        )  # fmt: skip

    def close(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._log.close()


class Dying(Scanner):
    """Takes its process with it at the first slice that any sees."""

    def __init__(self, scanner: Scanner, mark: Path) -> None:
        self.__dict__.update(scanner.__dict__)
        self._mark = mark

    def __call__(self, one: Slice) -> SliceResult:
        if not self._mark.exists():
            self._mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(one)


class Killing(RayCluster):
    """The cluster, and one of its processes dies at work."""

    def __init__(self, address: str, mark: Path) -> None:
        super().__init__(address)
        self._dies_at = mark

    def map(self, scanner, slices):
        return super().map(Dying(scanner, self._dies_at), slices)
