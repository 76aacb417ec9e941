"""Request bodies: whatever arrives, no document is lost unseen, and memory is bounded."""

import gzip
import json
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dekhang.pipeline.receive.body import BodyProblem, decode
from dekhang.pipeline.receive.bulk import answer_bulk, ids_from_key, read_bulk, read_lines, sender_id

document = st.binary(max_size=30).filter(lambda b: b"\n" not in b and b.strip()).map(lambda b: b"d" + b + b"d")
action = st.sampled_from(
    [
        b'{"index":{}}',
        b'{"create":{"_index":"a"}}',
        b'{"index":{"_id":"7"}}',
        b'{"delete":{"_id":"7"}}',
        b'{"update":{}}',
    ]
)


@given(st.lists(st.tuples(action, document), max_size=12))
def test_every_document_of_a_bulk_is_kept_or_refused_and_has_its_item(pairs: list[tuple[bytes, bytes]]) -> None:
    lines: list[bytes] = []
    kept: list[bytes] = []
    for line, text in pairs:
        lines.append(line)
        if b"delete" not in line:
            lines.append(text)
        if b"index" in line.split(b":")[0] or b"create" in line:
            kept.append(text)
    bulk = read_bulk(b"\n".join(lines) + b"\n", "mac-dinh")
    assert bulk.records == kept
    assert len(bulk.items) == len(pairs)
    assert [item.action.encode() for item in bulk.items] == [line.split(b'"')[1] for line, _ in pairs]
    answer = json.loads(answer_bulk(bulk, 100, 0, lean=False))
    assert len(answer["items"]) == len(pairs)


@given(st.binary(max_size=300))
def test_any_bytes_as_a_bulk_lose_no_line_and_never_raise(body: bytes) -> None:
    bulk = read_bulk(body, "x")
    accounted = len(bulk.records) + sum(refused.records for refused in bulk.refused.values())
    assert accounted == len(bulk.items) == len(bulk.records) + sum(bool(item.problem) for item in bulk.items)
    assert len(bulk.ids) == len(bulk.records)
    plain = [line for line in body.split(b"\n") if line.strip() and not line.lstrip().startswith(b"{")]
    assert {line.removesuffix(b"\r") for line in plain} <= set(bulk.records)
    json.loads(answer_bulk(bulk, 0, 0, lean=True))


@given(st.binary(max_size=300))
def test_any_bytes_as_lines_are_kept_whole(body: bytes) -> None:
    lines = read_lines(body)
    if not body.lstrip().startswith(b"["):
        assert lines.records == [
            line.removesuffix(b"\r") for line in body.split(b"\n") if line.removesuffix(b"\r").strip()
        ]


def test_a_damaged_array_is_kept_as_it_came() -> None:
    assert read_lines(b'[{"a":1},{"b"').records == [b'[{"a":1},{"b"']


def test_an_id_counts_within_its_index_and_long_ones_become_digests() -> None:
    assert sender_id("a", "1") != sender_id("b", "1")
    assert len(sender_id("a", "x" * 5000)) < 60
    assert len(set(ids_from_key("k", 1000))) == 1000
    assert ids_from_key("k", 3) == ids_from_key("k", 3) != ids_from_key("m", 3)


PACKERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
    "identity": bytes,
    "": bytes,
}


@pytest.mark.parametrize("encoding", PACKERS)
def test_a_body_is_unpacked_up_to_the_limit_and_not_beyond(encoding: str) -> None:
    text = b"dong nhat ky\n" * 1000
    assert decode(PACKERS[encoding](text), encoding, limit=len(text)) == text
    with pytest.raises(BodyProblem) as refused:
        decode(PACKERS[encoding](text), encoding, limit=len(text) - 1)
    assert refused.value.status == 413


def test_several_packed_members_in_a_row_are_one_body() -> None:
    assert decode(gzip.compress(b"a\n") + gzip.compress(b"b\n"), "gzip") == b"a\nb\n"
    assert decode(zstandard.compress(b"a\n") + zstandard.compress(b"b\n"), "zstd") == b"a\nb\n"


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "deflate"])
@given(st.binary(max_size=200))
def test_damaged_packing_is_a_sentence_not_a_crash(encoding: str, wire: bytes) -> None:
    try:
        decode(wire, encoding)
    except BodyProblem as problem:
        assert problem.status in (400, 413)
