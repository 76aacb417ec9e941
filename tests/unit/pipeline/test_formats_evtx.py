"""EVTX: real files whole, damaged ones as far as they go, with the place of the damage; through a pipe as well."""

import io
import struct
from pathlib import Path

import evtx
import orjson
import pytest

from dekhang.pipeline.formats import RecordFile, open_records, open_stream

CHUNK = 65_536
SECOND_RECORD = 4096 + 512 + 1560  # in security_bad_string_cache.evtx, 91 records in the first chunk


@pytest.fixture
def sound(shared: Path) -> bytes:
    """A real file of 2,261 events in 26 chunks; only its first chunk's checksum is wrong."""
    return (shared / "windows/evtx_damaged/security_bad_string_cache.evtx").read_bytes()


def opened(folder: Path, content: bytes) -> RecordFile:
    path = folder / "log.evtx"
    path.write_bytes(content)
    return open_records(path)


def ids(file: RecordFile) -> list[int]:
    return [int(orjson.loads(raw)["Event"]["System"]["EventRecordID"]) for _, raw in file]


def damaged(content: bytes, at: int, by: bytes) -> bytes:
    return content[:at] + by + content[at + len(by) :]


def test_every_record_is_what_the_evtx_package_gives(shared: Path) -> None:
    paths = sorted((shared / "windows/evtx").glob("*.evtx"))
    assert paths
    for path in paths:
        file = open_records(path)
        expected = [orjson.loads(record["data"]) for record in evtx.PyEvtxParser(str(path), 1).records_json()]

        chunks = list(file.chunks())

        assert [orjson.loads(raw) for chunk in chunks for raw in chunk.records()] == expected
        assert {chunk.kind for chunk in chunks} == {"evtx"}
        assert b"\n" not in b"".join(raw for _, raw in file)
        assert file.problems == []


@pytest.mark.parametrize(
    ("at", "by", "lost"),
    [
        (SECOND_RECORD, b"XXXX", 1),  # magic of a record
        (SECOND_RECORD + 4, bytes(4), 1),  # its size: readers that walk by it would stand still
        (SECOND_RECORD + 4, b"\xff\xff\xff\xff", 1),
        (SECOND_RECORD + 60, b"\xff" * 30, 1),  # its content
        (4096, b"xxxx", 0),  # magic of the chunk
        (4096 + 8, bytes(500), 0),  # the chunk's header wiped out
        (4096 + 8, b"\xff" * 500, 0),
        (4096 + CHUNK, b"\x77" * CHUNK, 86),  # a whole chunk overwritten
    ],
)
def test_damage_costs_only_what_it_hit(tmp_path: Path, sound: bytes, at: int, by: bytes, lost: int) -> None:
    every = ids(opened(tmp_path, sound))
    file = opened(tmp_path, damaged(sound, at, by))

    found = ids(file)

    assert len(every) == 2261
    assert len(found) == len(every) - lost
    assert set(found) <= set(every)
    assert bool(file.problems) or not lost
    assert all("byte" in sentence for _, sentence in file.problems)


def test_a_file_cut_in_the_middle_of_a_chunk_gives_the_records_before_the_cut(tmp_path: Path, sound: bytes) -> None:
    whole = ids(opened(tmp_path, sound[: 4096 + 3 * CHUNK]))
    file = opened(tmp_path, sound[: 4096 + 3 * CHUNK + 40_000])

    found = ids(file)

    assert found[: len(whole)] == whole
    assert len(found) > len(whole) + 30
    assert any("bị cắt" in sentence for _, sentence in file.problems)


def test_chunks_that_have_moved_are_found_again(tmp_path: Path, sound: bytes) -> None:
    file = opened(tmp_path, sound[:4096] + b"junk" * 777 + sound[4096 : 4096 + 3 * CHUNK])

    assert ids(file) == ids(opened(tmp_path, sound[: 4096 + 3 * CHUNK]))


def test_a_file_copied_while_windows_wrote_gives_the_records_its_header_does_not_list_yet(
    tmp_path: Path, sound: bytes
) -> None:
    chunk = bytearray(sound[4096 : 4096 + CHUNK])
    fifth = 512
    for _ in range(4):
        last, fifth = fifth, fifth + struct.unpack_from("<I", chunk, fifth + 4)[0]
    struct.pack_into("<QQQQIII", chunk, 8, 1, 4, 1, 4, 128, last, fifth)
    file = opened(tmp_path, sound[:4096] + bytes(chunk))

    assert len(ids(file)) == 91
    assert file.problems == []


def test_unused_chunks_are_no_damage(tmp_path: Path, sound: bytes) -> None:
    file = opened(tmp_path, sound[: 4096 + CHUNK] + bytes(3 * CHUNK))

    assert len(ids(file)) == 91
    assert file.problems == []


def test_noise_behind_the_header_is_one_sentence(tmp_path: Path) -> None:
    file = opened(tmp_path, b"ElfFile\x00" + b"\xa5" * 1_000_000)

    assert ids(file) == []
    assert len(file.problems) == 1


def test_evtx_through_a_pipe_needs_no_seeking(sound: bytes) -> None:
    class Pipe(io.BytesIO):
        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

    assert len(list(open_stream(Pipe(sound)))) == 2261


def test_an_event_longer_than_the_caller_takes_is_left_out_and_told(tmp_path: Path, sound: bytes) -> None:
    lengths = [len(raw) for _, raw in opened(tmp_path, sound)]
    file = open_records(tmp_path / "log.evtx", record_bytes=max(lengths) - 1)

    assert len(list(file)) == sum(length < max(lengths) for length in lengths)
    assert "quá giới hạn" in file.problems[0][1]
