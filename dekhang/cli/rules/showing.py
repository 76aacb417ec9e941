"""The numbers of a rule collection as tables of 80 columns, and as JSON Lines."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from textwrap import wrap

from dekhang.cli.detect.tactics import advice
from dekhang.cli.detect.words import LEVEL_NAMES
from dekhang.cli.rules.stats import NONE, RuleStats, Share

WIDTH = 80
NAME_WIDTH = 58
NUMBER_WIDTH = 10  # two columns of numbers and the indent fill the line

STATUS_NAMES = {
    "stable": "ổn định",
    "test": "đang thử",
    "experimental": "thử nghiệm",
    "deprecated": "đã bị thay",
    "unsupported": "không còn dùng",
    NONE: "không nói",
}


def table(stats: RuleStats, *, top: int) -> Iterator[str]:
    """Yield the lines of the tables; `top` rows of each long one, 0 = all."""
    yield (
        f"{_number(stats.files)} tệp: {_number(stats.usable)} luật dùng được, "
        f"{_number(stats.unusable)} chưa dùng được ở đây, {_number(stats.faulty)} lỗi."
    )
    levels = {str(level): f"{name} ({level})" for level, name in LEVEL_NAMES.items()}
    statuses = {status: f"{name} ({status})" if status != NONE else name for status, name in STATUS_NAMES.items()}
    tactics = {name: f"{told.name} ({name})" for name, told in advice("vi").items()}
    yield from _shares("Theo mức", stats.levels, levels)
    yield from _shares("Theo trạng thái", stats.statuses, statuses)
    yield from _shares("Theo nguồn log: product/category/service", stats.logsources, {}, top)
    yield from _shares("Theo chiến thuật ATT&CK", stats.tactics, tactics)
    yield from _shares("Theo kỹ thuật ATT&CK", stats.techniques, {}, top)
    yield from _counts("Cấu trúc Sigma mà các luật dùng", stats.constructs, "luật", top)
    if stats.unmapped:
        yield from _counts(
            "Nguồn log mà luật cần nhưng nơi này chưa đọc",
            [(f"{one.logsource}", one.rules) for one in stats.unmapped],
            "luật",
            top,
        )
        for reason in dict.fromkeys(one.reason.split(" (logsource", 1)[0] for one in stats.unmapped):
            yield from wrap(reason, WIDTH, initial_indent="  → ", subsequent_indent="    ")
    if stats.skipped:
        yield ""
        yield "Luật lành nhưng bỏ qua vì lý do khác"
        for reason, rules in stats.skipped:
            yield from wrap(f"{_number(rules)} luật: {reason}", WIDTH, initial_indent="  ", subsequent_indent="    ")
    if stats.faulty:
        yield ""
        yield "Xem từng luật lỗi (tệp, dòng, lý do): dekhang rules check THƯ_MỤC"


def jsonl(stats: RuleStats) -> Iterator[str]:
    """Yield one object a line: {"group": "summary" | "level" | …, …}."""
    yield _line("summary", files=stats.files, usable=stats.usable, unusable=stats.unusable, faulty=stats.faulty)
    groups = (
        ("level", stats.levels),
        ("status", stats.statuses),
        ("logsource", stats.logsources),
        ("tactic", stats.tactics),
        ("technique", stats.techniques),
    )
    for group, shares in groups:
        for share in shares:
            yield _line(group, **asdict(share))
    for construct, rules in stats.constructs:
        yield _line("construct", name=construct, rules=rules)
    for one in stats.unmapped:
        yield _line("unmapped", **asdict(one.logsource), rules=one.rules, reason=one.reason)
    for reason, rules in stats.skipped:
        yield _line("skipped", reason=reason, rules=rules)


def _line(group: str, **values: object) -> str:
    return json.dumps({"group": group, **values}, ensure_ascii=False)


def _shares(title: str, shares: Sequence[Share], names: dict[str, str], top: int = 0) -> Iterator[str]:
    if not shares:
        return
    yield ""
    yield f"{title:<{NAME_WIDTH + 2}}{'dùng được':>{NUMBER_WIDTH}}{'tất cả':>{NUMBER_WIDTH}}"
    shown = shares[:top] if top > 0 else shares
    for share in shown:
        numbers = f"{_number(share.usable):>{NUMBER_WIDTH}}{_number(share.total):>{NUMBER_WIDTH}}"
        yield f"  {_cut(names.get(share.name, share.name)):<{NAME_WIDTH}}{numbers}"
    yield from _rest(len(shares) - len(shown))


def _counts(title: str, rows: Sequence[tuple[str, int]], unit: str, top: int) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield f"{title:<{NAME_WIDTH + 2}}{unit:>{NUMBER_WIDTH}}"
    shown = rows[:top] if top > 0 else rows
    for name, number in shown:
        yield f"  {_cut(name):<{NAME_WIDTH}}{_number(number):>{NUMBER_WIDTH}}"
    yield from _rest(len(rows) - len(shown))


def _rest(hidden: int) -> Iterator[str]:
    if hidden > 0:
        yield f"  … và {_number(hidden)} dòng nữa; thêm --top 0 để xem hết."


def _cut(text: str) -> str:
    # names come from rule files of others: nothing in them may steer the terminal
    clean = "".join(letter if letter.isprintable() else "�" for letter in text)
    return clean if len(clean) <= NAME_WIDTH else clean[: NAME_WIDTH - 1] + "…"


def _number(number: int) -> str:
    return f"{number:,}".replace(",", ".")
