"""Searching the lake's text: what is found is what is there, and an index never hides it."""

import base64

import numpy as np
import orjson
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from dekhang.pipeline.stores.lake.columns import SCHEMA
from dekhang.pipeline.stores.lake.grams import bitmap_of, may_hold, places_of
from dekhang.pipeline.stores.lake.searchtext import COLUMNS_READ, contains, plain

WORDS = ["Cảnh Báo", "C:\\Windows\\System32\\cmd.exe", "192.0.2.7", "10.0.17763.1/24", "đăng nhập", "POWERSHELL -enc", "ﬁ", "ẞ", "K", "\\u00e1", "\\\\may\\u20190001",
         "a" * 40, "5f2b7e1c9a3d4e6f8091a2b3c4d5e6f7", '"', "\n", "\x00", "日本", "e\u0301", "İ", "?"]  # fmt: skip
TEXTS = st.lists(st.sampled_from(WORDS) | st.text(max_size=12), max_size=6).map(" ".join)


@st.composite
def rows(draw):
    """Rows as the worker writes them: plain text, JSON with and without escapes, base64."""
    made = []
    for text in draw(st.lists(TEXTS, min_size=1, max_size=8)):
        text = text.encode("utf-8", "replace").decode()
        shape = draw(st.sampled_from(["text", "json", "ascii", "base64"]))
        if shape == "base64" or "\x00" in text:
            made.append((base64.b64encode(text.encode()).decode(), True, None))
        elif shape == "json":
            made.append((orjson.dumps({"text": text}).decode(), False, None))
        elif shape == "ascii":
            import json

            made.append((json.dumps({"text": text}), False, None))
        else:
            made.append((text, False, orjson.dumps({"other": text[::-1]}).decode()))
    return made


def table_of(made):
    schema = pa.schema([SCHEMA.field(name) for name in COLUMNS_READ])
    return pa.table(
        {
            "raw": [raw for raw, _, _ in made],
            "fields": [fields for _, _, fields in made],
            "message": ["" if encoded else raw[:20] for raw, encoded, _ in made],
            "raw_base64": [encoded for _, encoded, _ in made],
        },
        schema=schema,
    )


def obviously(made, needle):
    found = []
    for raw, encoded, fields in made:
        texts = [base64.b64decode(raw).decode() if encoded else raw, fields or "", "" if encoded else raw[:20]]
        found.append(any(plain(needle) in plain(text) for text in texts))
    return found


@settings(deadline=None, max_examples=150)
@given(rows(), TEXTS | st.text(min_size=1, max_size=6), st.integers(0, 200), st.integers(0, 40))
def test_what_is_found_is_what_is_there_and_no_bitmap_hides_it(made, other, start, length):
    table = table_of(made)
    there = "".join(raw for raw, _, _ in made)
    for needle in (other, there[start : start + length + 1], plain(there)[start : start + length + 1]):
        expected = [plain(needle[:256]) == "" or one for one in obviously(made, needle)]
        assert contains(table, [needle]).tolist() == expected
        bitmap = bitmap_of(table, budget_bytes=4_096)
        if any(expected):
            assert may_hold(bitmap, places_of(needle))


def test_accents_case_and_doubled_backslashes_do_not_count():
    table = table_of([('{"p":"C:\\\\Users\\\\Lan","m":"C\\u1ea3nh B\\u00e1o \\u0110\\u1ecf"}', False, None)])

    for needle in ("canh bao do", "CẢNH BÁO ĐỎ", r"c:\users\lan", r"C:\\Users\\Lan"):
        assert contains(table, [needle]).tolist() == [True], needle
        assert may_hold(bitmap_of(table, budget_bytes=4_096), places_of(needle))
    assert contains(table, ["canh bao xanh"]).tolist() == [False]


def test_a_bitmap_prunes_words_and_hashes_that_are_not_there():
    lines = [
        f"Dec 10 02:00:{n % 60:02} may sshd[{n}]: Failed password for root from 192.0.2.{n % 250}" for n in range(900)
    ]
    bitmap = bitmap_of(table_of([(line, False, None) for line in lines]), budget_bytes=4_096)

    assert not may_hold(bitmap, places_of("mimikatz"))
    for address in ("203.0.113.77", "192.0.3.15", "92.0.2.251", "192.0.2.2500"):
        assert not may_hold(bitmap, places_of(address)), address
    assert may_hold(bitmap, places_of("192.0.2.249"))
    assert not may_hold(bitmap, places_of("5f2b7e1c9a3d4e6f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7"))
    assert may_hold(bitmap, places_of("failed PASSWORD")) and may_hold(bitmap, places_of("ro"))


def test_a_bitmap_keeps_to_its_budget_and_one_that_says_nothing_is_not_kept():
    noise = base64.b85encode(np.random.default_rng(1).bytes(400_000)).decode()
    table = table_of([(noise[start : start + 1_000], False, None) for start in range(0, len(noise), 1_000)])
    lines = table_of([(noise[start : start + 20], False, None) for start in range(0, 20_000, 20)])

    assert len(bitmap_of(table, budget_bytes=16_384)) == 0
    assert 5_000 < len(bitmap_of(lines, budget_bytes=7_000)) <= 7_000
