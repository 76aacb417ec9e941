"""Rule files, good and bad: a fault names file, line and reason, and the rest of the file still loads."""

import pytest

from dekhang.engine import Rule, RuleError, Skipped
from dekhang.engine.sigma import read_rules

GOOD = """\
title: Example
id: 11111111-2222-4333-8444-555555555555
status: test
level: high
author: Somebody
license: DRL-1.1
references: [https://example.gov.vn/a]
tags: [attack.execution, attack.t1059.001]
logsource:
  product: windows
  category: process_creation
detection:
  sel:
    Image|endswith: '\\cmd.exe'
  condition: sel
"""

OURS = """\
dekhang:
  title_vi: "Thí dụ"
  meaning_vi: "Nghĩa là gì."
  first_actions_vi: ["Làm việc này."]
  family: example
  entity: [src_ip, Computer]
  incident_kind: intrusion
"""


def only(text: str | bytes) -> Rule | RuleError | Skipped:
    (outcome,) = read_rules(text.encode() if isinstance(text, str) else text, "rules/x.yml")
    return outcome


def test_author_licence_and_references_are_kept() -> None:
    rule = only(GOOD)
    assert isinstance(rule, Rule)
    assert (rule.author, rule.license, rule.references) == ("Somebody", "DRL-1.1", ("https://example.gov.vn/a",))
    assert (rule.id, rule.level, rule.family) == ("11111111-2222-4333-8444-555555555555", "high", "t1059")


def test_our_own_block_becomes_typed_guidance() -> None:
    rule = only(GOOD + OURS)
    assert isinstance(rule, Rule) and rule.guidance is not None
    assert (rule.title_vi, rule.family, rule.entity) == ("Thí dụ", "example", ("src_ip", "Computer"))
    assert rule.guidance.first_actions_vi == ("Làm việc này.",)


def test_without_our_block_the_alert_is_about_the_machine() -> None:
    rule = only(GOOD)
    assert isinstance(rule, Rule)
    assert rule.entity == ("Computer", "host")


@pytest.mark.parametrize(
    ("broken", "line", "word"),
    [
        (GOOD.replace("condition: sel", "condition: sel and other"), 15, "other"),
        (GOOD.replace("|endswith", "|endswiht"), 14, "endswiht"),
        (GOOD.replace("level: high", "level: very"), 4, "level"),
        (GOOD.replace("id: 11111111-2222-4333-8444-555555555555", "id: 7"), 2, ""),
        (GOOD.replace("logsource:\n  product: windows\n  category: process_creation\n", ""), 1, "logsource"),
        (GOOD.replace("'\\cmd.exe'", "'\\cmd.exe"), 0, "YAML"),
        (GOOD.replace("level: high", "level: high\nlevel: low"), 5, "level"),
        (GOOD.replace("Image|endswith: '\\cmd.exe'", "Image|re: '(unclosed'"), 14, "chính quy"),
        (GOOD.replace("condition: sel", "condition: sel | count() > 5"), 15, "condition"),
        (GOOD + OURS.replace("family: example", "famliy: example"), 20, "famliy"),
        (GOOD + OURS.replace("intrusion", "burglary"), 22, "incident_kind"),
        ("- just\n- a list\n", 1, "khóa"),
        ("", 1, "trống"),
        ("action: global\ntitle: x\n", 1, "action"),
    ],
)
def test_a_fault_is_named_with_its_line_and_reason(broken: str, line: int, word: str) -> None:
    error = only(broken)
    assert isinstance(error, RuleError), error
    assert error.path == "rules/x.yml"
    assert word in error.reason
    if line:
        assert error.line == line, error


def test_bytes_that_are_no_text_are_an_error_with_a_line() -> None:
    error = only(b"title: a\nx: \xff\xfe\n")
    assert isinstance(error, RuleError) and error.line == 2 and "UTF-8" in error.reason


def test_a_huge_file_is_refused_unread() -> None:
    assert isinstance(only(b"a" * (2 << 20)), RuleError)


def test_aliases_that_explode_are_refused() -> None:
    laughs = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join(['*' + old] * 10)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
    )
    assert isinstance(only(laughs + GOOD), RuleError)


def test_conditions_nested_without_end_are_refused() -> None:
    deep = GOOD.replace("condition: sel", "condition: " + "not (" * 300 + "sel" + ")" * 300)
    assert isinstance(only(deep), RuleError)


def test_a_bad_document_does_not_spoil_its_neighbours() -> None:
    outcomes = read_rules(f"{GOOD}---\ntitle: bad\n---\n{GOOD}".encode(), "x.yml")
    assert [type(one) for one in outcomes] == [Rule, RuleError, Rule]
    assert isinstance(outcomes[1], RuleError) and outcomes[1].line == 17


def test_an_unknown_placeholder_skips_the_rule_and_a_known_one_fills_it() -> None:
    text = GOOD.replace("Image|endswith: '\\cmd.exe'", "User|expand: '%Admins%'").encode()
    (skipped,) = read_rules(text, "x.yml")
    assert isinstance(skipped, Skipped) and "%Admins%" in skipped.reason
    (rule,) = read_rules(text, "x.yml", {"Admins": ["an", "binh"]})
    assert isinstance(rule, Rule) and "an" in repr(rule.condition) and "binh" in repr(rule.condition)
