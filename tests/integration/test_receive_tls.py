"""TLS with real sockets: syslog (RFC 5425) and HTTPS, certificates that name a source, and senders that misbehave."""

import asyncio
import concurrent.futures
import gzip
import hashlib
import http.client
import shutil
import socket
import sqlite3
import ssl
import subprocess
import time
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dekhang.pipeline.receive import https, tls
from dekhang.pipeline.receive.https import Relays
from dekhang.pipeline.receive.part import CannotStart
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.receive.tls import Certificates, Front, TlsFiles
from dekhang.pipeline.stores import heartbeat
from dekhang.pipeline.stores.intake import publish
from tests.certificates import Authority, needs_openssl
from tests.receivers import TOKEN, Receiver, free_port, source

pytestmark = needs_openssl
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("tls"))
    made.server()
    return made


def secure(receiver: Receiver, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", receiver.tls_port), timeout=10)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def why_refused(receiver: Receiver) -> list[str]:
    with sqlite3.connect(receiver.data / "pipeline.db") as connection:
        return [row[0] for row in connection.execute("SELECT example FROM refusals WHERE reason = 'tls_handshake'")]


# ------------------------------------------------------------------------------------------------ syslog


def test_counted_syslog_over_tls_is_stored_under_its_own_transport(tmp_path: Path, authority: Authority) -> None:
    with Receiver(tmp_path, "syslog", *authority.options(), sources=[source(7, addresses=("127.0.0.1",))]) as receiver:
        with secure(receiver, authority.context()) as line:
            assert line.version() in ("TLSv1.2", "TLSv1.3")
            line.sendall(b"7 <13>mot8 <13>hai\n7 <13>b")
            line.sendall(b"a\n")
            assert receiver.wait_for_records(3) == [b"<13>mot", b"<13>hai", b"<13>ba"]
        assert {frame.transport for frame in receiver.frames()} == {"syslog_tls"}


def test_a_client_certificate_names_its_source_like_a_token_and_wins_over_the_address(
    tmp_path: Path, authority: Authority
) -> None:
    ours = authority.client("may-a")
    sources = [
        source(7, addresses=("127.0.0.1",)),
        source(8, unit_id=4, token_sha256="", certificates=(ours.fingerprint,)),
    ]
    with Receiver(tmp_path, "syslog", *authority.options(), sources=sources) as receiver:
        with secure(receiver, authority.context(ours)) as line:
            line.sendall(b"<13>theo chung chi\n<13>dk-token=%s theo ma\n" % TOKEN.encode())
            receiver.wait_for_records(2)
        found = {frame.source_id: frame.records for frame in receiver.frames()}
        assert found == {8: [b"<13>theo chung chi"], 7: [b"<13>theo ma"]}


def test_an_unregistered_certificate_is_counted_with_its_fingerprint(tmp_path: Path, authority: Authority) -> None:
    stranger = authority.client("may-la")
    with Receiver(tmp_path, "syslog", *authority.options(), sources=[]) as receiver:
        with secure(receiver, authority.context(stranger)) as line:
            line.sendall(b"<13>khong ai biet\n")
            receiver.wait_for_refusals((0, "unknown_certificate"))
        with sqlite3.connect(tmp_path / "pipeline.db") as connection:
            [(example,)] = connection.execute("SELECT example FROM refusals WHERE reason = 'unknown_certificate'")
        assert example == stranger.fingerprint


@pytest.mark.parametrize(
    ("misuse", "said"),
    [
        ("plain", "không nói TLS"),
        ("http", "HTTP không mã hóa"),
        ("wrong_ca", "không tin chứng chỉ của hệ thống"),
        ("foreign_client", "chứng chỉ của máy gửi"),
        ("expired_client", "chứng chỉ của máy gửi"),
        ("old_tls", "TLS cũ hơn 1.2"),
    ],
)
def test_a_failed_handshake_is_counted_with_a_reason_and_the_next_sender_is_served(
    tmp_path: Path, authority: Authority, misuse: str, said: str
) -> None:
    other = Authority(tmp_path / "other")
    other.server()
    with Receiver(tmp_path, "syslog", *authority.options(), sources=[source(7, addresses=("127.0.0.1",))]) as receiver:
        if misuse in ("plain", "http"):
            with socket.create_connection(("127.0.0.1", receiver.tls_port), timeout=10) as line:
                line.sendall(b"<13>ro rang\n" if misuse == "plain" else b"POST /_bulk HTTP/1.1\r\n\r\n")
                with suppress(ConnectionResetError):
                    while line.recv(100):
                        pass
        else:
            context = authority.context()
            if misuse == "wrong_ca":
                context = other.context()
            elif misuse == "foreign_client":
                context = authority.context(other.client("ke-la"))
            elif misuse == "expired_client":
                context = authority.context(authority.client("het-han", days=-1))
            elif misuse == "old_tls":
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.load_verify_locations(authority.folder / "ca.crt")
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
            with suppress(OSError), secure(receiver, context) as line:
                line.sendall(b"<13>khong vao duoc\n")
                line.recv(10)
        receiver.wait_for_refusals((0, "tls_handshake"))
        assert said in " ".join(why_refused(receiver))
        with secure(receiver, authority.context()) as line:
            line.sendall(b"<13>van vao duoc\n")
            assert receiver.wait_for_records(1) == [b"<13>van vao duoc"]


def fronted(data: Path, authority: Authority, story) -> None:
    """Run `story(front, port)` against a front whose connections are closed once their handshake is done."""

    async def run() -> None:
        publish(data, [])
        refusals = Refusals(data)
        certificates = Certificates(TlsFiles(authority.folder / "server.crt", authority.folder / "server.key"))
        front = Front(certificates, refusals, lambda ip, certificate: asyncio.Protocol())
        port = free_port()
        await front.listen("127.0.0.1", port, "--tls-port")
        try:
            await asyncio.wait_for(story(front, port), 20)
        finally:
            front.close()
            refusals.close()

    asyncio.run(run())


def test_a_handshake_that_stalls_is_ended_in_time(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "HANDSHAKE_SECONDS", 0.3)

    async def story(front: Front, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""  # closed although we sent nothing
        assert front.failed == 1
        assert not front.handshakes and not front.per_address
        writer.close()

    fronted(tmp_path, authority, story)


def test_handshakes_under_way_are_bounded_per_address(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "HANDSHAKES_PER_ADDRESS", 3)

    async def story(front: Front, port: int) -> None:
        stalled = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        while len(front.handshakes) < 3:
            await asyncio.sleep(0.01)
        reader, one_too_many = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        assert len(front.handshakes) == 3
        for _, writer in [*stalled, (None, one_too_many)]:
            writer.close()
        while front.handshakes:
            await asyncio.sleep(0.01)
        _, served = await asyncio.open_connection(
            "127.0.0.1", port, ssl=authority.context(), server_hostname="localhost"
        )
        served.close()

    fronted(tmp_path, authority, story)


# ------------------------------------------------------------------------------------------------ HTTPS


def send(receiver: Receiver, context: ssl.SSLContext, body: bytes, headers: dict[str, str]) -> int:
    connection = http.client.HTTPSConnection("127.0.0.1", receiver.tls_port, context=context, timeout=20)
    try:
        connection.request("POST", "/ndjson", body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def test_https_carries_large_bodies_many_at_once_and_names_the_real_peer(tmp_path: Path, authority: Authority) -> None:
    body = b"".join(b"dong thu %d %s\n" % (n, b"x" * 900) for n in range(3000))
    with Receiver(tmp_path, "http", *authority.options()) as receiver, concurrent.futures.ThreadPoolExecutor(6) as pool:
        context = authority.context()
        statuses = list(pool.map(lambda _: send(receiver, context, body, BEARER), range(6)))
        assert statuses == [200] * 6
        assert send(receiver, context, gzip.compress(body), {**BEARER, "Content-Encoding": "gzip"}) == 200
        assert len(receiver.records()) == 7 * 3000
        assert {frame.peer for frame in receiver.frames()} == {"127.0.0.1"}
        assert send(receiver, context, b"x\n", {}) == 401
        receiver.wait_for_refusals((0, "missing_token"))


def test_https_alone_leaves_no_plain_port_to_strangers(tmp_path: Path, authority: Authority) -> None:
    receiver = Receiver(tmp_path, "http", *authority.options())
    receiver.http_port = -1  # what the helper passes on as --port: none
    with receiver:
        assert send(receiver, authority.context(), b"x\n", BEARER) == 200
        assert heartbeat.read(tmp_path)["http"]["port"] == 0
        assert receiver.stop() < 3


def test_a_client_certificate_is_enough_for_https_and_a_token_wins(tmp_path: Path, authority: Authority) -> None:
    ours, stranger = authority.client("may-b"), authority.client("may-c")
    sources = [source(7), source(8, unit_id=4, token_sha256="", certificates=(ours.fingerprint,))]
    with Receiver(tmp_path, "http", *authority.options(), sources=sources) as receiver:
        assert send(receiver, authority.context(ours), b"theo chung chi\n", {}) == 200
        assert send(receiver, authority.context(ours), b"theo ma\n", BEARER) == 200
        assert send(receiver, authority.context(stranger), b"khong ai biet\n", {}) == 401
        receiver.wait_for_refusals((0, "unknown_certificate"))
        assert {frame.source_id: list(frame.records) for frame in receiver.frames()} == {
            8: [b"theo chung chi"], 7: [b"theo ma"],
        }  # fmt: skip


def test_an_https_connection_on_which_nothing_moves_is_closed(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https, "IDLE_SECONDS", 0.2)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def run() -> None:
        refusals = Refusals(tmp_path)
        backend = await asyncio.start_server(silent, "127.0.0.1", 0)
        relays = Relays("127.0.0.1", backend.sockets[0].getsockname()[1], refusals)
        certificates = Certificates(TlsFiles(authority.folder / "server.crt", authority.folder / "server.key"))
        front = Front(certificates, refusals, relays.make)
        port = free_port()
        await front.listen("127.0.0.1", port, "--tls-port")
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=authority.context(), server_hostname="localhost"
        )
        while not relays.peers:
            await asyncio.sleep(0.01)
        while relays.open:
            relays.dismiss_idle()
            await asyncio.sleep(0.02)
        with suppress(OSError):
            assert await reader.read() == b""
        assert not relays.peers and not relays.per_address
        writer.close()
        await asyncio.sleep(0.1)
        front.close()
        backend.close()
        refusals.close()

    asyncio.run(asyncio.wait_for(run(), 20))


def test_a_sender_that_goes_before_it_is_relayed_leaves_its_name_on_no_port(tmp_path: Path) -> None:
    async def run() -> None:
        refusals = Refusals(tmp_path)
        reached = asyncio.Event()

        async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            reached.set()

        server = await asyncio.start_server(backend, "127.0.0.1", 0)
        relays = Relays("127.0.0.1", server.sockets[0].getsockname()[1], refusals)

        def gone() -> asyncio.Protocol:
            outer = relays.make("192.0.2.1", "ab" * 32)
            asyncio.get_running_loop().call_soon(lambda: asyncio.get_running_loop().call_soon(outer.abort))
            return outer

        front = await asyncio.get_running_loop().create_server(gone, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*front.sockets[0].getsockname())
        await reached.wait()
        await asyncio.sleep(0)
        assert not relays.open
        assert not relays.peers
        writer.close()
        front.close()
        server.close()
        refusals.close()

    asyncio.run(asyncio.wait_for(run(), 20))


def test_a_header_cannot_pretend_a_certificate(tmp_path: Path, authority: Authority) -> None:
    ours = authority.client("may-d")
    sources = [source(8, token_sha256="", certificates=(ours.fingerprint,))]
    with Receiver(tmp_path, "http", *authority.options(), sources=sources) as receiver:
        for name in ("X-Client-Cert", "X-SSL-Client-Fingerprint", "X-Forwarded-Client-Cert"):
            assert send(receiver, authority.context(), b"x\n", {name: ours.fingerprint}) == 401


# ------------------------------------------------------------------------------------------------ files


def test_a_renewed_certificate_is_used_without_restart_and_a_faulty_one_is_not(tmp_path: Path) -> None:
    mine = Authority(tmp_path / "tls")
    first = mine.server()
    with Receiver(tmp_path, "syslog", *mine.options(), sources=[source(7, addresses=("127.0.0.1",))]) as receiver:

        def shown() -> str:
            with secure(receiver, mine.context()) as line:
                return hashlib.sha256(line.getpeercert(binary_form=True) or b"").hexdigest()

        assert shown() == first.fingerprint
        second = mine.server()
        receiver.wait_for(lambda: shown() == second.fingerprint, seconds=20, what="the new certificate")
        first.key.write_text("rac")
        receiver.wait_for(
            lambda: "Vẫn dùng chứng chỉ cũ" in heartbeat.read(tmp_path)["syslog"]["tls_problem"],
            seconds=20,
            what="the problem in the heartbeat",
        )
        assert shown() == second.fingerprint
        third = mine.server()
        receiver.wait_for(lambda: shown() == third.fingerprint, seconds=20, what="the mended certificate")


def test_faulty_files_at_start_are_one_sentence_that_names_them(tmp_path: Path, authority: Authority) -> None:
    other = Authority(tmp_path / "other")
    other.server()
    good, key = authority.folder / "server.crt", authority.folder / "server.key"
    with pytest.raises(CannotStart, match=r"khong-co\.crt"):
        Certificates(TlsFiles(tmp_path / "khong-co.crt", key))
    with pytest.raises(CannotStart, match=r"server\.key"):
        Certificates(TlsFiles(good, other.folder / "server.key"))
    with pytest.raises(CannotStart, match="CA"):
        Certificates(TlsFiles(good, key, key))


def test_a_certificate_that_runs_out_is_said_in_time(tmp_path: Path) -> None:
    mine = Authority(tmp_path / "tls")
    files = TlsFiles(mine.folder / "server.crt", mine.folder / "server.key")
    for days, said in ((-1, "đã hết hạn"), (10, "còn 9 ngày"), (200, "")):
        mine.server(days=days)
        problem = Certificates(files).problem
        assert said in problem and bool(said) == bool(problem)


# ------------------------------------------------------------------------------------------------ rsyslog

RSYSLOGD = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
MODULES = [Path("/usr/lib/x86_64-linux-gnu/rsyslog"), Path("/usr/lib/rsyslog"), Path("/usr/lib64/rsyslog")]


def has_module(name: str) -> bool:
    return Path(RSYSLOGD).exists() and any((folder / f"{name}.so").exists() for folder in MODULES)


@contextmanager
def rsyslog(folder: Path, driver: str, receiver: Receiver, authority: Authority, client, name: str):
    folder.mkdir()
    port = free_port()
    config = folder / "rsyslog.conf"
    config.write_text(
        f'global(workDirectory="{folder}" defaultNetstreamDriver="{driver}"'
        f' defaultNetstreamDriverCAFile="{authority.folder}/ca.crt"'
        f' defaultNetstreamDriverCertFile="{client.certificate}" defaultNetstreamDriverKeyFile="{client.key}")\n'
        'module(load="imudp")\n'
        f'input(type="imudp" address="127.0.0.1" port="{port}")\n'
        f'action(type="omfwd" target="127.0.0.1" port="{receiver.tls_port}" protocol="tcp" tcp_framing="octet-counted"'
        f' streamDriver="{driver}" streamDriverMode="1" streamDriverAuthMode="x509/name"'
        f' streamDriverPermittedPeers="{name}" template="RSYSLOG_SyslogProtocol23Format"'
        ' action.resumeRetryCount="-1" action.resumeInterval="1")\n'
    )
    process = subprocess.Popen(
        [RSYSLOGD, "-n", "-f", str(config), "-i", str(folder / "pid")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 15
        while f":{port:04X}" not in Path("/proc/net/udp").read_text():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.mark.parametrize(
    "driver",
    [
        pytest.param("gtls", marks=pytest.mark.skipif(not has_module("lmnsd_gtls"), reason="no rsyslog-gnutls")),
        pytest.param("ossl", marks=pytest.mark.skipif(not has_module("lmnsd_ossl"), reason="no rsyslog-openssl")),
    ],
)
def test_a_real_rsyslog_sends_over_mutual_tls(tmp_path: Path, authority: Authority, driver: str) -> None:
    client = authority.client("rsyslog")
    authority.server("127.0.0.1", "localhost", "intake.example.gov.vn")
    sources = [source(8, unit_id=4, token_sha256="", certificates=(client.fingerprint,))]
    with (
        Receiver(tmp_path, "syslog", *authority.options(), sources=sources) as receiver,
        rsyslog(tmp_path / "rsyslog", driver, receiver, authority, client, "intake.example.gov.vn") as port,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        for n in range(50):
            sender.sendto(b"<38>Dec 10 02:00:00 may-a sshd[1]: lan %d" % n, ("127.0.0.1", port))
        records = receiver.wait_for_records(50, seconds=20)
        assert {frame.source_id for frame in receiver.frames()} == {8}
        assert all(record.startswith(b"<38>1 ") for record in records)
