"""Files of every format and packing become raw records; hostile and damaged ones become sentences."""

import csv
import gzip
import io
import json
import lzma
import os
import zipfile
from pathlib import Path

import orjson
import pytest
import zstandard

from dekhang.pipeline.formats import RecordFile, open_records
from dekhang.pipeline.formats import unpack as unpack_module

SHARED = Path(os.environ.get("DEKHANG_SHARED", Path(__file__).resolve().parents[4] / "shared"))
needs_shared = pytest.mark.skipif(
    not (SHARED / "data").is_dir(), reason="needs the real material: set DEKHANG_SHARED to its folder"
)
LINES = [b'{"a":1}', '{"b":"Tây Ninh"}'.encode(), b'{"c":[1,2]}']


def write(folder: Path, content: bytes, name: str = "upload") -> RecordFile:
    path = folder / name
    path.write_bytes(content)
    return open_records(path)


def raws(file: RecordFile) -> list[bytes]:
    return [raw for _, raw in file]


PACKINGS = {
    "plain": lambda data: data,
    "gz": gzip.compress,
    "xz": lzma.compress,
    "two xz streams": lambda data: lzma.compress(data[:5]) + lzma.compress(data[5:]),
    "zst": lambda data: zstandard.ZstdCompressor().compress(data),
    "zip": lambda data: zipped({"logs/one.jsonl": data}),
    "gz in zip": lambda data: zipped({"one.jsonl.gz": gzip.compress(data)}),
    "zip in gz": lambda data: gzip.compress(zipped({"one.jsonl": data})),
}


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_gives_the_same_records(tmp_path: Path, packing: str) -> None:
    file = write(tmp_path, PACKINGS[packing](b"\n".join(LINES) + b"\n"))

    assert list(file) == list(enumerate(LINES))
    assert file.problems == []


def test_lines_keep_order_over_chunk_borders_and_lose_blank_lines_and_crlf(tmp_path: Path) -> None:
    lines = [f"line {n} ".encode() + b"x" * (n % 3000) for n in range(3000)]
    file = write(tmp_path, b"\r\n\r\n".join(lines))

    assert raws(file) == lines


def test_a_long_line_is_cut_told_and_the_next_is_whole(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(b"first\n" + b"x" * 5_000_000 + b"\nlast\n")
    file = open_records(tmp_path / "upload", record_bytes=1_000_000)

    first, cut, last = raws(file)

    assert (first, len(cut), last) == (b"first", 1_000_000, b"last")
    assert [position for position, _ in file.problems] == [1]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array_gives_each_object_as_written(tmp_path: Path, indent: int | None) -> None:
    documents = [{"n": n, "text": 'a "]" and {brace} ê'} for n in range(50)]
    file = write(tmp_path, json.dumps(documents, indent=indent, ensure_ascii=False).encode())

    assert [orjson.loads(raw) for raw in raws(file)] == documents
    assert file.formats == {"json"}


def test_objects_printed_over_many_lines_are_records(tmp_path: Path) -> None:
    documents = [{"n": n, "inner": {"deep": [n]}} for n in range(5)]
    file = write(tmp_path, "\n".join(json.dumps(document, indent=4) for document in documents).encode())

    assert [orjson.loads(raw) for raw in raws(file)] == documents


def test_a_json_array_cut_short_gives_what_is_whole_and_a_sentence(tmp_path: Path) -> None:
    file = write(tmp_path, json.dumps([{"n": n} for n in range(20)], indent=1).encode()[:-30])

    assert 15 < len(raws(file)) < 20
    assert "JSON" in file.problems[0][1]


def test_deeply_nested_json_is_a_sentence_not_a_crash(tmp_path: Path) -> None:
    file = write(tmp_path, b'[{"a":1},' + b"[" * 200_000)

    assert raws(file) == [b'{"a":1}']
    assert "lồng nhau quá sâu" in file.problems[0][1]
    assert len(file.problems) == 2


def test_csv_rows_become_objects_named_by_the_header(tmp_path: Path) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows(
        [["EventID", "Channel", "CommandLine"], ["1", "Security", 'cmd "a, b"\nsecond line'], ["2", "System", ""]]
    )
    file = write(tmp_path, out.getvalue().encode())

    assert [orjson.loads(raw) for raw in raws(file)] == [
        {"EventID": "1", "Channel": "Security", "CommandLine": 'cmd "a, b"\nsecond line'},
        {"EventID": "2", "Channel": "System", "CommandLine": ""},
    ]


def test_csv_with_one_endless_quote_ends_with_a_sentence(tmp_path: Path) -> None:
    file = write(tmp_path, b'a,b,c\n1,2,3\n"' + b"x,y,z\n" * 200_000)

    assert orjson.loads(raws(file)[0]) == {"a": "1", "b": "2", "c": "3"}
    assert file.problems


def test_log_lines_with_commas_stay_lines(tmp_path: Path) -> None:
    lines = [b"Dec 10 09:00:00 may-chu app[1]: a, b, c", b"Dec 10 09:00:01 may-chu app[1]: d, e, f"]
    file = write(tmp_path, b"\n".join(lines), "trap.csv")

    assert raws(file) == lines


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_byte_order_marks_are_understood(tmp_path: Path, encoding: str) -> None:
    file = write(tmp_path, b"\r\n".join(LINES).decode().encode(encoding))

    assert raws(file) == LINES


def test_binary_noise_is_one_sentence_and_no_record(tmp_path: Path) -> None:
    file = write(tmp_path, b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 400)

    assert raws(file) == []
    assert "nhị phân" in file.problems[0][1]


@pytest.mark.parametrize("packing", ["gz", "xz", "zst", "zip"])
def test_a_bomb_stops_at_its_bound_with_a_sentence(
    tmp_path: Path, packing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack_module, "RATIO_FREE_BYTES", 4 << 20)
    monkeypatch.setattr(unpack_module, "RATIO", 100)
    file = write(tmp_path, PACKINGS[packing]((b"A" * 999 + b"\n") * 20_000))

    count = sum(1 for _ in file)

    assert count < 12_000
    assert any("quả bom nén" in sentence for _, sentence in file.problems)


def test_a_packed_file_cut_short_gives_its_first_part(tmp_path: Path) -> None:
    lines = [os.urandom(40).hex().encode() for _ in range(20_000)]
    file = write(tmp_path, gzip.compress(b"\n".join(lines))[:-100_000])

    found = raws(file)

    assert found[:1000] == lines[:1000]
    assert "bị cắt" in file.problems[-1][1]


def test_an_encrypted_or_broken_zip_is_a_sentence(tmp_path: Path) -> None:
    file = write(tmp_path, b"PK\x03\x04" + b"\x00" * 100)

    assert raws(file) == []
    assert len(file.problems) == 1


def test_packing_that_nests_too_deep_is_refused(tmp_path: Path) -> None:
    data = b"line\n"
    for _ in range(5):
        data = gzip.compress(data)
    file = write(tmp_path, data)

    assert raws(file) == []
    assert "lồng nhau" in file.problems[0][1]


def test_a_missing_file_raises_what_the_system_says(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_records(tmp_path / "none")


@needs_shared
def test_real_evtx_files_are_read_whole() -> None:
    counts = {}
    for path in sorted((SHARED / "data/windows/evtx").glob("*.evtx")):
        file = open_records(path)
        counts[path.name] = len(raws(file))
        assert file.problems == [], path
    assert sum(counts.values()) == 177
    assert counts["ID5140-5145-Bloodhound-SharpHound_enumeration_via_SMB.evtx"] == 91


@needs_shared
@pytest.mark.parametrize(
    ("name", "count", "problems"),
    [
        ("Application_no_crc32.evtx", 17, 0),
        ("sample-with-irregular-bool-values.evtx", 3028, 0),
        (
            "sample-with-zero-data-size-event.evtx",
            449,
            1,
        ),  # 114 lie behind the damage; readers that stop there lose them
        ("sample_with_a_bad_chunk_magic.evtx", 300, 7),
        ("security_bad_string_cache.evtx", 2261, 0),
    ],
)
def test_damaged_evtx_files_give_what_can_be_read(name: str, count: int, problems: int) -> None:
    file = open_records(SHARED / "data/windows/evtx_damaged" / name)

    assert len(raws(file)) == count
    assert len(file.problems) == problems


@needs_shared
@pytest.mark.parametrize("damage", ["header lost", "header missing", "packed"])
def test_evtx_without_its_header_is_rescued_from_its_chunks(tmp_path: Path, damage: str) -> None:
    data = (SHARED / "data/windows/evtx/ID5140-5145-Bloodhound-SharpHound_enumeration_via_SMB.evtx").read_bytes()
    content = {
        "header lost": b"\x00" * 4096 + data[4096:],
        "header missing": data[4096:],
        "packed": gzip.compress(data),
    }[damage]

    assert len(raws(write(tmp_path, content))) == 91


@needs_shared
def test_the_real_events_read_from_xz_keep_their_line_numbers() -> None:
    file = open_records(SHARED / "data/windows/events.jsonl.xz")
    for index, raw in file:
        if index == 999:
            assert orjson.loads(raw)["EventID"] == 10
            break
