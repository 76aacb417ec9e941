"""The configurations that *Kết nối nguồn log* hands out, run by the real shippers against real receivers."""

import gzip
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from dekhang.apps.sources.enums import SourceKind
from dekhang.apps.sources.shippers import SHIPPERS, configuration, shipper_of
from dekhang.apps.sources.shippers.filling import CA_PATH
from dekhang.pipeline.parse import parse
from tests.certificates import Authority, needs_openssl
from tests.receivers import PROJECT, TOKEN, Receiver, free_port, source

RSYSLOGD = shutil.which("rsyslogd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
needs_rsyslog = pytest.mark.skipif(RSYSLOGD is None, reason="rsyslogd is not installed (apt install rsyslog)")
EVERY = [(kind, shipper) for kind, choices in SHIPPERS.items() for shipper in choices if shipper.filename]
NOW_MS = 1_575_943_200_000  # 2019-12-10T02:00:00Z
ACCESS_LINE = '198.51.100.10 - - [10/Dec/2019:02:00:00 +0000] "GET /tin-tuc?id=1 HTTP/1.1" 200 512 "-" "curl/7.64.0"'

WINDOWS_XML = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='DeKhang'/>"
    "<EventID>777</EventID><TimeCreated SystemTime='2019-12-10T02:00:00Z'/><EventRecordID>1</EventRecordID>"
    "<Channel>Application</Channel><Computer>pc-01</Computer></System><EventData><Data>xin chao</Data></EventData></Event>"
)
EVE_LINE = json.dumps(
    {
        "timestamp": "2019-12-10T02:00:00.000000+0000", "event_type": "alert", "src_ip": "192.0.2.7", "src_port": 1,
        "dest_ip": "192.0.2.8", "dest_port": 22, "proto": "TCP", "alert": {"signature": "ET SCAN thu", "severity": 2},
    }
)  # fmt: skip


def ours(settings, kind: str, key: str, receiver: Receiver) -> str:
    """The configuration for a real receiver; over TLS when the receiver has it, by the name in its certificate."""
    settings.INTAKE_HOST = "localhost" if receiver.tls_port else "127.0.0.1"
    settings.SYSLOG_TCP_PORT = receiver.syslog_port
    settings.HTTP_INTAKE_PORT = receiver.http_port
    settings.SYSLOG_TLS_PORT = receiver.tls_port if receiver.part == "syslog" else 0
    settings.HTTPS_INTAKE_PORT = receiver.tls_port if receiver.part == "http" else 0
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
@pytest.mark.parametrize(
    ("kind", "key", "line", "field", "value"),
    [
        (SourceKind.WEB, "rsyslog-web", ACCESS_LINE, "cs-uri", "/tin-tuc?id=1"),
        (SourceKind.SURICATA, "rsyslog-suricata", EVE_LINE, "alert.signature", "ET SCAN thu"),
    ],
)
def test_our_rsyslog_configuration_reads_a_log_file_as_it_grows(tmp_path, settings, kind, key, line, field, value):
    folder = tmp_path / "rsyslog"
    folder.mkdir()
    grows = folder / "grows.log"
    with Receiver(tmp_path, "syslog", sources=[source(kind=kind)]) as receiver:
        text = ours(settings, kind, key, receiver)
        text = text.replace("/var/log/nginx/*access*.log", str(grows)).replace("/var/log/suricata/eve.json", str(grows))
        (folder / "rsyslog.conf").write_text(f'global(workDirectory="{folder}")\n{text}')
        grows.write_text("")
        with process([RSYSLOGD, "-n", "-iNONE", "-f", str(folder / "rsyslog.conf")], folder):
            with grows.open("a") as log:
                log.write(f"{line}\n")
            records = receiver.wait_for_records(1, seconds=15)

    event = parse(records[0], source_kind=kind, received_ms=NOW_MS)
    assert event.problem is None
    assert event.record.fields[field] == value
    assert TOKEN.encode() not in records[0]


@needs_rsyslog
def test_our_rsyslog_configuration_over_http_delivers_logins_whole(tmp_path, settings):
    folder = tmp_path / "rsyslog"
    folder.mkdir()
    stamp = time.strftime("%b %e %H:%M:%S")
    with Receiver(tmp_path, "http", sources=[source(kind="linux")]) as receiver:
        port = free_port()
        text = ours(settings, SourceKind.LINUX, "rsyslog-http", receiver)
        (folder / "rsyslog.conf").write_text(
            f'global(workDirectory="{folder}")\nmodule(load="imudp")\n'
            f'input(type="imudp" address="127.0.0.1" port="{port}")\n'
            + text.replace("/var/spool/rsyslog/dekhang-loi.json", str(folder / "loi.json"))
        )
        with process([RSYSLOGD, "-n", "-iNONE", "-f", str(folder / "rsyslog.conf")], folder):
            wait_for_udp(port, folder)
            send_udp(port, f"<38>{stamp} may-chu sshd[1291]: Failed password for root from 203.0.113.7 port 4 ssh2")
            (record,) = receiver.wait_for_records(1, seconds=15)

    event = parse(record, source_kind="linux", received_ms=int(time.time() * 1000))
    assert (event.kind, event.host, event.problem) == ("linux_auth", "may-chu", None)
    assert (event.record.fields["src_ip"], event.record.fields["pid"]) == ("203.0.113.7", 1291)


@needs_rsyslog
def test_our_rsyslog_configuration_takes_what_suricata_writes_into_syslog_and_nothing_else(tmp_path, settings):
    """Suricata opens syslog as `suricata`, facility local5; `logger` does the same to a socket of our own."""
    folder = tmp_path / "rsyslog"
    folder.mkdir()
    with Receiver(tmp_path, "syslog", sources=[source(kind="suricata")]) as receiver:
        port = free_port()
        (folder / "rsyslog.conf").write_text(
            f'global(workDirectory="{folder}")\nmodule(load="imudp")\n'
            f'input(type="imudp" address="127.0.0.1" port="{port}")\n'
            + ours(settings, SourceKind.SURICATA, "suricata-syslog", receiver)
        )
        with process([RSYSLOGD, "-n", "-iNONE", "-f", str(folder / "rsyslog.conf")], folder):
            wait_for_udp(port, folder)
            long = EVE_LINE.replace("ET SCAN thu", "ET SCAN " + "dai" * 6_000)
            send_udp(
                port,
                "<13>Dec 10 02:00:01 cam-bien khac: khong gui",
                f"<174>Dec 10 02:00:01 cam-bien suricata[77]: {EVE_LINE}",
                f"<174>Dec 10 02:00:01 cam-bien suricata[77]: {long}",
            )
            records = receiver.wait_for_records(2, seconds=15)

    events = [parse(record, source_kind="suricata", received_ms=NOW_MS) for record in records]
    assert [event.kind for event in events] == ["suricata", "suricata"]
    assert events[0].record.fields["alert.signature"] == "ET SCAN thu"


@needs_rsyslog
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(("kind", "key"), [(k, s.key) for k, s in EVERY if s.key.startswith("rsyslog")])
def test_rsyslog_s_own_checker_accepts_every_configuration(tmp_path, settings, kind, key, encrypted):
    settings.INTAKE_HOST = "dekhang.example.gov.vn"
    settings.SYSLOG_TLS_PORT, settings.HTTPS_INTAKE_PORT = (6514, 8443) if encrypted else (0, 0)
    path = tmp_path / "dekhang.conf"
    path.write_text(
        f'global(workDirectory="{tmp_path}")\n' + configuration(shipper_of(kind, key), source_id=7, token=TOKEN)
    )
    checked = subprocess.run([RSYSLOGD, "-N1", "-f", path], capture_output=True, text=True, timeout=30)
    assert checked.returncode == 0, checked.stderr
    assert "error" not in checked.stderr.lower()


SYSLOG_NG_HEAD = "@version: 3.35\noptions { stats-freq(0); keep-hostname(yes); use-dns(no); };\n"


def syslog_ng_command(folder: Path, *options: str) -> tuple[list[str], dict[str, str]]:
    """The real syslog-ng with everything in `folder`, and the environment it needs."""
    root = _syslog_ng()
    modules = root / "usr/lib/syslog-ng"
    environment = dict(os.environ)
    if root != Path("/"):
        libraries = [root / "usr/lib/x86_64-linux-gnu", root / "lib/x86_64-linux-gnu", modules]
        environment["LD_LIBRARY_PATH"] = ":".join(map(str, libraries))
    command = [
        str(root / "usr/sbin/syslog-ng"), *options, "-f", str(folder / "syslog-ng.conf"),
        "-R", str(folder / "persist"), "-c", str(folder / "ctl"), "-p", str(folder / "pid"),
        "--module-path", ":".join(str(path) for path in sorted(modules.iterdir()) if path.is_dir()),
    ]  # fmt: skip
    return command, environment


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
def test_syslog_ng_s_own_checker_accepts_the_configuration(tmp_path, settings, encrypted):
    settings.INTAKE_HOST, settings.SYSLOG_TLS_PORT = "127.0.0.1", 6514 if encrypted else 0
    text = configuration(shipper_of(SourceKind.LINUX, "syslog-ng"), source_id=7, token=TOKEN)
    (tmp_path / "syslog-ng.conf").write_text(f"{SYSLOG_NG_HEAD}source s_src {{ internal(); }};\n{text}")
    command, environment = syslog_ng_command(tmp_path, "--syntax-only", "--no-caps")
    checked = subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment)
    assert checked.returncode == 0, checked.stderr


def test_our_syslog_ng_configuration_delivers_without_the_token(tmp_path, settings):
    folder = tmp_path / "syslog-ng"
    folder.mkdir()
    with Receiver(tmp_path, "syslog", sources=[source(kind="linux")]) as receiver:
        port = free_port()
        (folder / "syslog-ng.conf").write_text(
            f'{SYSLOG_NG_HEAD}source s_src {{ network(ip("127.0.0.1") port({port}) transport("udp")); }};\n'
            + ours(settings, SourceKind.LINUX, "syslog-ng", receiver).replace(
                "disk-buffer(", f'disk-buffer(dir("{folder}") '
            )
        )
        command, environment = syslog_ng_command(folder, "-F", "-e", "--no-caps")
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


# over TLS


@pytest.fixture
def authority(tmp_path, settings) -> Authority:
    made = Authority(tmp_path / "tls")
    made.folder.mkdir()
    made.server("localhost", "127.0.0.1")
    settings.INTAKE_CA = str(made.folder / "ca.crt")
    return made


@needs_openssl
@needs_rsyslog
@pytest.mark.parametrize(("key", "part"), [("rsyslog", "syslog"), ("rsyslog-http", "http")])
def test_our_rsyslog_configurations_deliver_over_tls(tmp_path, settings, authority, key, part):
    folder = tmp_path / "rsyslog"
    folder.mkdir()
    with Receiver(tmp_path, part, *authority.options(), sources=[source(kind="linux")]) as receiver:
        port = free_port()
        text = ours(settings, SourceKind.LINUX, key, receiver).replace(CA_PATH, settings.INTAKE_CA)
        (folder / "rsyslog.conf").write_text(
            f'global(workDirectory="{folder}")\nmodule(load="imudp")\n'
            f'input(type="imudp" address="127.0.0.1" port="{port}")\n'
            + text.replace("/var/spool/rsyslog/dekhang-loi.json", str(folder / "loi.json"))
        )
        with process([RSYSLOGD, "-n", "-iNONE", "-f", str(folder / "rsyslog.conf")], folder):
            wait_for_udp(port, folder)
            send_udp(port, "<13>Dec 10 02:00:01 may-chu dekhang: dekhang-canary-00112233aabbccdd")
            (record,) = receiver.wait_for_records(1, seconds=20)
    assert b"dekhang-canary-00112233aabbccdd" in record
    assert TOKEN.encode() not in record


@needs_openssl
def test_our_syslog_ng_configuration_delivers_over_tls(tmp_path, settings, authority):
    folder = tmp_path / "syslog-ng"
    folder.mkdir()
    with Receiver(tmp_path, "syslog", *authority.options(), sources=[source(kind="linux")]) as receiver:
        port = free_port()
        text = ours(settings, SourceKind.LINUX, "syslog-ng", receiver).replace(CA_PATH, settings.INTAKE_CA)
        (folder / "syslog-ng.conf").write_text(
            f'{SYSLOG_NG_HEAD}source s_src {{ network(ip("127.0.0.1") port({port}) transport("udp")); }};\n'
            + text.replace("disk-buffer(", f'disk-buffer(dir("{folder}") ')
        )
        command, environment = syslog_ng_command(folder, "-F", "-e", "--no-caps")
        with process(command, folder, env=environment):
            wait_for_udp(port, folder)
            send_udp(port, "<13>Dec 10 02:00:01 may-chu dekhang: dekhang-canary-00112233aabbccdd")
            (record,) = receiver.wait_for_records(1, seconds=20)
    assert b"dekhang-canary-00112233aabbccdd" in record
    assert TOKEN.encode() not in record


# programs that are not to be had here: the request that their configuration makes them send, word by word from its text


def post(port: int, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    status, text = answer.status, json.loads(answer.read())
    connection.close()
    return status, text


def test_what_vector_would_send_is_taken_line_by_line(tmp_path, settings):
    """Sink http: one event's `message` a line (codec text, newline_delimited), gzip, bearer."""
    with Receiver(tmp_path, "http", sources=[source(kind="web")]) as receiver:
        told = yaml.safe_load(ours(settings, SourceKind.WEB, "vector", receiver))
        (sink,) = told["sinks"].values()
        assert (sink["encoding"], sink["framing"]) == ({"codec": "text"}, {"method": "newline_delimited"})
        path = sink["uri"].removeprefix(receiver.url)
        headers = {"Authorization": f"Bearer {sink['auth']['token']}", "Content-Encoding": sink["compression"]}
        body = gzip.compress(f"{ACCESS_LINE}\n{ACCESS_LINE}\n".encode())
        assert post(receiver.http_port, path, body, headers) == (200, {"accepted": 2, "truncated": 0})
        event = parse(receiver.records()[0], source_kind="web", received_ms=NOW_MS)
    assert (event.kind, event.problem) == ("web_access", None)


@pytest.mark.parametrize(
    ("kind", "key", "record", "expected"),
    [
        (SourceKind.WEB, "fluent-bit", {"message": ACCESS_LINE, "path": "/var/log/nginx/access.log"}, "web_access"),
        (SourceKind.SURICATA, "fluent-bit", {"message": EVE_LINE, "path": "/var/log/suricata/eve.json"}, "suricata"),
        (SourceKind.WINDOWS, "fluent-bit-windows", {"System": WINDOWS_XML, "Message": "xin chao"}, "windows"),
    ],
)
def test_what_fluent_bit_would_send_is_read_as_its_source_s_kind(tmp_path, settings, kind, key, record, expected):
    """Output http: a JSON object a line with the date under its key, gzip, the header as written."""
    with Receiver(tmp_path, "http", sources=[source(kind=kind)]) as receiver:
        text = ours(settings, kind, key, receiver)
        output = dict(line.split(None, 1) for line in text[text.index("[OUTPUT]") :].splitlines()[1:] if line.strip())
        assert (output["Format"], output["Json_Date_Format"], output["Compress"]) == ("json_lines", "iso8601", "gzip")
        name, value = output["Header"].split(None, 1)
        record = dict(record)
        for old, new in re.findall(r"Rename +(\S+) (\S+)", text):  # the filters `modify`
            record[new] = record.pop(old)
        for gone in re.findall(r"Remove +(\S+)", text):
            record.pop(gone, None)
        body = json.dumps({output["Json_Date_Key"]: "2019-12-10T02:00:00.000000Z", **record}).encode() + b"\n"
        headers = {name: value, "Content-Encoding": "gzip"}
        assert post(receiver.http_port, output["URI"], gzip.compress(body), headers)[0] == 200
        event = parse(receiver.records()[0], source_kind=kind, received_ms=NOW_MS)
    assert (event.kind, event.problem) == (expected, None)


def test_the_curl_line_for_splunk_hec_works_as_it_is_written(tmp_path, settings):
    with Receiver(tmp_path, "http", sources=[source(kind="syslog")]) as receiver:
        text = ours(settings, SourceKind.SYSLOG, "splunk-hec", receiver)
        (line,) = [line for line in text.splitlines() if line.startswith("curl ")]
        done = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=20)
        assert json.loads(done.stdout)["text"] == "Success", done.stderr
        receiver.wait_for_records(1)


@pytest.mark.parametrize(("kind", "key"), [(SourceKind.WEB, "otelcol"), (SourceKind.WINDOWS, "otelcol-windows")])
def test_what_the_collector_would_send_is_read_as_its_source_s_kind(tmp_path, settings, kind, key):
    with Receiver(tmp_path, "http", sources=[source(kind=kind)]) as receiver:
        (exporter,) = yaml.safe_load(ours(settings, kind, key, receiver))["exporters"].values()
        path = exporter["logs_endpoint"].removeprefix(receiver.url)
        line = WINDOWS_XML if kind == SourceKind.WINDOWS else ACCESS_LINE
        records = [{"timeUnixNano": str(NOW_MS * 1_000_000), "body": {"stringValue": line}}]
        body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()
        headers = {**exporter["headers"], "Content-Type": "application/json", "Content-Encoding": "gzip"}
        assert post(receiver.http_port, path, gzip.compress(body), headers)[0] == 200
        event = parse(receiver.wait_for_records(1)[0], source_kind=kind, received_ms=NOW_MS)
    assert event.problem is None
