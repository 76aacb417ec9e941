"""Drop folders, against a real files receiver process: finished files are taken in once and left as they are."""

import gzip
import os
import time
from pathlib import Path

import pytest

from dekhang.pipeline.stores import heartbeat
from tests.receivers import Receiver, source

OLD_SECONDS = 60


def drop(folder: Path, name: str, content: bytes, *, seconds_ago: float = OLD_SECONDS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    moment = time.time() - seconds_ago
    os.utime(path, (moment, moment))
    return path


def watching(data: Path, folder: Path) -> Receiver:
    return Receiver(data, "files", sources=[source(7, folders=(str(folder),))])


def facts(receiver: Receiver) -> dict:
    return heartbeat.read(receiver.data)["files"]


def test_finished_files_of_any_format_are_taken_in_once_and_stay(tmp_path: Path) -> None:
    folder = tmp_path / "tha"
    first = drop(folder, "a.log", b"mot\nhai\n")
    drop(folder, "b.jsonl.gz", gzip.compress(b'{"a":1}\n{"a":2}\n'))
    with watching(tmp_path, folder) as receiver:
        assert receiver.wait_for_records(4) == [b"mot", b"hai", b'{"a":1}', b'{"a":2}']
        assert {(frame.source_id, frame.transport) for frame in receiver.frames()} == {(7, "folder")}
        receiver.wait_for(lambda: facts(receiver)["folder_files"] == 2)
        receiver.stop()
        receiver.start()
        drop(folder, "c.log", b"ba\n")
        receiver.wait_for_records(5, seconds=10)
        time.sleep(0.5)
        assert len(receiver.records()) == 5
    assert first.read_bytes() == b"mot\nhai\n"


def test_what_is_still_being_written_waits_and_hidden_links_and_folders_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "tha"
    drop(folder, "dang-ghi.log", b"chua xong\n", seconds_ago=0)
    drop(folder, "tai-ve.log.part", b"chua xong\n")
    drop(folder, ".an.log", b"an\n")
    (folder / "con").mkdir()
    (tmp_path / "bi-mat").write_bytes(b"ngoai thu muc\n")
    (folder / "lien-ket.log").symlink_to(tmp_path / "bi-mat")
    drop(folder, "xong.log", b"xong\n")
    with watching(tmp_path, folder) as receiver:
        assert receiver.wait_for_records(1) == [b"xong"]
        time.sleep(0.7)
        assert receiver.records() == [b"xong"]


def test_a_file_that_grew_is_taken_in_from_where_it_was_left_and_a_new_one_of_its_name_wholly(tmp_path: Path) -> None:
    folder = tmp_path / "tha"
    path = drop(folder, "a.log", b"mot\nhai\n")
    with watching(tmp_path, folder) as receiver:
        receiver.wait_for_records(2)
        receiver.wait_for(lambda: facts(receiver)["folder_files"] == 1)
        with path.open("ab") as file:
            file.write(b"ba\n")
        os.utime(path, (time.time() - 50, time.time() - 50))
        assert receiver.wait_for_records(3, seconds=10) == [b"mot", b"hai", b"ba"]
        receiver.wait_for(lambda: facts(receiver)["folder_files"] == 2)
        drop(folder, "a.log", b"moi\n", seconds_ago=40)
        assert receiver.wait_for_records(4, seconds=10)[3:] == [b"moi"]
        ids = [one for frame in receiver.frames() for one in frame.ids or []]
        assert len(set(ids)) == 4


def test_files_that_began_alike_and_went_on_differently_share_no_ids(tmp_path: Path) -> None:
    folder = tmp_path / "tha"
    begun = {"a.log": b"", "b.log": b"", "c.log": b"tieu de\n", "d.log": b"tieu de\n"}
    paths = [drop(folder, name, content) for name, content in begun.items()]
    with watching(tmp_path, folder) as receiver:
        receiver.wait_for(lambda: facts(receiver)["folder_files"] == 4, seconds=20)
        for path in paths:
            with path.open("ab") as file:
                file.write(b"cua %s\n" % path.name.encode())
            os.utime(path, (time.time() - 50, time.time() - 50))
        receiver.wait_for_records(6, seconds=20)
        by_id = {
            one: record
            for frame in receiver.frames()
            for one, record in zip(frame.ids or [], frame.records, strict=True)
        }
        assert sorted(by_id.values()) == [b"cua a.log", b"cua b.log", b"cua c.log", b"cua d.log", b"tieu de"]


def test_a_name_that_is_not_utf_8_is_a_name_like_any_other(tmp_path: Path) -> None:
    folder = tmp_path / "tha"
    drop(folder, os.fsdecode(b"nh\xadt k\xfd.log"), b"mot\n")  # Vietnamese as Windows wrote it before Unicode
    drop(folder, os.fsdecode(b"\xff-rong.log"), b"")
    with watching(tmp_path, folder) as receiver:
        assert receiver.wait_for_records(1) == [b"mot"]
        receiver.wait_for_refusals((7, "unreadable_file"))
        receiver.wait_for(lambda: facts(receiver)["folder_files"] == 2)
        receiver.stop()
        receiver.start()
        time.sleep(0.7)
        assert receiver.records() == [b"mot"]


def test_a_kill_in_the_middle_repeats_only_ids_that_were_there(tmp_path: Path) -> None:
    folder = tmp_path / "tha"
    lines = [b"dong %d %s" % (n, b"x" * 300) for n in range(60_000)]
    drop(folder, "lon.log", b"\n".join(lines) + b"\n")
    with watching(tmp_path, folder) as receiver:
        receiver.wait_for(lambda: len(receiver.records()) > 2000, seconds=20)
        receiver.kill()
        receiver.start()
        receiver.wait_for(lambda: facts(receiver)["folder_files"] == 1, seconds=60)
        by_id = {
            one: record
            for frame in receiver.frames()
            for one, record in zip(frame.ids or [], frame.records, strict=True)
        }
        assert sorted(by_id.values()) == sorted(lines)
        assert len(receiver.records()) < len(lines) + 10_000  # it went on near where it was


def test_an_unreadable_file_is_counted_once_and_the_next_one_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "tha"
    drop(folder, "a.evtx", b"ElfFile\0" + bytes(100))
    drop(folder, "b.log", b"tot\n")
    with watching(tmp_path, folder) as receiver:
        assert receiver.wait_for_records(1) == [b"tot"]
        receiver.wait_for_refusals((7, "unreadable_file"))
        receiver.stop()
        receiver.start()
        time.sleep(0.7)
        assert receiver.refusals()[7, "unreadable_file"] == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_stays_a_sentence_until_it_is_given(tmp_path: Path) -> None:
    folder = tmp_path / "tha"
    path = drop(folder, "cam.log", b"mot\n")
    path.chmod(0)
    with watching(tmp_path, folder) as receiver:
        for _ in range(2):
            receiver.wait_for(lambda: "cam.log" in " ".join(facts(receiver)["folder_problems"]), seconds=10)
            time.sleep(2.5)  # longer than from one look to the next
        path.chmod(0o600)
        assert receiver.wait_for_records(1, seconds=10) == [b"mot"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_without_permission_is_a_sentence_in_the_heartbeat(tmp_path: Path) -> None:
    folder = tmp_path / "cam"
    folder.mkdir(mode=0)
    with watching(tmp_path, folder) as receiver:
        receiver.wait_for(lambda: "quyền đọc" in " ".join(facts(receiver)["folder_problems"]), seconds=10)


def test_an_upload_that_can_never_be_finished_does_not_keep_drop_folders_waiting(tmp_path: Path) -> None:
    folder = tmp_path / "tha"
    (tmp_path / "inbox" / "7" / "le.log.json").mkdir(parents=True)  # its progress cannot be written
    (tmp_path / "inbox" / "7" / "le.log").write_bytes(b"le\n")
    drop(folder, "a.log", b"mot\n")
    with watching(tmp_path, folder) as receiver:
        assert receiver.wait_for_records(1, seconds=10) == [b"mot"]


def test_a_folder_that_is_not_there_is_a_sentence_in_the_heartbeat(tmp_path: Path) -> None:
    with watching(tmp_path, tmp_path / "khong-co") as receiver:
        receiver.wait_for(lambda: "khong-co" in " ".join(facts(receiver)["folder_problems"]), seconds=10)
