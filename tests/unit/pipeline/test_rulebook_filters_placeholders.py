"""A rulebook with filters and lists: read from files, cached, and read again when the lists change."""

from pathlib import Path

import msgspec
import pytest

from dekhang.engine import Record, Rule, serial
from dekhang.engine.reference import matches
from dekhang.engine.sigma import read_rules
from dekhang.pipeline.rulebook import PlaceholderError, Rulebook, load_rules, read_placeholders

RULE = """\
title: Log on to a server
id: 11111111-2222-4333-8444-555555555555
logsource: {product: linux}
detection:
  selection: {host|expand: '%Servers%'}
  condition: selection
"""
FILTER = """\
title: Known
logsource: {product: linux}
filter:
  rules: [11111111-2222-4333-8444-555555555555]
  selection: {user: quantri}
  condition: selection
"""
CORRELATIONS = """\
title: one
correlation:
  {type: value_percentile, rules: [a, b], timespan: 5m, group-by: [x], condition: {field: y, percentile: 95.5, gt: 1, lte: 2}}
---
title: two
correlation: {type: temporal, rules: [a, b], timespan: 5m, condition: a and not (b or a), aliases: {x: {a: p, b: q}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "rule.yml").write_text(RULE)
    (rules / "filter.yml").write_text(FILTER)
    return rules


def fires(book: Rulebook, host: str, user: str = "an") -> bool:
    record = Record({"host": host, "user": user}, "linux", "auth")
    return any(matches(rule, record, book.ruleset.mapping) for rule in book.rules)


def test_filters_of_the_folder_apply_from_files_and_from_the_cache(folder: Path, tmp_path: Path) -> None:
    for _ in ("parsed", "cached"):
        book = load_rules([folder], cache=tmp_path / "cache", placeholders={"Servers": ["srv-*"]})
        assert [one.title for one in book.filters] == ["Known"] and book.errors == book.skipped == ()
        assert fires(book, "srv-1") and not fires(book, "srv-1", "quantri")


def test_other_lists_are_not_served_from_the_cache(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert fires(load_rules([folder], cache=cache, placeholders={"Servers": ["srv-*"]}), "srv-1")
    changed = load_rules([folder], cache=cache, placeholders={"Servers": ["may-chu-*"]})
    assert not fires(changed, "srv-1") and fires(changed, "may-chu-1")


def test_a_rule_without_its_list_is_skipped_and_the_list_named(folder: Path) -> None:
    book = load_rules([folder], cache=None)
    assert book.rules == ()
    reasons = " ".join(one.reason for one in book.skipped)
    assert "%Servers%" in reasons and "11111111-2222-4333-8444-555555555555" in reasons
    (empty, *_) = load_rules([folder], cache=None, placeholders={"Servers": []}).skipped
    assert "%Servers%" in empty.reason and "trống" in empty.reason


def test_lists_are_read_from_a_settings_file(tmp_path: Path) -> None:
    path = tmp_path / "lists.yml"
    path.write_text("Servers: [srv-*, 7, srv-*]\nAdministrators: quantri\n")
    assert read_placeholders(path) == {"Servers": ("srv-*", "7"), "Administrators": ("quantri",)}
    path.write_text("# nothing yet\n")
    assert read_placeholders(path) == {}


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"Servers: [a\n", "YAML"),
        (b"- a\n", "Servers"),
        (b"Servers: [{a: b}]\n", "Servers"),
        (b"Servers: ['']\n", "Servers"),
        (b"Servers: [true]\n", "chữ hay số"),
        (b"'%Servers%': [a]\n", "%"),
        (b"7: [a]\n", "7"),
        (b"Servers: \xff\xfe\n", "UTF-8"),
        (b"Servers: [" + b"x, " * 400_000 + b"]\n", "KiB"),
    ],
)
def test_a_faulty_settings_file_is_named(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "lists.yml"
    path.write_bytes(content)
    with pytest.raises(PlaceholderError) as caught:
        read_placeholders(path)
    assert word in str(caught.value) and "lists.yml" in str(caught.value)


def test_a_settings_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlaceholderError, match="gone"):
        read_placeholders(tmp_path / "gone.yml")


def test_everything_that_is_read_survives_the_cache_format() -> None:
    outcomes = [one for text in (FILTER, CORRELATIONS) for one in read_rules(text.encode(), "x.yml")]
    assert len(outcomes) == 3 and sum(isinstance(one, Rule) for one in outcomes) == 2
    for one in outcomes:
        packed = msgspec.msgpack.decode(msgspec.msgpack.encode(serial.dump(one)))
        assert serial.load(packed, "x.yml") == one


@pytest.mark.parametrize(
    "forged",
    [
        ["filter", 1, ["i", "t"], ["", "", ""], ["r"], [99, "x"]],
        ["filter", 1, ["i"], ["", "", ""], [], None],
        ["filter", 1, ["i", "t"], ["", "", ""], [7], [11, "x"]],
    ],
)
def test_a_forged_filter_is_refused(forged: list) -> None:
    with pytest.raises(ValueError, match=r"not a dumped rule|correlation|tuple|unpack|enough"):
        serial.load(forged, "x.yml")


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, "event_counts"), (2, -5), (3, []), (3, [[9, 1]]), (3, [[0, "1"]]), (9, ["seen", 7]), (9, ["seen", True]), (9, ["and"]), (9, ["x", ["seen", 0]])],
)  # fmt: skip
def test_a_forged_correlation_is_refused(place: int, value: object) -> None:
    number = 1 if place == 9 else 0
    dumped = msgspec.msgpack.decode(
        msgspec.msgpack.encode(serial.dump(read_rules(CORRELATIONS.encode(), "x.yml")[number]))
    )
    dumped[5][place] = value
    with pytest.raises(ValueError, match=r"not a dumped rule|correlation|tuple|unpack|enough"):
        serial.load(dumped, "x.yml")
