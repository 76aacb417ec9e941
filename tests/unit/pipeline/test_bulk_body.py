"""Request bodies: whatever arrives, no document is lost unseen, and memory is bounded."""

import gzip
import json
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dekhang.pipeline.formats.limits import RECORD_BYTES
from dekhang.pipeline.receive.body import BodyProblem, decode
from dekhang.pipeline.receive.bulk import (
    LINES,
    TooManyLines,
    answer_bulk,
    ids_from_key,
    read_bulk,
    read_lines,
    sender_id,
)
from dekhang.pipeline.receive.hec import read_events, wrap_lines

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


def test_more_records_than_a_request_may_hold_are_refused_however_they_are_written() -> None:
    for body in (b"x\n" * (LINES + 1), b"[" + b"{}," * LINES + b"{}]"):
        with pytest.raises(TooManyLines):
            read_lines(body)
    with pytest.raises(TooManyLines):
        read_events(b"\n" * (LINES + 1))


def test_a_record_of_an_array_is_as_bounded_as_a_line() -> None:
    long = b'{"a":"' + b"x" * RECORD_BYTES + b'"}'
    lines = read_lines(b'[{"b":1},' + long + b"]")
    assert lines.records == [b'{"b":1}', long[:RECORD_BYTES]]
    assert (lines.oversize, lines.oversize_bytes) == (1, len(long) - RECORD_BYTES)


def test_what_the_address_says_cannot_make_small_lines_fill_the_memory() -> None:
    with pytest.raises(TooManyLines):
        wrap_lines([b"x"] * 100_000, {"host": "h" * 3000})
    longest = b"\x01" * RECORD_BYTES  # six bytes each, written as JSON
    assert wrap_lines([b"x", longest], {"host": "h"}) == [b'{"host":"h","event":"x"}', longest]
