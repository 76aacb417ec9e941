"""A bucket of a real S3 server (SeaweedFS), read by a real files receiver process."""

import gzip
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.fs as pafs
import pytest

from dekhang.pipeline.stores import heartbeat, intake
from dekhang.pipeline.stores.intake import Bucket, publish
from tests.cluster import S3Server
from tests.receivers import Receiver, free_port, source


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    running = S3Server(tmp_path_factory.mktemp("s3") / "server").start()
    yield running
    running.close()


class Kho:
    """A part of the server's bucket for one test, and a receiver's source that reads it."""

    def __init__(self, server: S3Server, name: str, data: Path) -> None:
        server.bucket("kho")  # each bucket takes volumes of the server: one for all
        self.name = f"kho/{name}"
        self.files: pafs.S3FileSystem = server._admin()
        self.bucket = Bucket(
            "kho", f"{name}/logs/", f"http://127.0.0.1:{server.port}", access_key=server.KEY, every_seconds=1
        )
        intake.keep_secret(data, 7, server.SECRET)
        self.data = data

    def put(self, key: str, content: bytes) -> None:
        with self.files.open_output_stream(f"{self.name}/{key}") as out:
            out.write(content)

    def receiver(self) -> Receiver:
        return Receiver(self.data, "files", sources=[source(7, bucket=self.bucket)])

    def state(self) -> dict:
        pulls = heartbeat.read(self.data).get("files", {}).get("pulls", [])
        return pulls[0] if pulls else {}


def test_new_objects_are_taken_in_once_in_order_also_over_a_restart(tmp_path: Path, server: S3Server) -> None:
    kho = Kho(server, "kho-mot", tmp_path)
    kho.put("logs/2019/12/10/a.log", b"mot\nhai\n")
    kho.put("khac/b.log", b"ngoai tien to\n")
    with kho.receiver() as receiver:
        assert receiver.wait_for_records(2, seconds=30) == [b"mot", b"hai"]
        kho.put("logs/2019/12/11/c.jsonl.gz", gzip.compress(b'{"a":1}\n'))
        receiver.wait_for_records(3, seconds=30)
        receiver.stop()
        receiver.start()
        kho.put("logs/2019/12/12/d.log", b"ba\n")
        assert receiver.wait_for_records(4, seconds=30) == [b"mot", b"hai", b'{"a":1}', b"ba"]
        receiver.wait_for(lambda: kho.state().get("objects") == 1, seconds=10)
        assert {frame.transport for frame in receiver.frames()} == {"pull"}
        assert receiver.frames()[0].peer == "kho/kho-mot/logs/2019/12/10/a.log"
        time.sleep(1.5)  # one more look at the bucket
        assert len(receiver.records()) == 4


def test_an_object_written_again_has_new_ids_and_one_only_touched_has_not(tmp_path: Path, server: S3Server) -> None:
    kho = Kho(server, "kho-hai", tmp_path)
    kho.put("logs/a.log", b"mot\n")
    with kho.receiver() as receiver:
        receiver.wait_for_records(1, seconds=30)
        receiver.wait_for(lambda: kho.state().get("objects") == 1, seconds=10)
        time.sleep(1.1)  # the listing tells whole seconds
        kho.put("logs/a.log", b"mot\n")  # the same content: the same ETag
        time.sleep(2.5)
        assert receiver.records() == [b"mot"]
        kho.put("logs/a.log", b"khac han\n")
        assert receiver.wait_for_records(2, seconds=30) == [b"mot", b"khac han"]
        ids = [one for frame in receiver.frames() for one in frame.ids or []]
        assert len(set(ids)) == 2


def test_a_kill_in_the_middle_of_an_object_stores_nothing_twice(tmp_path: Path, server: S3Server) -> None:
    kho = Kho(server, "kho-ba", tmp_path)
    lines = [b"dong %d %s" % (n, b"x" * 300) for n in range(60_000)]
    kho.put("logs/lon.log", b"\n".join(lines) + b"\n")
    with kho.receiver() as receiver:
        receiver.wait_for(lambda: len(receiver.records()) > 2000, seconds=30)
        receiver.kill()
        receiver.start()
        receiver.wait_for(lambda: kho.state().get("objects") == 1, seconds=60)
        by_id = {
            one: record
            for frame in receiver.frames()
            for one, record in zip(frame.ids or [], frame.records, strict=True)
        }
        assert sorted(by_id.values()) == sorted(lines)
        assert len(receiver.records()) < len(lines) + 10_000


def test_an_unreadable_object_is_counted_and_told_and_the_next_is_taken(tmp_path: Path, server: S3Server) -> None:
    kho = Kho(server, "kho-bon", tmp_path)
    kho.put("logs/a.evtx", b"ElfFile\0" + bytes(100))
    kho.put("logs/b.log", b"tot\n")
    with kho.receiver() as receiver:
        assert receiver.wait_for_records(1, seconds=30) == [b"tot"]
        receiver.wait_for_refusals((7, "unreadable_file"))
        receiver.wait_for(lambda: "a.evtx" in kho.state().get("problem", ""), seconds=10)


def test_a_wrong_key_an_absent_bucket_and_an_absent_server_are_sentences_and_uploads_go_on(
    tmp_path: Path, server: S3Server
) -> None:
    kho = Kho(server, "kho-nam", tmp_path)
    kho.put("logs/a.log", b"mot\n")
    intake.keep_secret(tmp_path, 7, "sai")
    with kho.receiver() as receiver:
        receiver.wait_for(lambda: "Không đọc được kho kho" in kho.state().get("problem", ""), seconds=30)
        assert "sai" not in kho.state()["problem"].split()
        away = Bucket("kho", "kho-nam/", f"http://127.0.0.1:{free_port()}", access_key="a", every_seconds=1)
        publish(tmp_path, [source(7, bucket=away)])
        inbox = tmp_path / "inbox" / "7"
        inbox.mkdir(parents=True)
        (inbox / "x").write_bytes(b"tai len\n")
        assert receiver.wait_for_records(1, seconds=10) == [b"tai len"]
        publish(tmp_path, [source(7, bucket=kho.bucket)])
        intake.keep_secret(tmp_path, 7, server.SECRET)
        assert receiver.wait_for_records(2, seconds=60)[1:] == [b"mot"]  # mended: taken without a restart


def test_the_secret_key_is_not_in_the_list_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    publish(tmp_path, [source(7, bucket=Bucket("kho", access_key="A"))])
    intake.keep_secret(tmp_path, 7, "rat bi mat")
    intake.keep_secret(tmp_path, 8, "nua")
    path = tmp_path / intake.SECRETS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"bi mat" not in intake.path_of(tmp_path).read_bytes()
    assert (intake.secret_of(tmp_path, 7), intake.secret_of(tmp_path, 8)) == ("rat bi mat", "nua")
    intake.keep_secret(tmp_path, 7, "")
    assert intake.secret_of(tmp_path, 7) == ""
    assert intake.IntakeMap(tmp_path).by_id(7) == source(7, bucket=Bucket("kho", access_key="A"))
