"""What the kernel dropped, from its own counters."""

import socket
from pathlib import Path

from dekhang.pipeline.receive import kernel
from dekhang.pipeline.receive.kernel import Watch, counters, udp_drops


def machine(folder: Path, *, no_ports: int = 0, overflows: int = 0, boot: str = "a") -> Path:
    """A /proc of which only the parts that we read exist."""
    (folder / "net").mkdir(parents=True, exist_ok=True)
    (folder / "sys/kernel/random").mkdir(parents=True, exist_ok=True)
    (folder / "sys/kernel/random/boot_id").write_text(f"{boot}\n")
    (folder / "net/snmp").write_text(
        f"Ip: Forwarding DefaultTTL\nIp: 1 64\nUdp: InDatagrams NoPorts InErrors\nUdp: 598 {no_ports} 994\n"
        "UdpLite: InDatagrams NoPorts InErrors\nUdpLite: 0 0 0\n"
    )
    (folder / "net/netstat").write_text(
        f"TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 {overflows} {overflows + 1}\nIpExt: A\nIpExt: 1\n"
    )
    return folder


def flood(sock: socket.socket) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(300):
            sender.sendto(b"x" * 500, sock.getsockname())


def test_drops_are_those_of_the_socket_asked_about_and_of_no_other(monkeypatch) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flooded,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as calm,
    ):
        for sock in (flooded, calm):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.bind(("127.0.0.1", 0))
        flood(flooded)
        assert 200 < udp_drops(flooded) < 300
        assert udp_drops(calm) == 0
        told = udp_drops(flooded)
        monkeypatch.setattr(kernel, "_SO_MEMINFO", 9999)  # an older kernel: /proc/net/udp has to tell
        assert udp_drops(flooded) == told
        assert udp_drops(calm) == 0


def test_counters_of_the_machine_are_found_by_name_and_may_be_absent(tmp_path: Path) -> None:
    assert counters(machine(tmp_path / "proc", no_ports=7, overflows=3)) == {
        "no_ports": 7, "listen_overflows": 3, "listen_drops": 4,
    }  # fmt: skip
    assert counters(tmp_path / "nothing") == {}


def test_what_no_port_took_between_two_processes_is_told_once(tmp_path: Path) -> None:
    Watch(tmp_path, machine(tmp_path / "proc", no_ports=5))
    watch = Watch(tmp_path, machine(tmp_path / "proc", no_ports=25))
    assert watch.facts()["udp_no_port_while_down"] == 20
    assert "20 gói UDP" in watch.news()
    assert Watch(tmp_path, tmp_path / "proc").news() == ""


def test_counters_from_before_a_reboot_say_nothing(tmp_path: Path) -> None:
    Watch(tmp_path, machine(tmp_path / "proc", no_ports=5))
    assert Watch(tmp_path, machine(tmp_path / "proc", no_ports=25, boot="b")).no_port_while_down == 0


def test_a_full_accept_queue_is_news_since_the_process_began(tmp_path: Path) -> None:
    proc = machine(tmp_path / "proc", overflows=100)
    watch = Watch(tmp_path, proc)
    assert watch.news() == ""
    machine(proc, overflows=112)
    assert watch.facts()["listen_overflows"] == 12
    said = watch.news()
    assert "từ 10 kết nối TCP" in said
    machine(proc, overflows=150)
    assert watch.news() == said  # the terminal is not told every new connection
