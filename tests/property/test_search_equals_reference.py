"""The SQL of a question and its obvious meaning agree on any record, and a quoted value means exactly itself."""

import json
from ipaddress import IPv4Network
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dekhang.pipeline.stores.lake import SCHEMA
from dekhang.pipeline.stores.lake.grams import bitmap_of
from dekhang.pipeline.stores.search import QueryError, narrowed, parse, quoted
from dekhang.pipeline.stores.search.nodes import (
    And,
    Compare,
    Exists,
    Field,
    Ids,
    Network,
    Node,
    Not,
    Or,
    Text,
    Wild,
)
from dekhang.pipeline.stores.search.pruning import sieve
from dekhang.pipeline.stores.search.reference import matches
from dekhang.pipeline.stores.search.sql import Parameters, condition

# few letters, so that questions and records meet; all kinds of trouble among them
LETTERS = st.text("aAăẶệdđĐ\u0301\u0323ß1.*?\\/\"'[]{}() \n-ı", min_size=1, max_size=6)
WORDS = st.one_of(
    LETTERS, st.sampled_from(["không dấu", "KHONG DAU", "Thúy", "Thu\u0301y", "C:\\Windows", "192.0.2.7"])
)
NAMES = st.sampled_from(
    ["user", "User", "EventID", "event id", "alert.signature", "Tên/lạ", 'a"b', "c~d", "host", "ip"]
)
SPELLED = st.sampled_from(["User", "EventID", "alert.signature", "Tên/lạ", 'a"b', "c~d", "IpAddress", "Computer"])
ADDRESSES = st.sampled_from(["192.0.2.7", "192.0.2.200", "10.0.0.1", "192.0.02.7", "2001:db8::1", "256.0.0.1"])
SCALARS = st.one_of(
    WORDS,
    ADDRESSES,
    st.integers(-5, 5000),
    st.sampled_from([5.0, 2.5, -0.25]),
    st.booleans(),
    st.none(),
    st.sampled_from(["4625", "-3", "1e5", "0x10", " 7", "nan", "12345678901234567890"]),
)
DOCUMENTS = st.dictionaries(SPELLED, st.one_of(SCALARS, st.lists(SCALARS, max_size=3)), max_size=4)


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(SCHEMA.names, "")
    document = draw(DOCUMENTS)
    row |= {"event_id": draw(st.integers(1, 5)), "unit_id": 1, "source_id": 2, "time": 0, "received_at": 0}
    row |= {"host": draw(WORDS), "user": draw(WORDS), "src_ip": draw(ADDRESSES), "message": draw(WORDS)}
    row |= {"problem": draw(st.one_of(st.none(), WORDS)), "raw_base64": False}
    match draw(st.sampled_from(["flat", "flat, letters as numbers", "text", "binary"])):
        case "flat":
            row |= {"raw": orjson.dumps(document).decode(), "fields": None}
        case "flat, letters as numbers":
            row |= {"raw": json.dumps(document), "fields": None}
        case "text":
            row |= {"raw": draw(WORDS), "fields": orjson.dumps(document).decode()}
        case "binary":
            row |= {"raw": "AAECAw==", "raw_base64": True, "fields": orjson.dumps(document).decode()}
    return row


@st.composite
def patterns(draw: st.DrawFn) -> tuple[str | Wild, ...]:
    if draw(st.booleans()):  # likely to be found
        inside = draw(st.sampled_from(["a", "đ", "1", "không", "ú", "\\", ".", "t"]))
        return (Wild.MANY, inside, *draw(st.sampled_from([(), (Wild.ONE,), (Wild.MANY,)])), Wild.MANY)
    pieces = draw(st.lists(st.one_of(WORDS, st.sampled_from(Wild)), min_size=1, max_size=4))
    return tuple(pieces) if any(isinstance(piece, str) for piece in pieces) else (*pieces, draw(WORDS))


NETWORKS = st.builds(
    lambda address, bits: IPv4Network((address, bits), strict=False),
    st.sampled_from(["192.0.2.7", "10.0.0.1", "192.0.2.128"]),
    st.integers(0, 32),
)
CONDITIONS = st.one_of(
    st.builds(Text, patterns()),
    st.builds(Field, NAMES, patterns()),
    st.builds(Exists, NAMES),
    st.builds(Compare, NAMES, st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from([-3.0, 0.0, 2.5, 4625.0])),
    st.builds(Network, st.sampled_from(["ip", "src_ip", "IpAddress"]), NETWORKS),
    st.builds(Ids, st.just("event"), st.frozensets(st.integers(1, 5))),
)
QUESTIONS = st.recursive(
    CONDITIONS,
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(lambda found: And(tuple(found)), st.lists(parts, min_size=1, max_size=3)),
        st.builds(lambda found: Or(tuple(found)), st.lists(parts, min_size=1, max_size=3)),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def table():
    connection = duckdb.connect(":memory:", config={"threads": 1})
    types = {"event_id": "BIGINT", "unit_id": "BIGINT", "source_id": "BIGINT", "raw_base64": "BOOLEAN"}
    columns = ", ".join(f'"{name}" {types.get(name, "VARCHAR")}' for name in SCHEMA.names)
    connection.execute(f"CREATE TABLE lake ({columns})")
    yield connection
    connection.close()


def asked(table: duckdb.DuckDBPyConnection, question: Node, records: list[dict[str, Any]]) -> list[bool]:
    table.execute("DELETE FROM lake")
    marks = ", ".join("?" * len(SCHEMA.names))
    table.executemany(f"INSERT INTO lake VALUES ({marks})", [[row[name] for name in SCHEMA.names] for row in records])
    parameters = Parameters()
    sql = condition(question, parameters)
    return [one for (one,) in table.execute(f"SELECT {sql} FROM lake ORDER BY rowid", parameters.values).fetchall()]


@settings(max_examples=150, deadline=None)
@given(question=QUESTIONS, records=st.lists(rows(), min_size=1, max_size=8))
def test_sql_says_what_the_question_means(table, question, records):
    assert asked(table, question, records) == [matches(question, row) for row in records]


@settings(max_examples=150, deadline=None)
@given(question=QUESTIONS, records=st.lists(rows(), min_size=1, max_size=8))
def test_no_row_group_is_left_unread_that_has_an_answer(question, records):
    may_match = sieve(question)
    for row in records:
        if may_match is not None and matches(question, row):
            # the user's and address's columns are filled from what is in the text
            table = pa.Table.from_pylist([row | {"message": f"{row['message']} {row['user']} {row['src_ip']}"}])
            texts = {name: table.column(name).cast(pa.string()) for name in ("raw", "fields", "message")}
            table = pa.table({**texts, "raw_base64": table.column("raw_base64")})
            assert may_match(bitmap_of(table, budget_bytes=1 << 20))


@settings(max_examples=150, deadline=None)
@given(value=st.one_of(WORDS, st.text(max_size=12).filter(lambda text: "\x00" not in text)), exclude=st.booleans())
def test_a_quoted_value_means_exactly_itself(value, exclude):
    try:
        question = parse(narrowed("", "Tên lạ", value, exclude=exclude))
    except QueryError:
        assert not value
        return
    expected = Field("Tên lạ", (value,))
    assert question == (Not(expected) if exclude else expected)
    assert parse(f"{quoted('x' + value)}") == Text(("x" + value,))


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet=' ()"“”:-\\*?<>=abOR1.ANDNOTÀẶ', max_size=40))
def test_any_text_is_a_question_or_a_sentence_with_its_place(text):
    try:
        parse(text)
    except QueryError as fault:
        assert 0 <= fault.position <= len(text)
        assert fault.reason[0].isupper() or fault.reason[0] == "“"
