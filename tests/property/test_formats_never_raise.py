"""Whatever bytes a file holds: nothing raises, chunks and iteration agree, and JSON is cut where it ought to be."""

import gzip
import io
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dekhang.pipeline.formats import FORMATS, open_stream
from dekhang.pipeline.formats.jsonstream import Cutter
from dekhang.pipeline.formats.problems import Problems

BRACKETS = (b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"\n", b"\r\n", b" ", b"\x00", b"a", b"\xff", b'{"a":1}')
HEADS = (b'"Records":[', b'"hits":{', b"<Event>", b"</Event>", b"<Events>", b"#Fields: a b\n", b"#separator \\x09\n")
JOURNAL = (
    b"__CURSOR=1\n",
    b"MESSAGE\n\x02\x00\x00\x00\x00\x00\x00\x00",
    b"#fields\ta\tb\n",
    b"a,b,c\n1,2,3\n",
    b"12.5\t",
)
MAGICS = (b"ElfFile\x00", b"ElfChnk\x00", b"**\x00\x00", b"PK\x03\x04", b"\x1f\x8b\x08", b"\xff\xfe", b"ustar\x0000")
PIECES = st.sampled_from((*BRACKETS, *HEADS, *JOURNAL, *MAGICS))
CONTENT = st.one_of(st.binary(max_size=600), st.lists(PIECES, max_size=60).map(b"".join))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(st.dictionaries(st.text(max_size=8), VALUES, max_size=4), max_size=6)


@settings(max_examples=300, deadline=None)
@given(
    content=CONTENT,
    name=st.sampled_from(["log", "log.csv"]),
    kind=st.sampled_from([None, *FORMATS]),
    pack=st.booleans(),
)
def test_nothing_raises_and_chunks_agree_with_iteration(
    content: bytes, name: str, kind: str | None, pack: bool
) -> None:
    content = gzip.compress(content) if pack else content
    file = open_stream(io.BytesIO(content), name, format=kind)
    chunked = open_stream(io.BytesIO(content), name, format=kind)

    one_by_one = list(file)
    chunks = list(chunked.chunks(64))

    together = [(chunk.first_index + n, raw) for chunk in chunks for n, raw in enumerate(chunk.records())]
    assert together == one_by_one
    assert [index for index, _ in one_by_one] == list(range(len(one_by_one)))
    assert list(file.problems) == list(chunked.problems)


@settings(max_examples=200, deadline=None)
@given(
    records=RECORDS,
    block=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
    nested=st.booleans(),
)
def test_an_array_is_cut_into_its_objects(
    records: list[dict[str, Any]], block: int, indent: int | None, ascii_only: bool, nested: bool
) -> None:
    document: Any = [records, records] if nested else records
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    cutter = Cutter(Problems(), first_index=0)

    found = [raw for at in range(0, len(text), block) for raw in cutter.feed(text[at : at + block])]

    assert all(text.count(raw) for raw in found)
    expected = records * 2 if nested else records
    if not cutter.in_envelope:  # a record may look like an answer
        assert [json.loads(raw.decode("utf-8", "surrogatepass")) for raw in found] == expected
