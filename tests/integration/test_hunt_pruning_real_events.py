"""No record that a rule of others matches is left unread when that rule is hunted: real events, real rules."""

import json
import lzma
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from dekhang.engine import Detector
from dekhang.pipeline.hunt.pruning import sieve_of
from dekhang.pipeline.hunt.target import Rules
from dekhang.pipeline.parse import parse
from dekhang.pipeline.rulebook import Rulebook, load_rules
from dekhang.pipeline.stores.lake.grams import bitmap_of

pytestmark = pytest.mark.shared
ONE_IN = 60  # of the real events


@pytest.fixture(scope="module")
def book(shared: Path, tmp_path_factory) -> Rulebook:
    return load_rules([shared / "sigma" / "rules" / "windows"], cache=tmp_path_factory.mktemp("cache"))


def read(bitmap, ruleset, place: int) -> bool:
    """Whether a row group with this bitmap is read when one rule is hunted."""
    rule = ruleset.rules[place]
    one = Rules(type(ruleset)((rule,), ruleset.mapping, ((),), frozenset(), ()), None, None, frozenset(), 0)  # type: ignore[arg-type]
    sieve = sieve_of(one)
    return sieve is None or sieve(bitmap)


def bitmap(raw: bytes):
    columns = {"raw": [raw.decode()], "fields": [None], "message": [""], "raw_base64": [False]}
    kinds = pa.schema(
        [("raw", pa.string()), ("fields", pa.string()), ("message", pa.string()), ("raw_base64", pa.bool_())]
    )
    return bitmap_of(pa.table(columns, kinds), budget_bytes=1 << 20)


def test_every_rule_is_read_where_it_matches_real_events_and_most_other_events_are_not(shared, book):
    detector = Detector(book.ruleset)
    matched = pruned = 0
    with lzma.open(shared / "windows" / "events.jsonl.xz") as lines:
        for number, line in enumerate(lines):
            if number % ONE_IN:
                continue
            raw = line.strip()
            event = parse(raw, source_kind="windows", received_ms=1_600_000_000_000)
            text = orjson.dumps(json.loads(raw)) if not event.fields_are_raw else raw
            found = detector.process([event.record])
            if not found:
                continue
            bits = bitmap(text)
            hit = {match.rule.id for match in found}
            for place, rule in enumerate(book.rules):
                if rule.correlation is not None:
                    continue
                if rule.id in hit:
                    matched += 1
                    assert read(bits, book.ruleset, place), (rule.id, rule.title, raw[:2000])
                elif place % 50 == 0:
                    pruned += not read(bits, book.ruleset, place)
    assert matched > 50
    assert pruned > matched
