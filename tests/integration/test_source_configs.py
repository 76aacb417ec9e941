"""The configurations that *Kết nối nguồn log* hands out, run by the real shippers against real receivers."""

import json
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

from dekhang.apps.sources.enums import SourceKind
from dekhang.apps.sources.shippers import configuration, shipper_of
from dekhang.pipeline.parse import parse
from tests.receivers import PROJECT, TOKEN, Receiver, free_port, source

RSYSLOGD = shutil.which("rsyslogd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
needs_rsyslog = pytest.mark.skipif(RSYSLOGD is None, reason="rsyslogd is not installed (apt install rsyslog)")
NOW_MS = 1_575_943_200_000  # 2019-12-10T02:00:00Z
ACCESS_LINE = '198.51.100.10 - - [10/Dec/2019:02:00:00 +0000] "GET /tin-tuc?id=1 HTTP/1.1" 200 512 "-" "curl/7.64.0"'


def ours(settings, kind: str, key: str, receiver: Receiver) -> str:
    settings.INTAKE_HOST = "127.0.0.1"
    settings.SYSLOG_TCP_PORT = receiver.syslog_port
    settings.HTTP_INTAKE_PORT = receiver.http_port
    shipper = shipper_of(kind, key)
    assert shipper is not None
    return configuration(shipper, source_id=7, token=TOKEN)


@contextmanager
def process(command: list[str], folder: Path, **options) -> Iterator[None]:
    with (folder / "out.log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **options)
    try:
        yield
        assert running.poll() is None, (folder / "out.log").read_text()
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(timeout=10)


def wait_for_udp(port: int, folder: Path) -> None:
    end = time.monotonic() + 10
    while f":{port:04X}" not in Path("/proc/net/udp").read_text():
        assert time.monotonic() < end, (folder / "out.log").read_text()
        time.sleep(0.02)


def send_udp(port: int, *lines: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for line in lines:
            sender.sendto(line.encode(), ("127.0.0.1", port))


@needs_rsyslog
def test_our_rsyslog_configuration_delivers_logins_and_the_canary_without_the_token(tmp_path, settings):
    folder = tmp_path / "rsyslog"
    folder.mkdir()
    stamp = time.strftime("%b %e %H:%M:%S")  # rsyslog gives a line without a year the present one
    with Receiver(tmp_path, "syslog", sources=[source(kind="linux")]) as receiver:
        port = free_port()
        (folder / "rsyslog.conf").write_text(
            f'global(workDirectory="{folder}")\nmodule(load="imudp")\n'
            f'input(type="imudp" address="127.0.0.1" port="{port}")\n'
            + ours(settings, SourceKind.LINUX, "rsyslog", receiver)
        )
        with process([RSYSLOGD, "-n", "-iNONE", "-f", str(folder / "rsyslog.conf")], folder):
            wait_for_udp(port, folder)
            send_udp(
                port,
                f"<38>{stamp} may-chu sshd[1291]: Failed password for root from 203.0.113.7 port 40000 ssh2",
                f"<13>{stamp} may-chu dekhang: dekhang-canary-00112233aabbccdd",
            )
            records = receiver.wait_for_records(2, seconds=10)

    login, canary = (parse(record, source_kind="linux", received_ms=int(time.time() * 1000)) for record in records)
    assert TOKEN.encode() not in b"".join(records)
    assert (login.kind, login.record.fields["src_ip"], login.problem) == ("linux_auth", "203.0.113.7", None)
    assert canary.record.fields["program"] == "dekhang"
    assert canary.record.fields["message"] == "dekhang-canary-00112233aabbccdd"


@needs_rsyslog
def test_our_rsyslog_configuration_for_the_web_reads_the_access_log_as_it_grows(tmp_path, settings):
    folder = tmp_path / "rsyslog"
    folder.mkdir()
    access = folder / "access.log"
    with Receiver(tmp_path, "syslog", sources=[source(kind="web")]) as receiver:
        text = ours(settings, SourceKind.WEB, "rsyslog-web", receiver)
        text = text.replace("/var/log/nginx/*access*.log", str(access))
        (folder / "rsyslog.conf").write_text(f'global(workDirectory="{folder}")\n{text}')
        access.write_text("")
        with process([RSYSLOGD, "-n", "-iNONE", "-f", str(folder / "rsyslog.conf")], folder):
            with access.open("a") as log:
                log.write(f"{ACCESS_LINE}\n")
            records = receiver.wait_for_records(1, seconds=15)

    event = parse(records[0], source_kind="web", received_ms=NOW_MS)
    assert (event.kind, event.problem) == ("web_access", None)
    assert event.record.fields["cs-uri"] == "/tin-tuc?id=1"
    assert TOKEN.encode() not in records[0]


def test_our_syslog_ng_configuration_delivers_without_the_token(tmp_path, settings):
    root = _syslog_ng()
    folder = tmp_path / "syslog-ng"
    folder.mkdir()
    modules = root / "usr/lib/syslog-ng"
    environment = dict(os.environ)
    if root != Path("/"):
        libraries = [root / "usr/lib/x86_64-linux-gnu", root / "lib/x86_64-linux-gnu", modules]
        environment["LD_LIBRARY_PATH"] = ":".join(map(str, libraries))
    with Receiver(tmp_path, "syslog", sources=[source(kind="linux")]) as receiver:
        port = free_port()
        (folder / "syslog-ng.conf").write_text(
            "@version: 3.35\noptions { stats-freq(0); keep-hostname(yes); use-dns(no); };\n"
            f'source s_src {{ network(ip("127.0.0.1") port({port}) transport("udp")); }};\n'
            + ours(settings, SourceKind.LINUX, "syslog-ng", receiver)
        )
        command = [
            str(root / "usr/sbin/syslog-ng"), "-F", "-e", "--no-caps", "-f", str(folder / "syslog-ng.conf"),
            "-R", str(folder / "persist"), "-c", str(folder / "ctl"), "-p", str(folder / "pid"),
            "--module-path", ":".join(str(path) for path in sorted(modules.iterdir()) if path.is_dir()),
        ]  # fmt: skip
        with process(command, folder, env=environment):
            wait_for_udp(port, folder)
            send_udp(port, "<13>Dec 10 02:00:01 may-chu dekhang: dekhang-canary-00112233aabbccdd")
            (record,) = receiver.wait_for_records(1, seconds=10)

    event = parse(record, source_kind="linux", received_ms=NOW_MS)
    assert event.record.fields["program"] == "dekhang"
    assert event.record.fields["message"] == "dekhang-canary-00112233aabbccdd"
    assert TOKEN.encode() not in record


def _syslog_ng() -> Path:
    """Root of an unpacked syslog-ng: see test_receive_syslog_ng.py."""
    if shutil.which("syslog-ng"):
        return Path("/")
    if given := os.environ.get("DK_SYSLOG_NG"):
        return Path(given)
    fetch = PROJECT / "tests" / "tools" / "fetch_syslog_ng.sh"
    fetched = subprocess.run([str(fetch)], capture_output=True, text=True, timeout=120)
    if fetched.returncode != 0:
        pytest.skip(f"no real syslog-ng here: {fetched.stderr.strip()[-300:]} (set DK_SYSLOG_NG)")
    return Path(fetched.stdout.strip())


def test_what_our_nxlog_configuration_writes_is_a_windows_event(tmp_path, settings):
    """NXLog runs on Windows only; what its Exec line makes of an event is sent as om_tcp would send it."""
    document = {
        "EventTime": "2019-12-10 09:00:00", "Hostname": "pc-01", "EventID": 777, "SourceName": "DeKhang",
        "Channel": "Application", "Message": "dekhang-canary-0f1e2d3c4b5a6978",
    }  # fmt: skip
    with Receiver(tmp_path, "syslog", sources=[source(kind="windows")]) as receiver:
        text = ours(settings, SourceKind.WINDOWS, "nxlog", receiver)
        prefix = text.split("$raw_event = '")[1].split("'")[0]
        with socket.create_connection(("127.0.0.1", receiver.syslog_port)) as om_tcp:
            om_tcp.sendall(f"{prefix}{json.dumps(document)}\n".encode())
            (record,) = receiver.wait_for_records(1)

    event = parse(record, source_kind="windows", received_ms=NOW_MS)
    assert (event.kind, event.problem, event.host) == ("windows", None, "pc-01")
    assert event.record.fields["Provider_Name"] == "DeKhang"
    assert TOKEN.encode() not in record
