"""Compiled rules that were kept are looked through before machine code, which checks no index, runs on them."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from dekhang.engine import compile_rules, default_mapping
from dekhang.engine.rules import Rule
from dekhang.engine.ruleset import RuleSet
from dekhang.engine.sieve import Code, compile_code
from dekhang.engine.sieve.sound import arrays, check
from dekhang.pipeline.codecache import pack, unpack
from dekhang.pipeline.rulebook import load_rules
from tests.conftest import PROJECT, clean_environment

# what stands in them is compared, never followed
CONTENT = ("Literals.texts", "Literals.bits", "Literals.flags", "Literals.gram_keys", "Literals.whole_keys")
INDEXES = (
    *(f"Programs.{name}" for name in ("starts", "atoms", "holds", "fails", "trigger_starts", "triggered")),
    *(f"Columns.{name}" for name in ("present_starts", "present", "valued_starts", "valued", "unsure_starts")),
    *(f"Columns.{name}" for name in ("unsure", "lettered_starts", "lettered", "raw", "whole", "indicators")),
    *(f"Literals.{name}" for name in ("starts", "lengths", "atom_starts", "atoms", "bit_starts", "bit_masks")),
    *(f"Literals.{name}" for name in ("strides", "shorts", "edge_starts", "edges", "gram_firsts", "gram_counts")),
    *(f"Literals.{name}" for name in ("gram_literals", "gram_offsets", "whole_literals")),
    *("rules", "readers", "asked.starts", "asked.members", "always", "keywords"),
)
MORE = """\
title: More
id: 11111111-2222-4333-8444-555555555555
logsource: {product: windows, category: process_creation}
detection:
  selection: {CommandLine|endswith: [.x, .yz], User|startswith: "q", Image|re: '[a-z]{3}ab+c', Title|contains|cased: "Ab"}
  words: [ab, Mimikatz]
  there: {ParentImage|exists: true}
  letters: {Description|contains: éa}
  condition: selection or words or (there and letters)
---
title: Nothing has to hold
id: 22222222-2222-4333-8444-555555555555
logsource: {product: windows, category: process_creation}
detection:
  selection: {Product: none}
  condition: not selection
"""


@pytest.fixture(scope="module")
def ruleset(tmp_path_factory: pytest.TempPathFactory) -> RuleSet:
    more = tmp_path_factory.mktemp("rules") / "more.yml"
    more.write_text(MORE)
    return load_rules([PROJECT / "rules", more], cache=None).ruleset


@pytest.fixture(scope="module")
def kept(ruleset: RuleSet) -> bytes:
    return pack(compile_code(ruleset.rules, ruleset.mapping, indicators=True))


@pytest.fixture
def code(kept: bytes) -> Code:
    """A code of its own for each test: tests spoil it."""
    return unpack(kept)


def array(code: Code, name: str) -> np.ndarray[Any, Any]:
    return arrays(code)[name][0]


def refusal(code: Code, ruleset: RuleSet) -> str:
    with pytest.raises(ValueError, match="compiled rules: ") as raised:
        check(code, ruleset.rules, ruleset.mapping)
    return str(raised.value)


def test_what_the_compiler_makes_is_sound(ruleset: RuleSet) -> None:
    for rules in (ruleset.rules, ruleset.rules[:3], ()):
        for indicators in (True, False):
            code = compile_code(rules, ruleset.mapping, indicators=indicators)
            check(unpack(pack(code)), rules, ruleset.mapping)


def test_no_array_is_forgotten(code: Code) -> None:
    """A new array belongs to INDEXES, or to CONTENT if nothing is reached by what stands in it."""
    assert {*INDEXES, *CONTENT} == set(arrays(code))


@pytest.mark.parametrize("name", INDEXES)
def test_a_number_out_of_range_is_found_in_any_array(name: str, code: Code, ruleset: RuleSet) -> None:
    numbers = array(code, name).reshape(-1)
    assert numbers.size, f"{name} is empty: the rules of this test should fill it"
    limits = np.iinfo(numbers.dtype)
    draw = Random(name)
    for wrong in (limits.max, limits.min or limits.max - 1, -3 if limits.min else 3):
        place = draw.randrange(numbers.size)
        before = numbers[place]
        numbers[place] = wrong
        refusal(code, ruleset)
        numbers[place] = before
    check(code, ruleset.rules, ruleset.mapping)


@pytest.mark.parametrize("name", ["Programs.holds", "Programs.fails"])
def test_questions_without_end_are_found(name: str, code: Code, ruleset: RuleSet) -> None:
    following = array(code, name)
    following[7] = 7
    assert f"{name} is not questions written earlier" in refusal(code, ruleset)


@pytest.mark.parametrize("name", ["Literals.gram_counts", "Literals.whole_literals"])
def test_a_hash_table_without_a_free_slot_is_found(name: str, code: Code, ruleset: RuleSet) -> None:
    slots = array(code, name)
    slots[:] = 1
    refusal(code, ruleset)


def test_a_program_that_could_be_told_twice_of_a_line_is_found(code: Code, ruleset: RuleSet) -> None:
    """There is room for each program once."""
    triggered = replace(code, always=np.unique(np.concatenate((code.always, code.programs.triggered[:1]))))
    assert "programs without triggers" in refusal(triggered, ruleset)
    twice = replace(code, always=np.repeat(code.always, 2))
    assert "each program once" in refusal(twice, ruleset)


def test_arrays_that_machine_code_is_not_made_for_are_found(code: Code, ruleset: RuleSet) -> None:
    fixed = code.rules.copy()
    fixed.flags.writeable = False
    for rules in (code.rules.astype(np.int64), fixed, np.repeat(code.rules, 2)[::2], code.rules.reshape(1, -1)):
        assert "rules is not" in refusal(replace(code, rules=rules), ruleset)


def test_an_array_of_another_length_is_found(code: Code, ruleset: RuleSet) -> None:
    for part in ("programs", "columns", "literals"):
        group = getattr(code, part)
        for name in group._fields:
            if f"{type(group).__name__}.{name}" == "Literals.texts":
                shorter = group.texts[:-1]
            else:
                shorter = getattr(group, name)[: len(getattr(group, name)) // 2].copy()
            refusal(replace(code, **{part: group._replace(**{name: shorter})}), ruleset)
    for name in ("rules", "keywords", "readers"):
        refusal(replace(code, **{name: getattr(code, name)[:-1].copy()}), ruleset)


def test_numbers_beside_the_arrays_are_checked(code: Code, ruleset: RuleSet) -> None:
    for changes in (
        {"atom_count": code.atom_count + 1},
        {"atom_count": 0},
        {"other_column": len(code.columns.whole)},
        {"indicator_atom": code.atom_count},
        {"indicator_atom": -1},
        {"indicator_program": len(code.rules)},
        {"column_names": {"Image": len(code.columns.whole)}},
        {"column_names": {"Image": -1}},
    ):
        refusal(replace(code, **changes), ruleset)


def test_code_of_other_rules_or_log_sources_is_found(code: Code, ruleset: RuleSet) -> None:
    fewer: tuple[Rule, ...] = ruleset.rules[: int(code.rules.max())]
    assert "rules" in refusal(code, compile_rules(fewer, ruleset.mapping))
    sources = replace(default_mapping(), sources=default_mapping().sources[1:])
    with pytest.raises(ValueError, match="readers"):
        check(code, ruleset.rules, sources)


# A process of its own, for it may crash. What passes the check runs over real-looking records.
FUZZ = """
import sys
from dataclasses import replace
from pathlib import Path
from random import Random
import numpy as np
from dekhang.engine import Detector, Limits
from dekhang.engine.sieve.sound import arrays, check
from dekhang.pipeline.codecache import unpack
from dekhang.pipeline.parse import parse
from dekhang.pipeline.rulebook import load_rules
from dekhang.pipeline.ruletests import TESTS_START, load_tests

kept, more, rounds = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]), int(sys.argv[3])
ruleset = load_rules([Path("rules"), more], cache=None).ruleset
examples = [case for test in load_tests(Path("rules")) for case in (*test.match, *test.no_match)]
records = []
for case in examples:
    for place, (moment, raw) in zip(range(3), case.render(TESTS_START)):
        records.append(parse(raw, source_kind=case.source, received_ms=int(moment.timestamp() * 1000)).record)
limits = Limits(values=1 << 10, value_bytes=1 << 16)
unspoiled = Detector(ruleset, code=unpack(kept), limits=limits).process(records)
draw = Random(20191210)
refused = ran = 0
for _ in range(rounds):
    code = unpack(kept)
    name, (array, _kind) = draw.choice(sorted((one for one in arrays(code).items() if one[1][0].size), key=lambda one: one[0]))
    numbers = array.reshape(-1)
    for _ in range(draw.choice((1, 1, 1, 40))):
        place = draw.randrange(numbers.size)
        old, limit = int(numbers[place]), np.iinfo(numbers.dtype)
        new = draw.choice((old - 1, old + 1, -1, -2, 0, int(numbers.max()), draw.randrange(numbers.size), draw.randint(limit.min, limit.max)))
        numbers[place] = min(max(new, limit.min), limit.max)
    if draw.random() < 0.1:
        code = replace(code, other_column=draw.randrange(-2, 900), indicator_atom=draw.randrange(-2, 4000))
    try:
        check(code, ruleset.rules, ruleset.mapping)
    except ValueError:
        refused += 1
        continue
    Detector(ruleset, code=code, limits=limits).process(records)
    ran += 1
print(len(records), len(unspoiled), refused, ran)
"""


def test_spoiled_code_is_refused_or_harms_nothing(kept: bytes, tmp_path: Path) -> None:
    """With NUMBA_BOUNDSCHECK=1 in the environment every index is checked besides (a minute more)."""
    (tmp_path / "kept").write_bytes(kept)
    (tmp_path / "more.yml").write_text(MORE)
    rounds = os.environ.get("DEKHANG_FUZZ_ROUNDS", "100")
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, tmp_path / "kept", tmp_path / "more.yml", rounds],
        cwd=PROJECT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    records, matches, refused, ran = map(int, done.stdout.split())
    assert records > 200 and matches > 50
    assert refused > int(rounds) // 5 and ran > int(rounds) // 5
