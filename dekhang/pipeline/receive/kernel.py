"""What the kernel threw away before we could read it, from its own counters (Linux)."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

import orjson

_SO_MEMINFO = 55  # sock_diag(7): nine numbers of a socket's memory, the last is what it dropped
_DROPS = 8
PROC = Path("/proc")


def udp_drops(sock: socket.socket, proc: Path = PROC) -> int:
    """Datagrams that this very socket dropped since it was opened, because we read too slowly; 0 where nobody tells."""
    with suppress(OSError, struct.error):
        return int(struct.unpack("9I", sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))[_DROPS])
    inode = str(os.fstat(sock.fileno()).st_ino)
    for name in ("udp", "udp6"):
        with suppress(OSError, ValueError, IndexError):
            for line in (proc / "net" / name).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[9] == inode:
                    return int(fields[-1])
    return 0


def counters(proc: Path = PROC) -> dict[str, int]:
    """Counters of the whole machine, of all its programs; those that the kernel does not tell are left out.

    `no_ports`: datagrams to a UDP port that nobody listened on; `listen_overflows`, `listen_drops`: TCP connections that
    did not fit into the queue of a listener, and all that a listener dropped.
    """
    found: dict[str, int] = {}
    for file, row, name, ours in (
        ("snmp", "Udp:", "NoPorts", "no_ports"),
        ("netstat", "TcpExt:", "ListenOverflows", "listen_overflows"),
        ("netstat", "TcpExt:", "ListenDrops", "listen_drops"),
    ):
        with suppress(OSError, ValueError, IndexError):
            names, values = (
                line.split() for line in (proc / "net" / file).read_text().splitlines() if line.startswith(row)
            )
            found[ours] = int(values[names.index(name)])
    return found


class Watch:
    """Differences since the process began, and since the process before it last looked (`<data>/intake/kernel.json`)."""

    def __init__(self, data: Path, proc: Path = PROC) -> None:
        self._path = data / "intake" / "kernel.json"
        self._proc = proc
        self._start = counters(proc)
        self.no_port_while_down = 0
        with suppress(OSError, orjson.JSONDecodeError, TypeError, KeyError):
            before = orjson.loads(self._path.read_bytes())
            if before["boot"] == self._boot():
                self.no_port_while_down = max(0, self._start.get("no_ports", 0) - int(before["no_ports"]))
        self.save()

    def save(self) -> None:
        """Remember where the counters stand, for the process after us."""
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_name(f".kernel.{os.getpid()}.tmp")
            draft.write_bytes(orjson.dumps({"boot": self._boot(), **counters(self._proc)}))
            draft.replace(self._path)

    def facts(self) -> dict[str, int]:
        """For the heartbeat."""
        now = counters(self._proc)
        facts = {
            name: max(0, now.get(name, 0) - self._start.get(name, 0)) for name in ("listen_overflows", "listen_drops")
        }
        facts["udp_no_port_while_down"] = self.no_port_while_down
        return facts

    def news(self) -> str:
        """A sentence for people, empty when there is nothing to tell; the same words until it is ten times as much."""
        facts = self.facts()
        sentences = []
        if facts["listen_overflows"] or facts["listen_drops"]:
            count = 10 ** (len(str(max(facts["listen_overflows"], facts["listen_drops"]))) - 1)
            sentences.append(
                f"Hệ điều hành đã bỏ từ {count} kết nối TCP mới trở lên vì hàng chờ đầy (tính cho cả máy này); máy gửi sẽ tự "
                "nối lại."
            )
        if self.no_port_while_down:
            sentences.append(
                f"Trong lúc cổng syslog không mở, máy này đã bỏ {self.no_port_while_down} gói UDP gửi tới cổng không ai "
                "nghe; nếu là nhật ký thì không lấy lại được, nên dùng TCP cho nguồn quan trọng."
            )
        return " ".join(sentences)

    def _boot(self) -> str:
        try:
            return (self._proc / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
        except OSError:
            return ""
