"""Slices looked through by the machines of a Ray cluster; see `executors.Executor`.

Every machine needs this program and its libraries in the same version, and a data folder of the same path whose
`place.json` names the shared database and S3: a slice is a question to the lake, not a copy of it. The slices of a machine
that dies are done by others.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections import deque
from collections.abc import Iterator, Sequence

import ray

from dekhang.pipeline.hunt.executors import Unavailable
from dekhang.pipeline.hunt.scan import Scanner, SliceResult
from dekhang.pipeline.hunt.slices import Slice

CONNECT_SECONDS = 5.0
AHEAD = 3  # slices a processor, done or being done before the first of them is taken: bounds what results hold


class RayCluster:
    """The processors of a Ray cluster that is running.

    Args:
        address: of its head, `host:port`; empty: the cluster that this machine belongs to, or `RAY_ADDRESS`.
    """

    def __init__(self, address: str = "") -> None:
        self._address = address

    def __enter__(self) -> RayCluster:
        """Raises Unavailable."""
        host, _, port = self._address.rpartition(":")
        # on loopback Ray would still look for itself under the machine's address in the network
        own = {"_node_ip_address": host} if host.startswith("127.") else {}
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
        try:
            if self._address:  # Ray itself tries for minutes
                socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
            ray.init(address=self._address or "auto", log_to_driver=False, logging_level="error", **own)
        except (OSError, RuntimeError, ValueError) as error:
            raise Unavailable(
                f"Không vào được cụm Ray {self._address or 'của máy này'}: {error}. Hãy kiểm tra địa chỉ (máy:cổng) và "
                "`ray status` trên máy đứng đầu cụm."
            ) from None
        return self

    def map(self, scanner: Scanner, slices: Sequence[Slice]) -> Iterator[SliceResult]:
        """Results in the order of the slices."""
        look = ray.remote(num_cpus=1)(_look)
        token = uuid.uuid4().hex
        held = [ray.put(scanner)]  # in a list it is not unpacked for every slice: compiled rules are large
        most = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        under_way: deque[ray.ObjectRef] = deque()
        for one in slices:
            if len(under_way) >= most:
                yield ray.get(under_way.popleft())
            under_way.append(look.remote(token, held, one))
        while under_way:
            yield ray.get(under_way.popleft())

    def __exit__(self, *_: object) -> None:
        ray.shutdown()


_scanner: tuple[str, Scanner] | None = None


def _look(token: str, held: list[ray.ObjectRef], one: Slice) -> SliceResult:
    """In a process of the cluster, which keeps the scanner for the other slices of the hunt."""
    global _scanner
    if _scanner is None or _scanner[0] != token:
        _scanner = (token, ray.get(held[0]))
    return _scanner[1](one)
