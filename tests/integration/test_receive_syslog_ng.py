"""A real syslog-ng against real receivers: syslog over TCP, and its elasticsearch-http destination."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.certificates import Authority, needs_openssl
from tests.receivers import PROJECT, TOKEN, Receiver, free_port, source

FETCH = PROJECT / "tests" / "tools" / "fetch_syslog_ng.sh"


@pytest.fixture(scope="module")
def syslog_ng() -> Path:
    """Root of an unpacked syslog-ng: `/` when installed, DK_SYSLOG_NG, or what fetch_syslog_ng.sh brings."""
    if shutil.which("syslog-ng"):
        return Path("/")
    if given := os.environ.get("DK_SYSLOG_NG"):
        assert (Path(given) / "usr/sbin/syslog-ng").exists(), f"DK_SYSLOG_NG={given} holds no usr/sbin/syslog-ng"
        return Path(given)
    fetched = subprocess.run([str(FETCH)], capture_output=True, text=True, timeout=120)
    if fetched.returncode != 0:
        pytest.skip(f"no real syslog-ng here: {fetched.stderr.strip()[-300:]} (set DK_SYSLOG_NG)")
    return Path(fetched.stdout.strip())


@contextmanager
def running(root: Path, folder: Path, destination: str, rewrite: str = "") -> Iterator[int]:
    """A syslog-ng that takes BSD syslog on a UDP port and sends it to `destination`; yields the port."""
    folder.mkdir()
    port = free_port()
    libraries = root / "usr/lib/x86_64-linux-gnu"
    configuration = folder / "syslog-ng.conf"
    configuration.write_text(
        "@version: 3.35\n"
        f'@include "{root}/usr/share/syslog-ng/include/scl/elasticsearch/*.conf"\n'
        "options { stats-freq(0); keep-hostname(yes); use-dns(no); };\n"
        f'source s {{ network(ip("127.0.0.1") port({port}) transport("udp")); }};\n'
        f"destination d {{ {destination} }};\n"
        f"rewrite r {{ {rewrite} }};\n"
        "log { source(s); rewrite(r); destination(d); };\n"
    )
    environment = dict(os.environ)
    modules = root / "usr/lib/syslog-ng"
    if root != Path("/"):
        paths = [libraries, root / "lib/x86_64-linux-gnu", modules]
        environment["LD_LIBRARY_PATH"] = ":".join(map(str, paths))
    module_folders = sorted(path for path in modules.iterdir() if path.is_dir())
    log = (folder / "out.log").open("wb")
    process = subprocess.Popen(
        [
            str(root / "usr/sbin/syslog-ng"), "-F", "-e", "--no-caps",
            "-f", str(configuration), "-R", str(folder / "persist"), "-c", str(folder / "ctl"),
            "-p", str(folder / "pid"), "--module-path", ":".join(map(str, module_folders)),
        ],
        stdout=log, stderr=subprocess.STDOUT, env=environment,
    )  # fmt: skip
    log.close()
    try:
        end = time.monotonic() + 10
        while f":{port:04X}" not in Path("/proc/net/udp").read_text():
            assert process.poll() is None, (folder / "out.log").read_text()
            assert time.monotonic() < end, (folder / "out.log").read_text()
            time.sleep(0.02)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


def feed(port: int, count: int) -> list[bytes]:
    texts = [b"Failed password for root from 203.0.113.7 port %d ssh2" % (40_000 + n) for n in range(count)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for text in texts:
            sender.sendto(b"<38>Dec 10 02:00:00 may-chu sshd[1291]: " + text, ("127.0.0.1", port))
            time.sleep(0.001)
    return texts


def test_a_real_syslog_ng_sends_rfc5424_octet_counted_with_the_token_as_structured_data(
    tmp_path: Path, syslog_ng: Path
) -> None:
    with Receiver(tmp_path, "syslog", sources=[source(addresses=("192.0.2.1",))]) as receiver:
        destination = f'syslog("127.0.0.1" port({receiver.syslog_port}) transport("tcp"));'
        rewrite = f'set("{TOKEN}" value(".SDATA.dk@32473.token"));'
        with running(syslog_ng, tmp_path / "ng", destination, rewrite) as port:
            texts = feed(port, 100)
            records = receiver.wait_for_records(100)
    assert len(records) == 100
    for text, record in zip(texts, records, strict=True):
        assert record.endswith(b" may-chu sshd 1291 - - " + text)
        assert TOKEN.encode() not in record


def test_a_real_syslog_ng_sends_by_elasticsearch_http(tmp_path: Path, syslog_ng: Path) -> None:
    with Receiver(tmp_path, "http") as receiver:
        destination = (
            f'elasticsearch-http(url("{receiver.url}/_bulk") index("syslog-ng") type("") user("dekhang") '
            f'password("{TOKEN}") batch-lines(20) batch-timeout(200) '
            'template("$(format-json --scope rfc5424 --key ISODATE)"));'
        )
        with running(syslog_ng, tmp_path / "ng", destination) as port:
            texts = feed(port, 100)
            records = receiver.wait_for_records(100)
        assert receiver.refusals() == {}
    assert len(records) == 100
    assert all(text in record for text, record in zip(sorted(texts), sorted(records, key=_port_of), strict=True))


def _port_of(record: bytes) -> bytes:
    return record.split(b" port ")[1][:5]


@needs_openssl
def test_a_real_syslog_ng_sends_over_mutual_tls(tmp_path: Path, syslog_ng: Path) -> None:
    authority = Authority(tmp_path / "tls")
    authority.server("localhost")
    client = authority.client("syslog-ng")
    sources = [source(8, token_sha256="", certificates=(client.fingerprint,))]
    with Receiver(tmp_path, "syslog", *authority.options(), sources=sources) as receiver:
        destination = (
            f'syslog("localhost" port({receiver.tls_port}) transport("tls") tls(ca-file("{authority.folder}/ca.crt")'
            f' cert-file("{client.certificate}") key-file("{client.key}") peer-verify(required-trusted)));'
        )
        with running(syslog_ng, tmp_path / "ng", destination) as port:
            texts = feed(port, 100)
            records = receiver.wait_for_records(100)
        assert {(frame.source_id, frame.transport) for frame in receiver.frames()} == {(8, "syslog_tls")}
    assert all(record.endswith(text) for text, record in zip(texts, records, strict=True))
