"""Four hosts as an administrator starts them: receiver, worker, web, jobs, with PostgreSQL, three NATS servers and S3.

An attack on a unit is sent to the receiver's host; its officer reads of it on the host of the pages. Then hosts die.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from dekhang.pipeline.stores import heartbeat, ledger
from dekhang.pipeline.stores.lake import Lake
from tests.cluster import wait_until
from tests.factories.core import PASSWORD
from tests.factories.sources import failed_login
from tests.hosts import Host, Person, Servers, post_lines
from tests.postgres import PostgresServer

START_SECONDS = 240.0  # alone it takes about fifteen

CONNECT = """
from dekhang.apps.registry.models import Unit
from dekhang.apps.sources.services import create_source
from tests.factories.registry import officer_of
unit = Unit.objects.order_by("pk").first()
officer = officer_of(unit, username="can-bo-thu")
source, token = create_source(unit_id=unit.pk, name="Máy chủ thử", kind="linux", by=officer)
answer = {"unit": unit.pk, "source": source.pk, "token": token}
"""


@dataclass
class Installation:
    servers: Servers
    web: Host
    receiver: Host
    jobs: Host
    worker: Host
    unit: int = 0
    source: int = 0
    token: str = ""
    sent: int = 0

    def send(self, *lines: str) -> None:
        post_lines(self.receiver.http_port, self.token, list(lines))
        self.sent += len(lines)

    def stored(self) -> int:
        return ledger.of_source(self.web.data, self.source).stored


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> Iterator[Installation]:
    servers = Servers(tmp_path_factory.mktemp("hosts"), postgres)
    hosts = [Host(servers, f"{role}-1", role) for role in ("web", "receiver", "jobs", "worker")]
    made = Installation(servers, *hosts)
    try:
        servers.start()
        for host in hosts:  # all at the same moment: the tables are made once, whoever is first
            host.begin(DK_ADMIN_USERNAME="quan-tri", DK_ADMIN_PASSWORD="mot-mat-khau-rat-dai")
        wait_until(lambda: all(host.is_ready() for host in hosts), "all four hosts are ready", START_SECONDS)
        connected = made.web.ask(CONNECT)
        made.unit, made.source, made.token = connected["unit"], connected["source"], connected["token"]
        yield made
    finally:
        for host in hosts:
            host.stop()
        servers.close()


def attack(address: str) -> list[str]:
    """Somebody tries passwords, now."""
    now = datetime.now(UTC) - timedelta(seconds=30)
    return [failed_login(now + timedelta(seconds=n), address=address, user=f"u{n}") for n in range(20)]


def test_each_host_runs_the_parts_of_its_role_and_no_others(installation: Installation) -> None:
    parts = {
        host.name: set(heartbeat.read(host.data)) - {"up"}
        for host in (installation.web, installation.receiver, installation.jobs, installation.worker)
    }
    assert parts == {
        "web-1": {"files", "hunts", "share"},
        "receiver-1": {"http", "syslog", "share"},
        "jobs-1": {"jobs", "share"},
        "worker-1": {"worker", "share"},
    }
    assert (installation.receiver.data / "spool").exists() is False  # what is received is in three hosts' hands at once
    assert not list(installation.servers.folder.glob("*/db.sqlite3"))
    assert not list(installation.servers.folder.glob("*/pipeline.db"))


def test_an_attack_sent_to_one_host_is_read_of_on_another(installation: Installation) -> None:
    installation.send(*attack("192.0.2.77"))
    officer = Person(f"http://127.0.0.1:{installation.web.web_port}", "can-bo-thu", PASSWORD)

    wait_until(lambda: "192.0.2.77" in officer.page("/canh-bao/"), "the officer sees the alert")
    wait_until(lambda: installation.stored() == installation.sent, "everything sent is stored")

    found = Lake(installation.web.data).recent([installation.unit], source_id=installation.source)
    assert len(found) == installation.sent
    assert {event.src_ip for event in found} == {"192.0.2.77"}


def test_signs_of_life_of_all_hosts_are_on_the_administrator_s_page_and_told_by_doctor(
    installation: Installation,
) -> None:
    administrator = Person(f"http://127.0.0.1:{installation.web.web_port}", "quan-tri", "mot-mat-khau-rat-dai")
    page = administrator.page("/")
    for told in ("Nhận log qua HTTP (receiver-1)", "Phân tích, phát hiện (worker-1)", "Nhận tệp (web-1)"):
        assert told in page
    assert "chưa chạy lần nào" not in page

    said = installation.web.command("doctor").stdout
    # nobody has named a mail server, and the alert above is to be told by mail
    assert [line for line in said.splitlines() if line.startswith("✗") and "DK_SMTP_HOST" not in line] == []
    assert "✓ NATS JetStream: 3/3 máy trả lời" in said
    assert "✓ máy receiver-1 đang chạy: http, share, syslog" in said
    assert "✓ sổ log khớp" in said


def test_a_receiver_that_starts_while_the_database_is_away_takes_logs_and_nothing_is_lost(
    installation: Installation, postgres: PostgresServer
) -> None:
    installation.receiver.stop()
    postgres.stop()
    try:
        installation.receiver.begin()
        installation.send(*attack("192.0.2.88"))
    finally:
        postgres.start()
    assert "PostgreSQL" in installation.receiver.output  # it has said that it goes on without
    wait_until(lambda: installation.stored() == installation.sent, "everything sent is stored")
    officer = Person(f"http://127.0.0.1:{installation.web.web_port}", "can-bo-thu", PASSWORD)
    wait_until(lambda: "192.0.2.88" in officer.page("/canh-bao/"), "the alert comes when the database is back")


def test_a_worker_host_that_dies_is_replaced_by_another_and_nothing_is_lost_or_doubled(
    installation: Installation,
) -> None:
    second = Host(installation.servers, "worker-2", "worker").begin()
    try:
        wait_until(second.is_ready, "a second worker host is ready", START_SECONDS)
        for number in range(10):
            installation.send(*(json.dumps({"message": f"dòng {number}-{n}"}) for n in range(50)))
            if number == 3:
                installation.worker.kill()
                leader = installation.servers.nats.leader()
                assert leader is not None
                installation.servers.nats.kill(leader)
        installation.send(*attack("192.0.2.99"))
        officer = Person(f"http://127.0.0.1:{installation.web.web_port}", "can-bo-thu", PASSWORD)
        wait_until(lambda: "192.0.2.99" in officer.page("/canh-bao/"), "the second attack is an alert")
        wait_until(lambda: installation.stored() == installation.sent, "everything sent is stored")

        account = ledger.of_source(installation.web.data, installation.source)
        assert (account.stored, account.waiting, account.refused) == (installation.sent, 0, 0)
        assert Lake(installation.web.data).count([installation.unit], 0) == installation.sent
        missed = "✗ máy worker-1 không có dấu hiệu sống của share, worker."
        wait_until(lambda: missed in installation.web.command("doctor").stdout, "doctor misses the dead host")
        assert "✓ NATS JetStream: 2/3 máy trả lời" in installation.web.command("doctor").stdout
    finally:
        second.stop()
        installation.servers.nats.start_one(leader)
