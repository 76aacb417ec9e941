"""The lake's files in a real S3 storage: the same promises as in a folder, and a cache that is never wrong."""

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekhang.pipeline import lakefiles
from dekhang.pipeline.lakefiles import LakeFileDamaged, S3Files
from tests.cluster import S3Server

PATH = "day=2019-12-10/a.parquet"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("s3") / "server").start()
    yield server
    server.close()


@pytest.fixture
def address(server: S3Server, request: pytest.FixtureRequest) -> str:
    return server.bucket("kho-nhat-ky", request.node.name)  # a bucket is dear in SeaweedFS, a folder is not


def test_what_one_machine_keeps_another_reads(address: str, tmp_path: Path) -> None:
    here, there = S3Files(address, tmp_path / "here"), S3Files(address, tmp_path / "there")
    content = os.urandom(300_000)

    here.keep(PATH, memoryview(content))

    assert (
        there.local(PATH, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()).read_bytes() == content
    )
    (listed,) = there.listing()
    assert (listed.path, listed.size_bytes) == (PATH, len(content))


def test_a_forgotten_file_is_gone_for_all_but_those_who_have_it(address: str, tmp_path: Path) -> None:
    here, there, third = (S3Files(address, tmp_path / name) for name in ("here", "there", "third"))
    here.keep(PATH, b"noi dung")
    copy = there.local(PATH)

    here.forget(PATH)
    here.forget(PATH)

    assert copy.read_bytes() == b"noi dung"
    for files in (here, third):
        with pytest.raises(FileNotFoundError):
            files.local(PATH)


def test_a_file_that_is_not_what_the_manifest_says_is_not_given_out(address: str, tmp_path: Path) -> None:
    S3Files(address, tmp_path / "here").keep(PATH, b"da bi sua")
    there = S3Files(address, tmp_path / "there")

    with pytest.raises(LakeFileDamaged, match="không đúng như danh mục"):
        there.local(PATH, size_bytes=9, sha256=hashlib.sha256(b"ban dau").hexdigest())
    with pytest.raises(LakeFileDamaged):
        there.local(PATH, size_bytes=7)


def test_what_was_changed_in_the_storage_is_seen_by_who_asks_for_it_however_good_the_copy_here_is(
    address: str, tmp_path: Path
) -> None:
    here = S3Files(address, tmp_path / "here")
    here.keep(PATH, b"ban dau")
    S3Files(address, tmp_path / "thief").keep(PATH, b"bi sua!")
    known = {"size_bytes": 7, "sha256": hashlib.sha256(b"ban dau").hexdigest()}

    assert here.local(PATH, **known).read_bytes() == b"ban dau"
    with pytest.raises(LakeFileDamaged):
        here.local(PATH, **known, cached=False)
    here.forget(PATH)
    with pytest.raises(FileNotFoundError):
        here.local(PATH, **known, cached=False)


def test_a_cached_file_that_a_power_cut_has_shortened_is_fetched_again(address: str, tmp_path: Path) -> None:
    files = S3Files(address, tmp_path / "here")
    files.keep(PATH, b"noi dung")
    files.local(PATH).write_bytes(b"noi")

    assert files.local(PATH, size_bytes=8).read_bytes() == b"noi dung"


def test_the_cache_forgets_what_was_used_longest_ago_and_fetches_it_again(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lakefiles, "IN_USE_SECONDS", 0.0)
    files = S3Files(address, tmp_path / "cache", cache_bytes=250_000)
    for name in "abc":
        files.keep(name, name.encode() * 100_000)
        if name == "b":
            os.utime(files.local("b"), (1_000, 1_000))  # nobody has asked for b since 1970

    files.keep("d", b"d" * 100_000)

    kept = {path.name for path in (tmp_path / "cache").iterdir()}
    assert "b" not in kept and "d" in kept
    assert sum(path.stat().st_size for path in (tmp_path / "cache").iterdir()) <= 250_000
    assert files.local("b").read_bytes() == b"b" * 100_000


def test_what_was_just_given_out_stays_though_the_cache_is_full(address: str, tmp_path: Path) -> None:
    files = S3Files(address, tmp_path / "cache", cache_bytes=150_000)
    for name in "abc":
        files.keep(name, name.encode() * 100_000)

    assert [files.local(name).read_bytes()[:1] for name in "abc"] == [b"a", b"b", b"c"]


def test_readers_at_the_same_time_never_see_a_part_of_a_file(address: str, tmp_path: Path) -> None:
    content = os.urandom(2_000_000)
    S3Files(address, tmp_path / "writer").keep(PATH, content)
    seen: list[bytes] = []

    def read() -> None:
        seen.append(S3Files(address, tmp_path / "shared").local(PATH).read_bytes())

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [content] * 8
    assert [path.name for path in (tmp_path / "shared").rglob("*.tmp")] == []


def test_a_storage_that_does_not_answer_is_an_error_and_not_an_empty_lake(tmp_path: Path) -> None:
    server = S3Server(tmp_path / "server").start()
    files = S3Files(server.bucket("kho-tat"), tmp_path / "cache")
    files.keep(PATH, b"noi dung")
    server.close()

    with pytest.raises(OSError, match="Could not connect"):
        list(files.listing())
    with pytest.raises(OSError, match="Could not connect"):
        files.keep("b", b"khac")
    assert files.local(PATH).read_bytes() == b"noi dung", "what is cached can still be read"
