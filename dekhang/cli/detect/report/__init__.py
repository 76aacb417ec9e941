"""The HTML report: one file that needs no network, no script and no special knowledge of its reader.

Findings are counted and a few of each kind kept while they stream by (summary.py, evidence.py); the page is written at
the end, section by section, and stops growing at BODY_BYTES: the rest is counted, worst first is shown.
"""

import os
import time
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from dekhang.cli.detect.findings import Finding
from dekhang.cli.detect.outcome import Outcome
from dekhang.cli.detect.report import page, timeline
from dekhang.cli.detect.report.evidence import Keeper
from dekhang.cli.detect.verdict import HIGH, judge
from dekhang.cli.detect.words import Words
from dekhang.engine.rules import LEVELS

BODY_BYTES = 3_600_000  # of the rules' sections; with the tables around them the report stays below 5 MB
SHOWN_IN_FULL = 1_000  # findings
AT_ONCE = 3  # findings of a rule that are open; the others behind a click
NAMES_SHOWN = 50
RULES_SHOWN = 500
FILES_SHOWN = 200
FAULTS_SHOWN = 50
GRAVEST_SAID = 4
VALUE_CUT = 240  # characters shown at once; all of it behind a click

ROOM = Path(__file__).parent


class ReportWriter:
    """Writes the report when everything was read."""

    def __init__(self, out: BinaryIO, words: Words) -> None:
        self._out = out
        self._words = words
        self._keeper = Keeper()
        self._folder = ""

    def write(self, finding: Finding) -> None:
        self._keeper.add(finding)

    def close(self, outcome: Outcome) -> None:
        words = self._words
        rules = page.rules_shown(outcome, words)
        self._folder = common_folder(list(outcome.counts))
        self._write("head.html", self._head(outcome, rules))
        unshown = self._sections(rules)
        faults = [*outcome.unreadable, *outcome.problems]
        files = sorted(outcome.counts.items(), key=lambda one: -one[1].matches)
        foot = {
            "unshown_rules": unshown,
            "files": files[:FILES_SHOWN],
            "files_left": len(files) - FILES_SHOWN,
            "faults": faults[:FAULTS_SHOWN],
            "unread": [(str(one), one.records) for one in outcome.unread[:FAULTS_SHOWN]],
        }
        self._write("foot.html", foot)

    def _head(self, outcome: Outcome, rules: list[page.RuleShown]) -> dict[str, Any]:
        words, summary = self._words, outcome.summary
        cards = page.cards(rules, words)
        line = summary.timeline
        pictures = [
            (name, timeline.picture(line, size, words), timeline.unit(line, size, words))
            for name, size in (("wide", timeline.WIDE), ("narrow", timeline.NARROW))
        ]
        return {
            "style": Markup((ROOM / "style.css").read_text("utf-8")),  # noqa: S704 - a file of ours
            "outcome": outcome,
            "verdict": judge(outcome, words),
            "made_ms": int(time.time() * 1000),
            "gravest": [card for card in cards if card.level >= min(HIGH, summary.total.worst)][:GRAVEST_SAID],
            "cards": cards[: page.CARDS],
            "cards_left": len(cards) - page.CARDS if len(cards) > page.CARDS else 0,
            "pictures": pictures if line.bins else [],
            "timeline_rows": timeline.rows(line, timeline.WIDE, words),
            "shown_levels": [level for level in reversed(range(len(LEVELS))) if summary.total.levels[level]],
            "matrix": page.matrix(rules, words),
            "not_seen": page.tactics_not_seen(rules, words),
            "machines": summary.machines.worst_first()[:NAMES_SHOWN],
            "machine_count": len(summary.machines.tallies),
            "accounts": summary.accounts.worst_first()[:NAMES_SHOWN],
            "account_count": len(summary.accounts.tallies),
            "addresses": summary.addresses.worst_first()[:NAMES_SHOWN],
            "address_count": len(summary.addresses.tallies),
            "rules": rules[:RULES_SHOWN],
            "rules_left": len(rules) - RULES_SHOWN,
        }

    def _sections(self, rules: list[page.RuleShown]) -> int:
        """Write a section for each rule while there is room; return how many rules got none."""
        room, in_full = BODY_BYTES, SHOWN_IN_FULL
        for place, rule in enumerate(rules[:RULES_SHOWN]):
            evidence = self._keeper.of_rule(rule.id)[:in_full]
            in_full -= len(evidence)
            rule.left = rule.tally.total - sum(one.times for one in evidence)
            text = self._render(
                "section.html", {"rule": rule, "evidence": evidence, "at_once": AT_ONCE, "cut": VALUE_CUT}
            )
            room -= len(text)
            if room < 0 and place:
                return len(rules) - place
            self._out.write(text)
        return max(0, len(rules) - RULES_SHOWN)

    def _within(self, file: str) -> str:
        """Return a file's name below the folder that all files share: long paths hide what differs."""
        return file.removeprefix(self._folder).lstrip("/\\") or file

    def _write(self, template: str, values: dict[str, Any]) -> None:
        self._out.write(self._render(template, values))

    def _render(self, template: str, values: dict[str, Any]) -> bytes:
        common = {"words": self._words, "seen": seen, "levels": LEVELS, "shapes": timeline.SHAPES}
        common["folder"], common["within"] = self._folder, self._within
        text = environment().get_template(template).render({**common, **values})
        return text.encode("utf-8", "replace")  # a lone surrogate of a hostile record must not stop the report


def common_folder(files: list[str]) -> str:
    """Return the folder in which all files lie, "" when there is none."""
    try:
        shared = os.path.commonpath([os.path.dirname(file) for file in files])  # noqa: PTH120 - names, maybe of no files
    except ValueError:  # some relative, some absolute; or none at all
        return ""
    return shared if shared not in ("/", "\\") else ""


@cache
def environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(ROOM),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def seen(text: object) -> Markup:
    """Return a log's text for the page: escaped, and what would be invisible or turn the line around made visible."""
    told = str(text).replace("\r\n", "\n")
    if told.isprintable():
        return escape(told)
    return Markup("").join(
        escape(one)
        if one.isprintable() or one in "\n\t"
        else Markup('<span class="unseen">U+{:04X}</span>').format(ord(one))
        for one in told
    )
