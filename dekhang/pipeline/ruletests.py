"""A rule's own examples, `<rule>.test.yml`: what must match and what must not, as records that a receiver really gets.

`dekhang rules test` runs them, and the demo sends them through the real receivers.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from dekhang.engine import LogsourceMapping, Rule, RuleSet, compile_rules, default_mapping
from dekhang.pipeline.parse import parse
from dekhang.pipeline.parse.audit_join import joined

if TYPE_CHECKING:
    from dekhang.engine.sieve import Code

TESTS_START = datetime(2019, 12, 10, 2, 0, 0, tzinfo=UTC)
SOURCE_KINDS = ("windows", "linux", "web", "suricata", "syslog")
FILE_BYTES_MAX = 1 << 20
REPEAT_MAX = 10_000
VALUES_REMEMBERED, VALUE_BYTES = 1 << 12, 1 << 20  # an example is small, and there are many
RECORDS_MAX = 1_000
CASE_KEYS = frozenset(("name", "source", "records", "repeat", "step_seconds"))
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

PLACE = re.compile(r"\$\{(time:[a-z_]+|n)\}")
TIME_FORMS = ("iso", "syslog", "clf", "epoch", "epoch_ms")

Document: TypeAlias = "str | int | float | bool | list[Document] | dict[str, Document] | None"


class TestFileError(ValueError):
    """A test file is not as it should be. The message is a Vietnamese sentence; `line` counts from 1."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}")
        self.path, self.line, self.reason = path, line, reason


@dataclass(frozen=True, slots=True)
class Case:
    """Records that are sent one after the other.

    Args:
        source: the kind of source that sends them.
        records: a text is a line; anything else a JSON document.
        repeat: the records are sent that many times …
        step_seconds: … this much event time after the time before.
    """

    name: str
    source: str
    records: tuple[Document, ...]
    repeat: int = 1
    step_seconds: float = 1.0
    line: int = 1

    def render(self, start: datetime) -> list[tuple[datetime, bytes]]:
        """Return (event time, raw record) in order, with ${time:…} and ${n} filled in.

        The records of one round share their event time; `n` counts records from 1 over all rounds.
        """
        rendered: list[tuple[datetime, bytes]] = []
        for round_number in range(self.repeat):
            moment = start + timedelta(seconds=self.step_seconds * round_number)
            for record in self.records:
                filled = fill(record, moment, len(rendered) + 1)
                text = filled if isinstance(filled, str) else json.dumps(filled, ensure_ascii=False)
                rendered.append((moment, text.encode("utf-8", "surrogatepass")))
        return rendered


@dataclass(frozen=True, slots=True)
class RuleTest:
    """The examples of one rule file."""

    __test__ = False

    rule_path: Path
    path: Path
    match: tuple[Case, ...]
    no_match: tuple[Case, ...]


def fill(value: Any, moment: datetime, number: int) -> Any:
    """Return a document with every ${time:…} and ${n} in its texts replaced.

    A text that is nothing but ${n}, ${time:epoch} or ${time:epoch_ms} becomes a number, as senders write it.
    """
    if isinstance(value, str):
        whole = PLACE.fullmatch(value)
        if whole and whole[1] in ("n", "time:epoch", "time:epoch_ms"):
            return int(_written(whole[1], moment, number))
        return PLACE.sub(lambda found: _written(found[1], moment, number), value)
    if isinstance(value, list):
        return [fill(one, moment, number) for one in value]
    if isinstance(value, dict):
        return {key: fill(one, moment, number) for key, one in value.items()}
    return value


def _written(place: str, moment: datetime, number: int) -> str:
    if place == "n":
        return str(number)
    form = place.removeprefix("time:")
    if form == "iso":
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    if form == "syslog":
        return f"{MONTHS[moment.month - 1]} {moment.day:2d} {moment:%H:%M:%S}"
    if form == "clf":
        return f"{moment.day:02d}/{MONTHS[moment.month - 1]}/{moment:%Y:%H:%M:%S} +0000"
    if form == "epoch":
        return str(int(moment.timestamp()))
    return str(int(moment.timestamp() * 1000))


def test_path(rule_path: Path) -> Path:
    """Return where the examples of a rule file stand."""
    return rule_path.with_name(f"{rule_path.stem}.test.yml")


test_path.__test__ = False  # type: ignore[attr-defined]


def load_tests(folder: Path) -> list[RuleTest]:
    """Read every *.test.yml below a folder, in order of path.

    Raises:
        TestFileError: the first one that is not as it should be.
    """
    return [load_test(path) for path in sorted(folder.rglob("*.test.yml"))]


load_tests.__test__ = False  # type: ignore[attr-defined]


def load_test(path: Path) -> RuleTest:
    """Read one test file.

    Raises:
        TestFileError: it is not as it should be.
    """
    content = path.read_bytes()
    if len(content) > FILE_BYTES_MAX:
        raise TestFileError(path, 1, f"Tệp thử lớn hơn {FILE_BYTES_MAX // 1024} KiB; hãy dùng repeat thay vì chép lại.")
    try:
        root = yaml.compose(content, yaml.CSafeLoader)
        document = yaml.load(content, yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise TestFileError(path, mark.line + 1 if mark else 1, f"YAML sai cú pháp: {problem}.") from error
    if root is None or not isinstance(document, dict) or not set(document) <= {"match", "no_match"} or not document:
        raise TestFileError(path, 1, "Tệp thử chỉ có hai phần `match` và `no_match`, mỗi phần là danh sách ca thử.")
    lines = {name.value: [node.start_mark.line + 1 for node in cases.value] for name, cases in root.value}
    parts = {}
    for part in ("match", "no_match"):
        cases = document.get(part) or []
        if not isinstance(cases, list):
            raise TestFileError(path, 1, f"`{part}` phải là danh sách ca thử.")
        parts[part] = tuple(_case(path, line, case) for line, case in zip(lines.get(part, []), cases, strict=False))
    if not parts["match"]:
        raise TestFileError(path, 1, "Cần ít nhất một ca `match`: sự kiện mà luật phải phát hiện.")
    rule_path = path.with_name(path.name.removesuffix(".test.yml") + ".yml")
    return RuleTest(rule_path, path, parts["match"], parts["no_match"])


load_test.__test__ = False  # type: ignore[attr-defined]


# -- running them ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule that does not do what its examples say. `reason` is a Vietnamese sentence."""

    path: Path
    line: int
    case: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


def run_test(test: RuleTest, rules: Sequence[Rule], mapping: LogsourceMapping | None = None) -> list[Failure]:
    """Run a rule file's examples through the real parser and detector.

    Nothing comes after the records of an example: correlations that wait for the end of their window are judged then.

    Args:
        rules: all rules at hand; the file's own and the suppliers of its correlations are used.
        mapping: which records a logsource means; None = ours.
    """
    own = [rule for rule in rules if Path(rule.path) == test.rule_path]
    if not own:
        reason = f"Tệp thử không có luật dùng được bên cạnh ({test.rule_path.name})."
        return [Failure(test.path, 1, "", reason)]
    ruleset = compile_rules(_with_suppliers(own, rules), mapping or default_mapping())
    # imported only now: the demo sends examples and never detects, so it needs no machine code
    from dekhang.engine.sieve import compile_code

    code = compile_code(ruleset.rules, ruleset.mapping)
    wanted = {rule.id for rule in own}
    failures = []
    for case in test.match:
        if not wanted & _fired(case, ruleset, code):
            reason = f"Ca “{case.name}” phải được phát hiện nhưng luật {test.rule_path.name} không khớp."
            failures.append(Failure(test.path, case.line, case.name, reason))
    for case in test.no_match:
        if wanted & _fired(case, ruleset, code):
            reason = f"Ca “{case.name}” không được báo động nhưng luật {test.rule_path.name} lại khớp."
            failures.append(Failure(test.path, case.line, case.name, reason))
    return failures


def _with_suppliers(own: Sequence[Rule], rules: Sequence[Rule]) -> list[Rule]:
    by_name = {name: rule for rule in rules for name in rule.names}
    found: dict[str, Rule] = {}
    waiting = list(own)
    while waiting:
        rule = waiting.pop()
        if rule.id not in found:
            found[rule.id] = rule
            names = rule.correlation.rules if rule.correlation is not None else ()
            waiting.extend(by_name[name] for name in names if name in by_name)
    return list(found.values())


def _fired(case: Case, ruleset: RuleSet, code: "Code") -> set[str]:
    from dekhang.engine import Detector, Limits

    events = (
        parse(raw, source_kind=case.source, received_ms=int(moment.timestamp() * 1000), scope=1, key=number)
        for number, (moment, raw) in enumerate(case.render(TESTS_START))
    )
    records = sorted((event.record for event in joined(events)), key=lambda record: record.key)
    detector = Detector(ruleset, code=code, limits=Limits(VALUES_REMEMBERED, VALUE_BYTES))
    return {match.rule.id for match in (*detector.process(records), *detector.close())}


# -- reading -----------------------------------------------------------------------------------------------------


def _case(path: Path, line: int, case: Any) -> Case:
    def refuse(reason: str) -> TestFileError:
        return TestFileError(path, line, reason)

    if not isinstance(case, dict):
        raise refuse("Ca thử phải có các khóa name, source, records.")
    for key in case:
        if key not in CASE_KEYS:
            raise refuse(f"Ca thử có khóa lạ `{key}`; các khóa được dùng là {', '.join(sorted(CASE_KEYS))}.")
    name, source, records = case.get("name"), case.get("source"), case.get("records")
    if not isinstance(name, str) or not name.strip():
        raise refuse("Ca thử cần `name`: một câu nói ca này là gì.")
    if source not in SOURCE_KINDS:
        raise refuse(f"`source` của ca “{name}” phải là một trong: {', '.join(SOURCE_KINDS)}.")
    if not isinstance(records, list) or not 1 <= len(records) <= RECORDS_MAX:
        raise refuse(f"`records` của ca “{name}” phải là danh sách từ 1 đến {RECORDS_MAX} bản ghi.")
    if not all(isinstance(record, (str, dict)) for record in records):
        raise refuse(f"Mỗi bản ghi của ca “{name}” là một dòng chữ hoặc một tài liệu JSON (khóa: giá trị).")
    unknown = sorted({found for found in _places(records) if not _is_known(found)})
    if unknown:
        forms = ", ".join(f"${{time:{form}}}" for form in TIME_FORMS)
        raise refuse(f"Ca “{name}” dùng chỗ điền lạ ${{{unknown[0]}}}; được dùng {forms} và ${{n}}.")
    repeat, step = case.get("repeat", 1), case.get("step_seconds", 1)
    if not isinstance(repeat, int) or isinstance(repeat, bool) or not 1 <= repeat <= REPEAT_MAX:
        raise refuse(f"`repeat` của ca “{name}” phải là số nguyên từ 1 đến {REPEAT_MAX}.")
    if not isinstance(step, (int, float)) or isinstance(step, bool) or not 0 <= step <= 86_400:
        raise refuse(f"`step_seconds` của ca “{name}” phải là số từ 0 đến 86400.")
    return Case(name.strip(), source, tuple(map(_plain, records)), repeat, float(step), line)


def _plain(value: Any) -> Any:
    """YAML reads unquoted dates as dates; a sender's JSON has texts."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _places(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from re.findall(r"\$\{([a-z][a-z_:]*)\}", value)
    elif isinstance(value, list):
        for one in value:
            yield from _places(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _places(one)


def _is_known(place: str) -> bool:
    """Only our own words are checked: ${jndi:ldap…} and its like are what attackers write."""
    name, _, form = place.partition(":")
    return name != "time" or form in TIME_FORMS
