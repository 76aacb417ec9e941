"""Chunks carry the same records as iteration, whatever the format, the packing and the size of the chunk."""

import gzip
import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from dekhang.pipeline.formats import Chunk, RecordFile, open_records, open_stream

DOCUMENTS = [json.dumps({"n": n, "pad": "x" * (n * 37 % 400)}).encode() for n in range(400)]
CONTENTS = {
    "jsonl": b"\n".join(DOCUMENTS) + b"\n",
    "jsonl without last line end": b"\n".join(DOCUMENTS),
    "crlf and blank lines": b"\r\n \t\r\n\r\n\n".join(DOCUMENTS) + b"\r\n\r\n",
    "lines": b"".join(b"Dec 10 09:00:00 may-chu app: %d\n" % n for n in range(500)),
    "array": b"[" + b",".join(DOCUMENTS) + b"]",
    "csv": b"a,b,c\n" + b"1,2,3\n" * 300,
    "w3c": b"#Fields: a b\n" + b"1 2\n" * 300,
    "xml": b"<Events>" + b"<Event a='1'>x\ny</Event>" * 300 + b"</Events>",
    "gz": gzip.compress(b"\n".join(DOCUMENTS)),
    "nothing": b"",
    "only blanks": b" \r\n\n\t\n",
}


def opened(folder: Path, content: bytes, **options: int) -> RecordFile:
    path = folder / "log"
    path.write_bytes(content)
    return open_records(path, **options)


def spelled_out(chunks: list[Chunk]) -> list[tuple[int, bytes]]:
    return [(chunk.first_index + number, raw) for chunk in chunks for number, raw in enumerate(chunk.records())]


@pytest.mark.parametrize("max_bytes", [1, 50, 1000, 4 << 20])
@pytest.mark.parametrize("content", CONTENTS)
def test_chunks_and_iteration_give_the_same_records(tmp_path: Path, content: str, max_bytes: int) -> None:
    file = opened(tmp_path, CONTENTS[content])
    expected = list(file)
    problems = list(file.problems)

    chunks = list(file.chunks(max_bytes))

    assert spelled_out(chunks) == expected
    assert list(file.problems) == problems == []
    assert file.records_read == len(expected)
    assert all(len(chunk) > 0 for chunk in chunks)


@pytest.mark.parametrize(
    ("content", "kind"),
    [("jsonl", "jsonl"), ("gz", "jsonl"), ("lines", "lines"), ("array", "records"), ("csv", "records")],
)
def test_a_chunk_says_what_its_records_are(tmp_path: Path, content: str, kind: str) -> None:
    assert {chunk.kind for chunk in opened(tmp_path, CONTENTS[content]).chunks()} == {kind}


def test_between_the_spans_of_a_chunk_there_are_only_line_ends_and_blanks(tmp_path: Path) -> None:
    [chunk] = opened(tmp_path, CONTENTS["crlf and blank lines"]).chunks()
    at = 0
    for start, end in zip(chunk.starts.tolist(), chunk.ends.tolist(), strict=True):
        assert not chunk.data[at:start].strip()
        assert chunk.data[start:end].strip() == chunk.data[start:end]
        at = end
    assert not chunk.data[at:].strip()


@pytest.mark.parametrize("max_bytes", [100, 3000, 4 << 20])
def test_a_json_line_too_long_is_left_out_told_and_counted_nowhere(tmp_path: Path, max_bytes: int) -> None:
    long = b'{"long":"' + b"x" * 10_000 + b'"}'
    content = b"\n".join([DOCUMENTS[1], long, long, DOCUMENTS[2], long])
    file = opened(tmp_path, content, record_bytes=2000)

    chunks = list(file.chunks(max_bytes))

    assert spelled_out(chunks) == [(0, DOCUMENTS[1]), (1, DOCUMENTS[2])]
    assert [position for position, _ in file.problems] == [1, 1, 2]
    assert list(file) == spelled_out(chunks)


@pytest.mark.parametrize("max_bytes", [100, 3000, 4 << 20])
def test_a_line_of_text_too_long_keeps_its_beginning(tmp_path: Path, max_bytes: int) -> None:
    file = opened(tmp_path, b"first\n" + b"y" * 10_000 + b"\nlast", record_bytes=2000)

    assert spelled_out(list(file.chunks(max_bytes))) == [(0, b"first"), (1, b"y" * 2000), (2, b"last")]
    assert [position for position, _ in file.problems] == [1]


def test_chunks_of_a_packed_file_cut_short_hold_what_came_before(tmp_path: Path) -> None:
    lines = [os.urandom(40).hex().encode() for _ in range(20_000)]
    file = opened(tmp_path, gzip.compress(b"\n".join(lines))[:-100_000])

    found = spelled_out(list(file.chunks()))

    assert [raw for _, raw in found[:1000]] == lines[:1000]
    assert "bị cắt" in file.problems[-1][1]
    assert file.problems[-1][0] == len(found)


def test_numbers_run_on_over_the_members_of_an_archive(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name in ("one.jsonl", "two.jsonl"):
            member = tarfile.TarInfo(f"logs/{name}")
            member.size = len(CONTENTS["jsonl"])
            archive.addfile(member, io.BytesIO(CONTENTS["jsonl"]))
    file = opened(tmp_path, out.getvalue())

    assert spelled_out(list(file.chunks())) == list(enumerate(DOCUMENTS * 2)) == list(file)


class Pipe(io.RawIOBase):
    """Bytes that come in small pieces and cannot be rewound."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        return self._content.readinto(memoryview(target)[:777])

    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("content", CONTENTS)
def test_a_pipe_gives_what_the_file_gives(tmp_path: Path, content: str) -> None:
    expected = list(opened(tmp_path, CONTENTS[content]))

    assert list(open_stream(io.BufferedReader(Pipe(CONTENTS[content])))) == expected
    assert list(open_stream(Pipe(CONTENTS[content]))) == expected  # type: ignore[arg-type]
