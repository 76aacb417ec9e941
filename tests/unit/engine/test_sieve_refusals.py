"""What the sieve refuses before machine code runs, and what it does not send to the reference."""

import json
from typing import Any

import numpy as np
import pytest

from dekhang.engine import Detector, Limits, Rule, compile_rules, default_mapping
from dekhang.engine.expressions import And, Atom, Expression, Not, TextTest
from dekhang.engine.rules import Logsource
from dekhang.engine.sieve import sieve as module
from dekhang.pipeline.parse import parse
from dekhang.pipeline.parse.windows_shape import windows_shape

EVIL = Atom("CommandLine", TextTest("contains", "evil"))


def detector_of(condition: Expression) -> Detector:
    rule = Rule(id="r", title="t", level="low", path="p", logsource=Logsource("windows"), condition=condition)
    return Detector(compile_rules([rule], default_mapping()))


def line_of(**fields: Any) -> bytes:
    return json.dumps({"EventID": 1, "Channel": "Security", **fields}, ensure_ascii=False).encode()


def sift(detector: Detector, data: bytes, starts: list[int], ends: list[int]) -> tuple[int, list[int]]:
    """Return how many lines match, and which were parsed."""
    parsed = []

    def parse_line(number: int) -> Any:
        parsed.append(number)
        return parse(data[starts[number] : ends[number]], source_kind="", received_ms=0).record

    found = detector.process_lines(data, np.array(starts), np.array(ends), windows_shape, parse_line)
    return len(found), parsed


@pytest.mark.parametrize(("starts", "ends"), [([0], [99_999]), ([-8], [2]), ([0, 1], [2]), ([10**10], [10**10 + 5])])
def test_lines_outside_of_their_data_are_refused(starts: list[int], ends: list[int]) -> None:
    with pytest.raises(ValueError, match="lines: some begin or end outside"):
        sift(detector_of(EVIL), line_of(), starts, ends)


def test_a_line_that_ends_before_it_begins_is_nothing() -> None:
    line = line_of(CommandLine="evil")
    assert sift(detector_of(EVIL), line, [5], [2])[0] == 0


def test_more_data_than_places_can_count_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DATA_BYTES_MAX", 20)
    with pytest.raises(ValueError, match="at most 20"):
        sift(detector_of(EVIL), line_of(), [0], [5])


@pytest.mark.parametrize("wrong", [{"values": 0}, {"values": 3}, {"value_bytes": -1}, {"values_per_field": -1}])
def test_limits_that_make_no_table_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Limits(**wrong)


def test_a_vietnamese_letter_is_not_taken_for_every_single_sign() -> None:
    detector = detector_of(And((Not(EVIL), Atom("CommandLine", TextTest("contains", "\u231b")))))
    lines = [line_of(CommandLine="Báo cáo tháng 5"), line_of(CommandLine="x \u231b y"), line_of(CommandLine="ascii")]
    ends = np.cumsum([len(line) + 1 for line in lines]) - 1
    starts = [0, *(ends[:-1] + 1).tolist()]
    assert sift(detector, b"\n".join(lines), starts, ends.tolist()) == (1, [1])


def test_a_flood_of_names_is_left_to_the_parser() -> None:
    detector = detector_of(EVIL)
    lines = [line_of(**{f"n{number}_{key}": 1 for key in range(400)}) for number in range(20)]
    ends = np.cumsum([len(line) + 1 for line in lines]) - 1
    matched, parsed = sift(detector, b"\n".join(lines), [0, *(ends[:-1] + 1).tolist()], ends.tolist())
    assert matched == 0
    assert 0 not in parsed and 19 in parsed  # names are learned while there is credit, 4,096 of them
