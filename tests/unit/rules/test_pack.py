"""Our own pack of rules: complete texts, examples that hold, canaries that the rest of the house relies on."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import yaml

from dekhang.demo.traces import canary_trace
from dekhang.engine import Detector, Match, Rule
from dekhang.engine.expressions import RegexTest, atoms
from dekhang.engine.predicates import is_linear
from dekhang.pipeline.parse import parse
from dekhang.pipeline.rulebook import Rulebook, load_rules
from dekhang.pipeline.ruletests import TESTS_START, Case, RuleTest, load_tests, run_test

FOLDER = Path(__file__).resolve().parents[3] / "rules"
RULE_FILES = sorted(path for path in FOLDER.rglob("*.yml") if not path.name.endswith(".test.yml"))
TESTS = {test.rule_path: test for test in load_tests(FOLDER)}

FAMILIES = {
    "brute_force", "canary", "command_and_control", "credential_access", "crypto_mining", "data_exposed", "defacement",
    "defense_evasion", "denial_of_service", "exfiltration", "ids_alert", "lateral_movement", "log_tampering", "malware",
    "malware_execution", "persistence", "phishing", "privilege_escalation", "ransomware", "remote_control",
    "seo_injection", "usb_worm", "web_attack", "web_scan", "web_shell",
}  # fmt: skip
EXAMPLE_NETWORKS = [ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "127.0.0.0/8")]
VIETNAMESE = re.compile(r"[ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ]", re.IGNORECASE)
ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rules([FOLDER], cache=None)


@pytest.fixture(scope="module")
def spoken(book: Rulebook) -> list[Rule]:
    """The rules that make alerts; the others only feed a correlation."""
    return [rule for place, rule in enumerate(book.rules) if place not in book.ruleset.silent]


def matches_of(book: Rulebook, case: Case) -> Iterator[Match]:
    """What the whole pack says about an example."""
    records = [
        parse(raw, source_kind=case.source, received_ms=int(moment.timestamp() * 1000), scope=1, key=number).record
        for number, (moment, raw) in enumerate(case.render(TESTS_START), 1)
    ]
    yield from Detector(book.ruleset).process(records)


def cases(part: str) -> list[tuple[RuleTest, Case]]:
    return [(test, case) for test in TESTS.values() for case in getattr(test, part)]


# -- the files ---------------------------------------------------------------------------------------------------


def test_every_rule_loads_and_has_a_log_source_here(book: Rulebook) -> None:
    assert [str(error) for error in book.errors] == []
    assert [str(one) for one in book.skipped] == []


def test_the_pack_is_as_large_as_promised(spoken: list[Rule]) -> None:
    assert len([rule for rule in spoken if rule.family != "canary"]) >= 45


def test_every_file_speaks_with_one_rule(spoken: list[Rule]) -> None:
    assert sorted(rule.path for rule in spoken) == [str(path) for path in RULE_FILES]


def test_ids_are_unique_random_uuids() -> None:
    documents = [one for path in RULE_FILES for one in yaml.safe_load_all(path.read_text("utf-8"))]
    ids = [one["id"] for one in documents]
    assert len(set(ids)) == len(ids)
    assert {uuid.UUID(one).version for one in ids} == {4}


def test_every_document_names_author_licence_and_date() -> None:
    for path in RULE_FILES:
        for one in yaml.safe_load_all(path.read_text("utf-8")):
            assert (one["author"], one["license"]) == ("Đề Kháng", "Apache-2.0"), path
            assert one["date"] and one["status"] and one["description"], path


def test_every_speaking_rule_admits_what_it_may_mistake(spoken: list[Rule]) -> None:
    assert [rule.path for rule in spoken if not rule.falsepositives] == []
    english = [text for rule in spoken for text in rule.falsepositives if text.isascii()]
    assert english == [], "officers read these: they are Vietnamese"


def test_suppliers_of_correlations_are_informational_and_give_no_guidance(book: Rulebook) -> None:
    suppliers = [book.rules[place] for place in book.ruleset.silent]
    assert suppliers
    assert [rule.path for rule in suppliers if rule.guidance is not None or rule.level != "informational"] == []


def test_every_attack_rule_names_a_tactic_and_a_technique(spoken: list[Rule]) -> None:
    technique = re.compile(r"attack\.t\d{4}(\.\d{3})?")
    for rule in spoken:
        if rule.family != "canary":
            assert any(technique.fullmatch(tag) for tag in rule.tags), rule.path
            assert any(re.fullmatch(r"attack\.[a-z\-]+", tag) for tag in rule.tags), rule.path


def test_every_regular_expression_takes_linear_time(book: Rulebook) -> None:
    slow = [
        (rule.path, atom.test.pattern)
        for rule in book.rules
        if rule.condition is not None
        for atom in atoms(rule.condition)
        if isinstance(atom.test, RegexTest) and not is_linear(atom.test.pattern, atom.test.flags)
    ]
    assert slow == []


# -- the words for the officer -----------------------------------------------------------------------------------


def test_every_rule_explains_itself_in_vietnamese(spoken: list[Rule]) -> None:
    for rule in spoken:
        guidance = rule.guidance
        assert guidance is not None, rule.path
        assert VIETNAMESE.search(guidance.title_vi), rule.path
        assert len(guidance.title_vi) <= 80, rule.path
        assert VIETNAMESE.search(guidance.meaning_vi), rule.path
        assert 60 <= len(guidance.meaning_vi) <= 400, rule.path
        assert guidance.meaning_vi.endswith("."), rule.path


def test_every_rule_says_what_to_do_first_in_two_to_five_sentences(spoken: list[Rule]) -> None:
    for rule in spoken:
        assert rule.guidance is not None
        actions = rule.guidance.first_actions_vi
        assert 2 <= len(actions) <= 5, rule.path
        assert all(VIETNAMESE.search(one) and one.endswith(".") and one[0].isupper() for one in actions), rule.path


def test_families_come_from_a_short_list(spoken: list[Rule]) -> None:
    assert {rule.family for rule in spoken} == FAMILIES


def test_titles_in_english_are_ascii_and_unlike_each_other(book: Rulebook) -> None:
    titles = [rule.title for rule in book.rules]
    assert all(title.isascii() for title in titles)
    assert len(set(titles)) == len(titles)


# -- the examples ------------------------------------------------------------------------------------------------


def test_every_rule_has_examples_of_both_kinds() -> None:
    assert sorted(TESTS) == RULE_FILES
    assert [str(path) for path, test in TESTS.items() if not test.match or not test.no_match] == []


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_examples_hold_through_the_real_parser_and_detector(path: Path, book: Rulebook) -> None:
    assert [str(failure) for failure in run_test(TESTS[path], book.rules)] == []


def test_a_near_miss_of_one_rule_wakes_no_other(book: Rulebook) -> None:
    woken = [
        (test.path.name, case.name, match.rule.title)
        for test, case in cases("no_match")
        for match in matches_of(book, case)
    ]
    assert woken == []


def test_every_example_is_what_its_source_should_send_and_carries_its_time() -> None:
    for part in ("match", "no_match"):
        for test, case in cases(part):
            for moment, raw in case.render(TESTS_START):
                event = parse(raw, source_kind=case.source, received_ms=int(moment.timestamp() * 1000) + 500)
                assert event.problem is None, (test.path.name, case.name, event.problem)
                assert event.time_from_event, (test.path.name, case.name)


def test_an_alert_knows_what_it_is_about(book: Rulebook) -> None:
    """Sites that leave the host out of their access log are the exception: all their alerts are about the unit."""
    nameless = []
    for test, case in cases("match"):
        for match in matches_of(book, case):
            if Path(match.rule.path) != test.rule_path or "cs-host" in match.rule.entity:
                continue
            moment, raw = case.render(TESTS_START)[match.index]
            fields = parse(raw, source_kind=case.source, received_ms=int(moment.timestamp() * 1000)).record.fields
            if not any(dict(match.group).get(name) or fields.get(name) for name in match.rule.entity):
                nameless.append((test.path.name, case.name))
    assert nameless == []


def test_examples_name_only_addresses_kept_for_documentation() -> None:
    for test in TESTS.values():
        for text in ADDRESS.findall(test.path.read_text("utf-8")):
            if not text.startswith("4."):  # versions of .NET and Defender
                assert any(ip_address(text) in network for network in EXAMPLE_NETWORKS), (test.path.name, text)


# -- canaries ----------------------------------------------------------------------------------------------------


def test_there_is_one_canary_rule_for_each_kind_of_source(spoken: list[Rule]) -> None:
    canaries = {Path(rule.path).stem: rule.level for rule in spoken if rule.family == "canary"}
    assert canaries == {"windows": "informational", "linux": "informational", "web": "informational"}


@pytest.mark.parametrize("kind", ["windows", "linux", "web"])
def test_the_trace_that_a_machine_leaves_wakes_its_canary_and_nothing_else(kind: str, book: Rulebook) -> None:
    at = datetime(2019, 12, 10, 2, 0, tzinfo=UTC)
    raw = canary_trace(kind, "00112233aabbccdd", host="may-thu", at=at)
    record = parse(raw, source_kind=kind, received_ms=int(at.timestamp() * 1000)).record

    (match,) = Detector(book.ruleset).process([record])

    assert Path(match.rule.path) == FOLDER / "canary" / f"{kind}.yml"
    assert "dekhang-canary-00112233aabbccdd" in " ".join(str(value) for value in match.fields.values())


def test_a_marker_without_its_nonce_is_no_canary(book: Rulebook) -> None:
    record = parse(b"<13>Dec 10 02:00:00 may-thu dekhang: dekhang-canary-", source_kind="linux", received_ms=0).record
    assert Detector(book.ruleset).process([record]) == []


# -- real logs ---------------------------------------------------------------------------------------------------


def counts(book: Rulebook, path: Path, kind: str) -> dict[str, int]:
    detector, found = Detector(book.ruleset), {}
    for line in path.read_bytes().splitlines():
        record = parse(line, source_kind=kind, received_ms=int(TESTS_START.timestamp() * 1000)).record
        for match in detector.process([record]):
            name = f"{Path(match.rule.path).parent.name}/{Path(match.rule.path).stem}"
            found[name] = found.get(name, 0) + 1
    return found


@pytest.mark.shared
def test_ten_thousand_ordinary_requests_wake_nothing(book: Rulebook, shared: Path) -> None:
    assert counts(book, shared / "web" / "apache_access.log", "web") == {}


@pytest.mark.shared
def test_a_real_server_under_password_guessing_is_told_so(book: Rulebook, shared: Path) -> None:
    found = counts(book, shared / "linux" / "auth.log", "linux")
    assert found["linux/ssh_brute_force"] >= 10
    assert found["linux/ssh_login_after_guessing"] == 1
    assert sum(found.values()) < 30  # of 7,121 lines
