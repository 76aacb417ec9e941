"""Real sockets and a real rsyslog against a real syslog receiver process."""

import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.receivers import TOKEN, Receiver, free_port, source

LOCAL = source(7, addresses=("127.0.0.1",))
STRANGER = [source(7, addresses=("192.0.2.1",))]


def tcp(receiver: Receiver) -> socket.socket:
    return socket.create_connection(("127.0.0.1", receiver.syslog_port), timeout=10)


def udp(receiver: Receiver, *messages: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for message in messages:
            sender.sendto(message, ("127.0.0.1", receiver.syslog_port))


def counted(message: bytes) -> bytes:
    return b"%d %s" % (len(message), message)


def test_udp_and_tcp_lines_are_on_disk_within_a_fifth_of_a_second(tmp_path: Path) -> None:
    with Receiver(tmp_path, "syslog", sources=[LOCAL]) as receiver, tcp(receiver) as line:
        line.sendall(b"<13>lam nong\n")
        receiver.wait_for_records(1)
        started = time.monotonic()
        udp(receiver, b"<38>mot\n")
        line.sendall(b"<38>hai\n" + counted(b"<38>ba\nhai dong"))
        records = receiver.wait_for_records(4)
        took = time.monotonic() - started
        assert sorted(records) == [b"<13>lam nong", b"<38>ba\nhai dong", b"<38>hai", b"<38>mot"]
        assert {frame.transport for frame in receiver.frames()} == {"syslog_udp", "syslog_tcp"}
        assert {(frame.source_id, frame.unit_id, frame.peer) for frame in receiver.frames()} == {(7, 3, "127.0.0.1")}
        assert took < 0.5  # 0.2 s promised, the rest for a busy machine
        assert receiver.stop() < 2


def test_a_token_names_the_source_where_the_address_is_unknown(tmp_path: Path) -> None:
    head = b"<34>1 2019-12-10T02:00:00Z may app 12 ID "
    with Receiver(tmp_path, "syslog", sources=STRANGER) as receiver, tcp(receiver) as line:
        line.sendall(head + b'[dk@32473 token="%s"] bon\n' % TOKEN.encode() + b"<13>khong ma\n")
        udp(receiver, b"<13>may app: dk-token=%s nam" % TOKEN.encode(), b"<13>dk-token=sai-ma sau")
        assert sorted(receiver.wait_for_records(2)) == [b"<13>may app: nam", head + b"- bon"]
        receiver.wait_for_refusals((0, "unknown_sender"))
        receiver.wait_for_refusals((0, "wrong_token"))
        line.sendall(b"<13>dk-token=%s van con\n" % TOKEN.encode())  # the connection stayed open
        assert b"<13>van con" in receiver.wait_for_records(3)
        assert TOKEN.encode() not in b"".join(receiver.records())


def test_a_line_of_100_mb_is_cut_counted_and_costs_no_memory(tmp_path: Path) -> None:
    with Receiver(tmp_path, "syslog", sources=[LOCAL]) as receiver, tcp(receiver) as line:
        before = receiver.memory_mb()
        for _ in range(100):
            line.sendall(b"x" * (1 << 20))
        line.sendall(b"\n<13>binh thuong\n")
        records = receiver.wait_for_records(2, seconds=10)
        assert [len(record) for record in records] == [65_536, 15]
        assert receiver.memory_mb() - before < 20
        receiver.wait_for_refusals((7, "oversize"))


def test_binary_noise_is_counted_its_connection_closed_and_others_go_on(tmp_path: Path) -> None:
    noise = random.Random(7)
    with Receiver(tmp_path, "syslog", sources=[LOCAL]) as receiver, tcp(receiver) as honest:
        with tcp(receiver) as noisy, pytest.raises(OSError):
            for _ in range(200):
                noisy.sendall(noise.randbytes(65_536))
                time.sleep(0.001)
        honest.sendall(b"<13>van nhan\n")
        udp(receiver, noise.randbytes(1000))
        receiver.wait_for(lambda: b"<13>van nhan" in receiver.records())
        receiver.wait_for_refusals((7, "noise"), 100)


def test_many_senders_at_once_lose_nothing(tmp_path: Path) -> None:
    with Receiver(tmp_path, "syslog", sources=[LOCAL]) as receiver:
        lines = [tcp(receiver) for _ in range(30)]
        for turn in range(20):
            for number, line in enumerate(lines):
                line.sendall(b"".join(b"<13>%d-%d-%d\n" % (number, turn, n) for n in range(10)))
        for line in lines:
            line.close()
        records = receiver.wait_for_records(6000)
        assert sorted(records) == sorted(
            b"<13>%d-%d-%d" % (number, turn, n) for number in range(30) for turn in range(20) for n in range(10)
        )


def test_what_was_read_before_sigterm_is_on_disk(tmp_path: Path) -> None:
    with Receiver(tmp_path, "syslog", sources=[LOCAL]) as receiver:
        with tcp(receiver) as line:
            line.sendall(b"".join(b"<13>%d\n" % n for n in range(5000)))
            time.sleep(0.05)
            assert receiver.stop() < 2
        assert len(receiver.records()) == 5000


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_port_in_use_is_one_sentence_naming_port_and_option(tmp_path: Path, kind: str) -> None:
    with socket.socket(type=socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == "tcp":
            taken.listen()
        receiver = Receiver(tmp_path, "syslog")
        receiver.syslog_port = taken.getsockname()[1]
        with pytest.raises(AssertionError, match=f"ended with 2.*{receiver.syslog_port}.*--{kind}"):
            receiver.start()


# ------------------------------------------------------------------------------------------------ rsyslog

RSYSLOGD = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
needs_rsyslog = pytest.mark.skipif(
    not Path(RSYSLOGD).exists(), reason="rsyslogd is not installed (apt install rsyslog)"
)


@contextmanager
def rsyslog(folder: Path, action: str, modules: str = "") -> Iterator[int]:
    """A real rsyslogd that listens on a UDP port and forwards as `action` says; yields the port."""
    folder.mkdir()
    port = free_port()
    configuration = folder / "rsyslog.conf"
    configuration.write_text(
        f'global(workDirectory="{folder}")\n'
        f'module(load="imudp")\n{modules}'
        f'input(type="imudp" address="127.0.0.1" port="{port}")\n'
        f"{action}\n"
    )
    log = (folder / "out.log").open("wb")
    process = subprocess.Popen(
        [RSYSLOGD, "-n", "-iNONE", "-f", str(configuration)], stdout=log, stderr=subprocess.STDOUT
    )
    log.close()
    try:
        end = time.monotonic() + 5
        while f":{port:04X}" not in Path("/proc/net/udp").read_text():
            assert process.poll() is None, (folder / "out.log").read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


def feed(port: int, count: int) -> list[bytes]:
    texts = [b"Failed password for root from 203.0.113.7 port %d ssh2" % (40_000 + n) for n in range(count)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number, text in enumerate(texts):
            sender.sendto(b"<38>Dec 10 02:00:00 may-chu sshd[1291]: " + text, ("127.0.0.1", port))
            if number % 20 == 19:
                time.sleep(0.01)
    return texts


@needs_rsyslog
@pytest.mark.parametrize("framing", ["octet-counted", "traditional"])
def test_a_real_rsyslog_sends_over_tcp_with_the_token_in_structured_data(tmp_path: Path, framing: str) -> None:
    template = (
        'template(name="dk" type="string" string="<%PRI%>1 %TIMESTAMP:::date-rfc3339% %HOSTNAME% %APP-NAME% '
        f'%PROCID% - [dk@32473 token=\\"{TOKEN}\\"] %msg%\\n")\n'
    )
    with Receiver(tmp_path, "syslog", sources=STRANGER) as receiver:
        action = (
            f'{template}action(type="omfwd" target="127.0.0.1" port="{receiver.syslog_port}" protocol="tcp" '
            f'TCP_Framing="{framing}" template="dk")'
        )
        with rsyslog(tmp_path / "rsyslog", action) as port:
            texts = feed(port, 200)
            records = receiver.wait_for_records(200)
    assert len(records) == 200
    for text, record in zip(texts, records, strict=True):
        assert record.startswith(b"<38>1 ")
        assert record.endswith(b" may-chu sshd 1291 - -  " + text)
        assert TOKEN.encode() not in record


@needs_rsyslog
def test_a_real_rsyslog_sends_over_udp_from_a_registered_address(tmp_path: Path) -> None:
    with Receiver(tmp_path, "syslog", sources=[LOCAL]) as receiver:
        action = f'action(type="omfwd" target="127.0.0.1" port="{receiver.syslog_port}" protocol="udp")'
        with rsyslog(tmp_path / "rsyslog", action) as port:
            texts = feed(port, 100)
            records = receiver.wait_for_records(100)
    assert [record.split(b"]: ")[1] for record in records] == texts


@needs_rsyslog
@pytest.mark.parametrize("bulkmode", ["on", "off"])
def test_a_real_rsyslog_sends_by_omelasticsearch(tmp_path: Path, bulkmode: str) -> None:
    with Receiver(tmp_path, "http") as receiver:
        action = (
            'template(name="json" type="list" option.jsonf="on") {\n'
            '  property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")\n'
            '  property(outname="host" name="hostname" format="jsonf")\n'
            '  property(outname="program" name="programname" format="jsonf")\n'
            '  property(outname="message" name="msg" format="jsonf")\n}\n'
            f'action(type="omelasticsearch" server="127.0.0.1" serverport="{receiver.http_port}" usehttps="off" '
            f'uid="dekhang" pwd="{TOKEN}" template="json" searchIndex="rsyslog" bulkmode="{bulkmode}" '
            f'errorfile="{tmp_path}/es-errors.json")'
        )
        with rsyslog(tmp_path / "rsyslog", action, 'module(load="omelasticsearch")\n') as port:
            texts = feed(port, 50)
            records = receiver.wait_for_records(50)
        errors = tmp_path / "es-errors.json"
        assert not errors.exists() or errors.read_text() == ""
        assert receiver.refusals() == {}
    assert len(records) == 50
    assert all(text in record for text, record in zip(texts, records, strict=True))
