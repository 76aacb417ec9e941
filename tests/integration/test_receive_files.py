"""Uploads and followed files, against a real files receiver process."""

import gzip
import json
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from dekhang.pipeline.stores.intake import publish
from tests.receivers import Receiver, source


def upload(data: Path, name: str, content: bytes, *, source_id: int = 7, status: dict[str, Any] | None = None) -> Path:
    """As the web process does it: write `.part`, fsync, rename."""
    folder = data / "inbox" / str(source_id)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.part"
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if status is not None:
        (folder / f"{name}.json").write_text(json.dumps(status))
    part.rename(folder / name)
    return folder / name


def status_of(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.with_name(path.name + ".json").read_bytes())
    except FileNotFoundError:
        return {}


def wait_for_state(receiver: Receiver, path: Path, state: str) -> dict[str, Any]:
    receiver.wait_for(lambda: status_of(path).get("state") == state, what=f"state {state}, not {status_of(path)}")
    return status_of(path)


def test_an_upload_becomes_records_progress_is_told_and_the_file_goes(tmp_path: Path) -> None:
    lines = b"".join(b"dong %d\n" % n for n in range(5000))
    with Receiver(tmp_path, "files") as receiver:
        path = upload(tmp_path, "a1b2", gzip.compress(lines), status={"state": "waiting", "name": "auth.log.gz"})
        status = wait_for_state(receiver, path, "done")
        assert (status["records"], status["problem"], status["name"]) == (5000, "", "auth.log.gz")
        assert status["read"] == status["size"] > 0
        assert receiver.records() == lines.splitlines()
        receiver.wait_for(lambda: not path.exists())
        frame = receiver.frames()[0]
        assert (frame.source_id, frame.transport, frame.peer) == (7, "upload", "a1b2")
        assert receiver.stop() < 2


def test_the_same_file_sent_again_carries_the_same_ids(tmp_path: Path) -> None:
    with Receiver(tmp_path, "files") as receiver:
        for name in ("lan-1", "lan-2"):
            wait_for_state(receiver, upload(tmp_path, name, b"mot\nhai\nba\n"), "done")
        wait_for_state(receiver, upload(tmp_path, "khac", b"mot\n"), "done")
        first, second, other = receiver.frames()
    assert first.ids == second.ids
    assert len(set(first.ids or [])) == 3
    assert not set(first.ids or []) & set(other.ids or [])


def test_a_json_upload_is_not_taken_for_a_status_nor_a_status_for_an_upload(tmp_path: Path) -> None:
    with Receiver(tmp_path, "files") as receiver:
        path = upload(tmp_path, "events.json", b'[{"EventID": 1},\n {"EventID": 2}]')
        wait_for_state(receiver, path, "done")
        assert [json.loads(record)["EventID"] for record in receiver.records()] == [1, 2]
        wait_for_state(receiver, upload(tmp_path, "sau.log", b"x\n"), "done")
        assert len(receiver.records()) == 3


def test_an_unreadable_upload_fails_with_a_sentence_and_the_next_is_taken(tmp_path: Path) -> None:
    with Receiver(tmp_path, "files") as receiver:
        bad = upload(tmp_path, "rac.bin", os.urandom(5000))
        good = upload(tmp_path, "tot.log", b"x\n")
        assert wait_for_state(receiver, bad, "failed")["problem"]
        wait_for_state(receiver, good, "done")
        receiver.wait_for_refusals((7, "unreadable_file"))


def test_an_upload_waits_until_its_source_is_known_and_a_retired_one_is_refused(tmp_path: Path) -> None:
    with Receiver(tmp_path, "files", sources=[source(8, retired=True)]) as receiver:
        early = upload(tmp_path, "som.log", b"x\n")
        assert "đang chờ" in wait_for_state(receiver, early, "waiting")["problem"]
        retired = upload(tmp_path, "cu.log", b"y\n", source_id=8)
        assert "ngừng sử dụng" in wait_for_state(receiver, retired, "failed")["problem"]
        publish(tmp_path, [source(7)])
        wait_for_state(receiver, early, "done")
        assert receiver.records() == [b"x"]


def test_a_real_evtx_file_is_taken_in(tmp_path: Path, shared: Path) -> None:
    evtx = min((shared / "windows" / "evtx").rglob("*.evtx"), key=lambda path: path.stat().st_size)
    with Receiver(tmp_path, "files", sources=[source(kind="windows")]) as receiver:
        status = wait_for_state(receiver, upload(tmp_path, "may-tram.evtx", evtx.read_bytes()), "done")
        assert status["records"] == len(receiver.records()) > 0
        assert b"EventID" in receiver.records()[0]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs" / "access.log"


def append(log: Path, *lines: str, end: str = "\n") -> None:
    with log.open("a") as file:
        file.write("\n".join(lines) + end)


def following(data: Path, log: Path) -> Receiver:
    return Receiver(data, "files", sources=[source(tail_paths=(str(log),))])


def test_a_followed_file_is_read_from_its_start_and_as_it_grows_whole_lines_only(tmp_path: Path, log: Path) -> None:
    append(log, "mot", "hai")
    with following(tmp_path, log) as receiver:
        assert receiver.wait_for_records(2) == [b"mot", b"hai"]
        append(log, "ba", "bo", end="")
        assert receiver.wait_for_records(3)[2:] == [b"ba"]
        append(log, "n dang do")
        assert receiver.wait_for_records(4)[3:] == [b"bon dang do"]
        assert receiver.frames()[0].transport == "tail"


def test_a_name_that_is_not_utf_8_stops_no_other_followed_file(tmp_path: Path, log: Path) -> None:
    odd = log.with_name(os.fsdecode(b"\xff.log"))
    append(odd, "la")
    append(log, "thuong")
    with following(tmp_path, log.with_name("*.log")) as receiver:
        assert sorted(receiver.wait_for_records(2)) == [b"la", b"thuong"]
        receiver.stop()
        receiver.start()
        append(odd, "them")
        assert receiver.wait_for_records(3)[2:] == [b"them"]


def test_rotation_by_rename_loses_and_doubles_nothing(tmp_path: Path, log: Path) -> None:
    append(log, "mot")
    with following(tmp_path, log) as receiver:
        receiver.wait_for_records(1)
        with log.open("a") as writer:  # a daemon that keeps writing to the old file for a moment
            log.rename(log.with_name("access.log.1"))
            append(log, "ba")
            receiver.wait_for_records(2)
            writer.write("hai\n")
        assert sorted(receiver.wait_for_records(3)) == [b"ba", b"hai", b"mot"]


def test_rotation_by_copytruncate_starts_over(tmp_path: Path, log: Path) -> None:
    append(log, "mot", "hai")
    with following(tmp_path, log) as receiver:
        receiver.wait_for_records(2)
        shutil.copy(log, log.with_name("access.log.1"))
        os.truncate(log, 0)
        append(log, "ba, dai hon tat ca nhung gi da co truoc do")
        assert receiver.wait_for_records(3)[2] == b"ba, dai hon tat ca nhung gi da co truoc do"


def test_a_restart_goes_on_where_it_stopped_also_when_the_file_was_rotated_meanwhile(tmp_path: Path, log: Path) -> None:
    append(log, "mot")
    with following(tmp_path, log) as receiver:
        receiver.wait_for_records(1)
        receiver.stop()
        append(log, "hai")
        log.rename(log.with_name("access.log.1"))
        append(log, "ba")
        receiver.start()
        assert sorted(receiver.wait_for_records(3)) == [b"ba", b"hai", b"mot"]
        receiver.stop()
        receiver.start()
        append(log, "bon")
        assert len(receiver.wait_for_records(4)) == 4


def test_what_is_read_twice_after_a_crash_has_the_same_ids(tmp_path: Path, log: Path) -> None:
    append(log, "mot", "hai")
    tails = tmp_path / "intake" / "tails.json"
    with following(tmp_path, log) as receiver:
        receiver.wait_for(tails.exists)
        receiver.wait_for_records(2)
        receiver.stop()
        state = json.loads(tails.read_bytes())
        for place in state["files"].values():  # as it would be after a kill between spool and tails.json
            place["offset"] = 0
        tails.write_text(json.dumps(state))
        receiver.start()
        receiver.wait_for_records(4)
        first, second = receiver.frames()
    assert first.records == second.records
    assert first.ids == second.ids


def test_a_line_of_3_mb_in_a_followed_file_is_cut_and_the_next_is_whole(tmp_path: Path, log: Path) -> None:
    append(log, "x" * 3_000_000, "sau")
    with following(tmp_path, log) as receiver:
        assert [len(record) for record in receiver.wait_for_records(2)] == [1_000_000, 3]
        receiver.wait_for_refusals((7, "oversize"))


def test_syslog_and_files_live_in_one_process(tmp_path: Path, log: Path) -> None:
    append(log, "tu tep")
    sources = [source(tail_paths=(str(log),), addresses=("127.0.0.1",))]
    with Receiver(tmp_path, "lines", sources=sources) as receiver:
        with socket.create_connection(("127.0.0.1", receiver.syslog_port)) as line:
            line.sendall(b"<13>tu mang\n")
        assert receiver.wait_for_records(1, writer="files") == [b"tu tep"]
        assert receiver.wait_for_records(1, writer="syslog") == [b"<13>tu mang"]
        assert receiver.stop() < 2
