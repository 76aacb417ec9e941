"""The report: what attackers wrote stays text, a hundred thousand findings stay one small file, nothing is loaded."""

import io
import re
import tracemalloc
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from dekhang.cli.detect.findings import Counts, Finding
from dekhang.cli.detect.outcome import Outcome
from dekhang.cli.detect.report import ReportWriter, common_folder, seen
from dekhang.cli.detect.report.evidence import DIFFERENT_PER_RULE
from dekhang.cli.detect.summary import NAMES_KEPT, Summary
from dekhang.cli.detect.words import Words
from dekhang.engine import Match, Record, Rule, compile_rules, default_mapping
from dekhang.engine.expressions import Atom, TextTest
from dekhang.engine.rules import Guidance, Level
from dekhang.pipeline.rulebook import Rulebook

CONDITION = Atom("CommandLine", TextTest("contains", "whoami"))
MORNING_MS = 1_575_943_200_000  # 2019-12-10 02:00 UTC, 09:00 in Viet Nam
BOOK = Rulebook(compile_rules([], default_mapping()), (), (), 0)
GUIDANCE = Guidance(
    title_vi="Dò mật khẩu",
    meaning_vi="Có người đoán mật khẩu.",
    first_actions_vi=("Chặn địa chỉ dò.",),
    family="brute_force",
    entity=("src_ip",),
    incident_kind="intrusion",
)


def rule(number: int = 1, level: Level = "high", **more: object) -> Rule:
    given = {
        "title": f"Rule {number}",
        "path": "rules/x.yml",
        "author": "Somebody",
        "tags": ("attack.execution", "attack.t1059.001"),
    }
    return Rule(id=f"rule-{number}", level=level, condition=CONDITION, **{**given, **more})  # type: ignore[arg-type]


def finding(
    of: Rule,
    fields: dict[str, object] | None = None,
    *,
    host: str = "may-1",
    at: int | None = MORNING_MS,
    index: int = 0,
) -> Finding:
    shown = {"CommandLine": "whoami"} if fields is None else fields
    match = Match(of, 0, shown, (index,), 1, at, ())  # type: ignore[arg-type]
    record = Record({"Computer": host, "User": "an", **shown}, time_ms=at)  # type: ignore[arg-type]
    return Finding(match, "/log/may-1.evtx", index, at or 0, at is not None, host, record)


def report(findings: list[Finding], language: str = "vi", **more: object) -> str:
    out, words, summary = io.BytesIO(), Words(language), Summary()  # type: ignore[arg-type]
    writer = ReportWriter(out, words)
    for one in findings:
        summary.add(one)
        writer.write(one)
    counts = {"/log/may-1.evtx": Counts(read=max(1, len(findings)), matches=len(findings))}
    given = {
        "counts": counts, "unreadable": (), "problems": (), "book": BOOK, "summary": summary, "seconds": 1.0,
        "least_level": "informational",
    }  # fmt: skip
    writer.close(Outcome(**{**given, **more}))  # type: ignore[arg-type]
    return out.getvalue().decode()


class Page(HTMLParser):
    """Collects tags, addresses and text as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("href", "src", "action", "data"):
                self.addresses.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            if name.startswith("on") or name == "style":
                self.handlers.append(name)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "</style></textarea></pre><iframe src='//198.51.100.9'>",
        "{{ 7*7 }}{% raw %}",
        "&lt;b&gt;",
    ],
)  # fmt: skip
def test_what_an_attacker_wrote_is_shown_as_text_wherever_it_stands(evil: str) -> None:
    hostile = rule(title=evil, author=evil, description=evil, license=evil, falsepositives=(evil,), path=evil)
    one = finding(hostile, {"CommandLine": evil, evil: "x", "User": evil, "IpAddress": evil}, host=evil)
    page = Page(report([one], unreadable=[evil], problems=[evil], counts={f"/log/{evil}": Counts(read=1)}))
    assert not page.tags & {"script", "img", "iframe", "b", "object", "textarea"}
    assert page.handlers == []
    assert page.text.count(evil) >= 8


def test_the_report_loads_nothing_and_links_only_inside_and_to_the_web() -> None:
    strange = rule(references=("javascript:alert(1)", "https://example.gov.vn/x", "data:text/html,x", "http://[bad"))
    page = Page(report([finding(strange)]))
    outside = [one for one in page.addresses if not one.startswith("#")]
    assert "https://example.gov.vn/x" in outside
    assert all(one.startswith("https://") for one in outside)
    assert not page.tags & {"link", "script", "img", "base"}
    assert {one[1:] for one in page.addresses if one.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_characters_that_hide_or_turn_text_around_are_made_visible() -> None:
    text = report([finding(rule(), {"Image": "C:\\evil\u202egpj.exe\x00\x1b[2J\u200b"})])
    assert not re.search("[\u202e\u200b\x00\x1b]", text)
    assert all(f"U+{code}" in text for code in ("202E", "0000", "001B", "200B"))


def test_a_lone_surrogate_does_not_stop_the_report() -> None:
    assert "whoami" in report([finding(rule(), {"CommandLine": "whoami \ud800"})])


def test_a_long_value_is_cut_with_the_whole_behind_a_click() -> None:
    text = report([finding(rule(), {"ScriptBlockText": "A" * 300 + "the end"})])
    assert text.count("the end") == 1 and text.index("<details>") < text.index("the end")


def test_what_is_left_out_of_a_huge_value_is_counted() -> None:
    assert "996.000" in report([finding(rule(), {"CommandLine": "A" * 1_000_000})])


def test_the_verdict_says_how_much_where_and_when() -> None:
    text = report([finding(rule(), host="FS01"), finding(rule(2, "medium"), host="FS02", at=MORNING_MS + 60_000)])
    assert "Có dấu hiệu tấn công nghiêm trọng" in text
    assert (
        "Có 1 loại dấu hiệu mức cao hoặc nghiêm trọng (1 lần) trên máy FS01, lúc 10/12/2019 09:00 giờ Việt Nam." in text
    )


def test_somebody_at_the_door_is_not_told_as_somebody_inside() -> None:
    knocking = rule(tags=("attack.initial-access", "attack.t1190"))
    text = report([finding(knocking, {"cs-uri": "/?id=1'"})])
    assert "Có người đang tìm cách xâm nhập" in text and "Cô lập máy may-1" not in text


def test_without_a_machines_name_the_first_step_says_how_to_find_it() -> None:
    text = report([finding(rule(), {"src_ip": "192.0.2.7"}, host="")])
    assert "tìm máy của đơn vị theo địa chỉ trong dấu vết (192.0.2.7)" in text


def test_no_finding_is_not_told_as_safety() -> None:
    text = report([])
    assert "Chưa thấy dấu hiệu tấn công" in text and "chưa chứng minh máy an toàn" in text


def test_our_rules_bring_their_own_advice_and_others_that_of_their_tactic() -> None:
    text = report([finding(rule(guidance=GUIDANCE)), finding(rule(2))])
    assert "Chặn địa chỉ dò." in text and "Có người đoán mật khẩu." in text
    assert "Tìm chương trình cha (ParentImage)" in text


def test_author_licence_id_and_references_of_a_rule_are_kept() -> None:
    text = report([finding(rule(license="MIT", references=("https://example.gov.vn/why",)))])
    assert all(one in text for one in ("Somebody", "MIT", "rule-1", "https://example.gov.vn/why"))
    assert "Detection Rule License 1.1" in report([finding(rule())])


def test_findings_that_look_the_same_are_one_entry_with_their_number() -> None:
    text = report([finding(rule(), at=MORNING_MS + 1000 * n, index=n) for n in range(40)])
    assert "giống hệt 40 lần" in text and "02:00:00–02:00:39 UTC" in text


def test_different_findings_beyond_the_limit_are_counted() -> None:
    text = report([finding(rule(), {"CommandLine": f"cmd {n}"}, index=n) for n in range(DIFFERENT_PER_RULE + 7)])
    assert "và 7 lần nữa khác các dòng trên" in text


def test_a_finding_without_time_is_no_point_in_1970() -> None:
    text = report([finding(rule(), at=None), finding(rule(2))])
    assert "1970" not in text and "không rõ giờ" in text
    assert "1 lần khớp không rõ giờ" in text


def many(number: int, rules: list[Rule]) -> Iterator[Finding]:
    """Findings that all differ: machine, time, values."""
    for n in range(number):
        fields = {"CommandLine": f"{n} " + "<x>&" * 250, "Image": f"C:\\{n}.exe", "ParentImage": "p" * 900}
        yield finding(rules[n % len(rules)], fields, host=f"may-{n}", at=MORNING_MS + n * 4_000_000)


def test_many_findings_of_many_rules_stay_below_5_mb_and_the_rest_is_counted() -> None:
    levels: tuple[Level, ...] = ("low", "medium", "high")
    text = report(list(many(6_000, [rule(n, levels[n % 3], description="D" * 1_000) for n in range(2_000)])))
    assert 1_000_000 < len(text.encode()) < 5_000_000
    assert "6.000 lần khớp" in text and "luật nhẹ hơn không được in" in text
    assert text.rstrip().endswith("</html>")


def test_memory_does_not_grow_with_the_findings() -> None:
    rules = [rule(n) for n in range(5)]
    summary, writer = Summary(), ReportWriter(io.BytesIO(), Words("vi"))

    def take(number: int) -> int:
        for one in many(number, rules):
            summary.add(one)
            writer.write(one)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    after_some, after_many = take(NAMES_KEPT + 200), take(NAMES_KEPT + 200)
    tracemalloc.stop()
    assert after_many < after_some + 300_000


def test_english_says_it_all_in_english() -> None:
    text = report([finding(rule(guidance=GUIDANCE)), finding(rule(2, "low"))], language="en")
    told = Page(text[text.index("<main") :]).text
    assert "There are serious signs of an attack" in told and "Somebody" in told
    assert not re.search("[ạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹđ]", told)


@pytest.mark.parametrize(
    ("files", "folder"),
    [(["/a/b/c.evtx", "/a/b/d/e.log"], "/a/b"), (["/a/b.log", "c.log"], ""), ([], ""), (["/x.log"], ""), (["-"], "")],
)
def test_the_folder_that_all_files_share_is_said_once(files: list[str], folder: str) -> None:
    assert common_folder(files) == folder


def test_line_breaks_of_a_script_stay() -> None:
    assert seen("a\r\n\tb") == "a\n\tb"
    assert "U+000D" in seen("harmless\rother")


def test_a_window_that_ended_has_no_record_to_point_to() -> None:
    one = finding(rule(), index=-1)
    assert "bản ghi -1" not in report([one]) and "bản ghi 0" not in report([one])
    assert one.as_dict()["index"] is None
