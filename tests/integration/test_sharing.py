"""What several hosts have in common reaches each of their data folders, and each one's signs of life reach all."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dekhang.cli.joining import folder_id, taken_by_another
from dekhang.pipeline import place
from dekhang.pipeline.place import Place
from dekhang.pipeline.sharing import Sharing
from dekhang.pipeline.stores import database, documents, heartbeat, intake
from dekhang.pipeline.stores.database.postgres import close_idle
from dekhang.pipeline.stores.intake import IntakeMap, IntakeSource, hash_token, new_token
from tests.postgres import PostgresServer


@pytest.fixture
def hosts(tmp_path: Path, postgres: PostgresServer) -> Any:
    """Makes the data folder of a host of one installation."""
    address = postgres.new_database()

    def host(name: str) -> Path:
        data = tmp_path / name
        place.write(Place(data, name, address))
        return data

    yield host
    close_idle()


def test_a_published_list_of_sources_reaches_the_receivers_of_every_host(hosts: Callable[[str], Path]) -> None:
    web, receiver = hosts("web-1"), hosts("nhan-1")
    sharing = Sharing(receiver, gives_settings=False)
    token = new_token()
    intake.publish(web, [IntakeSource(7, 3, "linux", hash_token(token))])
    known = IntakeMap(receiver)
    assert known.by_token(token) is None

    sharing.round()
    known.refresh(after_seconds=0)
    found = known.by_token(token)
    intake.publish(web, [IntakeSource(7, 3, "linux", hash_token(token), retired=True)])
    sharing.round()
    known.refresh(after_seconds=0)

    assert found is not None and not found.retired
    assert known.by_token(token) == IntakeSource(7, 3, "linux", hash_token(token), retired=True)
    assert intake.published(receiver) == intake.published(web) == known.sources()
    assert not (web / "intake").exists()  # there is one truth, and it is not on the host that wrote it
    sharing.close()


def test_a_list_that_has_not_changed_is_not_written_again(hosts: Callable[[str], Path]) -> None:
    data = hosts("nhan-1")
    intake.publish(data, [IntakeSource(7, 3, "linux")])
    first = Sharing(data, gives_settings=False)
    first.round()
    first.close()
    before = intake.path_of(data).stat().st_mtime_ns
    again = Sharing(data, gives_settings=False)
    again.round()
    again.round()
    again.close()

    assert intake.path_of(data).stat().st_mtime_ns == before


def test_rule_settings_of_the_jobs_host_are_everybody_s_also_when_they_are_taken_back(
    hosts: Callable[[str], Path],
) -> None:
    jobs, worker = hosts("viec-1"), hosts("phan-tich-1")
    giving, taking = Sharing(jobs, gives_settings=True), Sharing(worker, gives_settings=False)
    mine, theirs = jobs / "settings" / "placeholders.yml", worker / "settings" / "placeholders.yml"

    def both() -> None:
        giving.round()
        taking.round()

    giving.round()
    documents.write(mine, b"accounts: [a]")
    both()
    assert theirs.read_bytes() == b"accounts: [a]"
    documents.write(mine, b"accounts: [a, b]")
    both()
    assert theirs.read_bytes() == b"accounts: [a, b]"
    documents.write(theirs, b"accounts: [nobody asked]")
    both()
    assert mine.read_bytes() == b"accounts: [a, b]"
    new_jobs = hosts("viec-2")
    taking_over = Sharing(new_jobs, gives_settings=True)
    taking_over.round()
    assert (new_jobs / "settings" / "placeholders.yml").read_bytes() == b"accounts: [a, b]"
    mine.unlink()
    both()
    assert not theirs.exists()
    for one in (giving, taking, taking_over):
        one.close()


def test_signs_of_life_are_seen_everywhere_and_age_by_one_clock(hosts: Callable[[str], Path]) -> None:
    web, receiver = hosts("web-1"), hosts("nhan-1")
    heartbeat.beat(web, "web", ready=True)
    heartbeat.beat(receiver, "http", ready=True, spool_bytes=5)
    heartbeat.beat(receiver, "syslog", ready=True)
    sharing = Sharing(receiver, gives_settings=False)
    sharing.round()

    seen = {(beat.host, beat.part): beat.facts for beat in heartbeat.everywhere(web)}
    assert list(seen) == [("web-1", "web"), ("nhan-1", "http"), ("nhan-1", "syslog")]
    assert seen["nhan-1", "http"]["spool_bytes"] == 5
    assert all(heartbeat.is_alive(facts) for facts in seen.values())

    connection = database.connect(receiver)
    connection.execute("UPDATE beats SET at_ms = at_ms - 60000 WHERE part = 'syslog'")
    connection.close()
    seen = {(beat.host, beat.part): beat.facts for beat in heartbeat.everywhere(web)}
    assert not heartbeat.is_alive(seen["nhan-1", "syslog"]) and heartbeat.is_alive(seen["nhan-1", "http"])

    sharing.close()
    assert [beat.host for beat in heartbeat.everywhere(web)] == ["web-1"]


def test_beats_of_a_host_that_is_gone_for_good_are_forgotten_after_a_week(hosts: Callable[[str], Path]) -> None:
    gone, here = hosts("cu"), hosts("moi")
    heartbeat.beat(gone, "http", ready=True)
    connection = database.connect(gone)
    heartbeat.share(connection, "cu", heartbeat.read(gone))
    connection.execute("UPDATE beats SET at_ms = at_ms - ?", (heartbeat.GONE_MS + 60_000,))
    heartbeat.share(connection, "moi", {})
    connection.close()

    assert heartbeat.everywhere(here) == []


def test_receivers_go_on_with_their_list_while_the_database_is_away(tmp_path: Path) -> None:
    server = PostgresServer().start()
    try:
        place.write(Place(tmp_path, "nhan-1", server.new_database()))
        token = new_token()
        intake.publish(tmp_path, [IntakeSource(7, 3, "linux", hash_token(token))])
        sharing = Sharing(tmp_path, gives_settings=False)
        sharing.round()
        server.stop()

        with pytest.raises(database.Error):
            sharing.round()
        assert IntakeMap(tmp_path).by_token(token) is not None  # a receiver that starts now

        server.start()
        intake.publish(tmp_path, [])
        deadline = time.monotonic() + 30
        while IntakeMap(tmp_path).sources() and time.monotonic() < deadline:
            sharing.round()
        assert IntakeMap(tmp_path).sources() == []
        sharing.close()
    finally:
        close_idle()
        server.remove()


def test_one_machine_sees_its_own_parts_and_keeps_its_list_in_the_file(tmp_path: Path) -> None:
    heartbeat.beat(tmp_path, "http", ready=True)
    intake.publish(tmp_path, [IntakeSource(7, 3, "linux")])

    assert [(beat.host, beat.part) for beat in heartbeat.everywhere(tmp_path)] == [(Place.of(tmp_path).host, "http")]
    assert intake.published(tmp_path) == [IntakeSource(7, 3, "linux")]
    assert not (tmp_path / "pipeline.db").exists()


def test_a_second_host_of_the_same_name_is_refused_but_not_the_first_one_after_a_restart(
    hosts: Callable[[str], Path], tmp_path: Path
) -> None:
    first, second = hosts("nhan-1"), tmp_path / "khac"
    here = Place.of(first)
    place.write(Place(second, "nhan-1", here.database))
    assert taken_by_another(here) == ""
    heartbeat.beat(first, "up", folder=folder_id(first))
    sharing = Sharing(first, gives_settings=False)
    sharing.round()

    assert "Tên máy nhan-1 đang được một máy khác của hệ thống dùng" in taken_by_another(Place.of(second))
    assert taken_by_another(here) == ""
    sharing.close()
    assert taken_by_another(Place.of(second)) == ""
