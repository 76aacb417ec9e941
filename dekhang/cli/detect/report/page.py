"""What the templates of the report are given: rules, cards of advice, the matrix, all of it bounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from dekhang.cli.detect.outcome import Outcome
from dekhang.cli.detect.summary import RuleTally, Tally
from dekhang.cli.detect.tactics import OTHER, TACTICS, advice, gravest_of, tactics_of, techniques_of
from dekhang.cli.detect.words import Words
from dekhang.engine import Rule
from dekhang.engine.rules import LEVELS

CARDS = 6
CELLS_PER_TACTIC = 40
DESCRIPTION_CHARS = 1_500
REFERENCES = 8
TITLE_CHARS = 300
OLD_AND_NEW = (("defense-evasion", ("stealth", "defense-impairment")),)


@dataclass(slots=True)
class RuleShown:
    """A rule that found something, in the reader's language. `number` makes its place in the page."""

    number: int
    id: str
    title: str
    other_title: str
    level: int
    tally: Tally
    machines: int
    meaning: str
    tactics: str
    techniques: str
    description: str
    author: str
    license: str
    origin: str
    path: str
    references: tuple[str, ...]
    falsepositives: str
    rule: Rule
    left: int = 0  # findings not shown in full


@dataclass(slots=True)
class Card:
    """What a kind of sign means and asks for."""

    title: str
    meaning: str
    actions: Sequence[str]
    level: int
    times: int
    rules: list[RuleShown]


@dataclass(slots=True)
class Cell:
    technique: str  # "" = the rules name none
    level: int
    times: int
    rules: list[RuleShown]


@dataclass(slots=True)
class Column:
    name: str
    times: int
    cells: list[Cell]
    left: int


def rules_shown(outcome: Outcome, words: Words) -> list[RuleShown]:
    """Return all rules that found something, worst first."""
    return [_shown(number, one, words) for number, one in enumerate(outcome.summary.rules_worst_first(), 1)]


def _shown(number: int, found: RuleTally, words: Words) -> RuleShown:
    rule, texts = found.rule, advice(words.language)
    vietnamese = words.language == "vi"
    title = rule.title_vi if vietnamese else rule.title
    if vietnamese and rule.guidance is not None:
        meaning = rule.guidance.meaning_vi
    else:
        meaning = texts[gravest_of(rule)].meaning
    named = [tactic for tactic in tactics_of(rule) if tactic != OTHER]
    return RuleShown(
        number=number,
        id=rule.id,
        title=title[:TITLE_CHARS],
        other_title=rule.title[:TITLE_CHARS] if rule.title != title else "",
        level=LEVELS.index(rule.level),
        tally=found.tally,
        machines=len(found.machines.tallies),
        meaning=meaning,
        tactics=", ".join(texts[tactic].name for tactic in named),
        techniques=", ".join(techniques_of(rule)),
        description=rule.description[:DESCRIPTION_CHARS],
        author=rule.author[:TITLE_CHARS] or words("không nêu"),
        license=rule.license[:TITLE_CHARS],
        origin=""
        if rule.license
        else f"https://github.com/search?type=code&q={quote('repo:SigmaHQ/sigma ' + rule.id[:64])}",
        path=rule.path[-TITLE_CHARS:],
        references=tuple(one for one in rule.references[:REFERENCES] if is_web_address(one)),
        falsepositives="; ".join(rule.falsepositives)[:TITLE_CHARS],
        rule=rule,
    )


def is_web_address(text: str) -> bool:
    """Only such references become links: `javascript:` in a rule from a stranger must not."""
    try:
        return urlsplit(text).scheme in ("http", "https") and len(text) <= 500 and text.isprintable()
    except ValueError:
        return False


def cards(rules: Sequence[RuleShown], words: Words) -> list[Card]:
    """Return one card for each family of our rules and each tactic of others, worst first."""
    texts = advice(words.language)
    made: dict[str, Card] = {}
    for shown in rules:
        guidance = shown.rule.guidance
        if guidance is not None and words.language == "vi":
            key, title, meaning, actions = (
                guidance.family,
                guidance.title_vi,
                guidance.meaning_vi,
                guidance.first_actions_vi,
            )
        else:
            tactic = gravest_of(shown.rule)
            told = texts[tactic]
            key, title, meaning, actions = f"tactic:{tactic}", told.name, told.meaning, told.actions
        card = made.setdefault(key, Card(title, meaning, actions, shown.level, 0, []))
        card.rules.append(shown)
        card.times += shown.tally.total
    return list(made.values())


def matrix(rules: Sequence[RuleShown], words: Words) -> list[Column]:
    """Return the tactics that were seen, in the order of an attack, each with its techniques, worst first."""
    texts = advice(words.language)
    columns: dict[str, dict[str, Cell]] = {}
    times: dict[str, int] = {}
    for shown in rules:
        for tactic in tactics_of(shown.rule):
            times[tactic] = times.get(tactic, 0) + shown.tally.total
            for technique in techniques_of(shown.rule) or ("",):
                cell = columns.setdefault(tactic, {}).setdefault(technique, Cell(technique, shown.level, 0, []))
                cell.level = max(cell.level, shown.level)
                cell.times += shown.tally.total
                cell.rules.append(shown)
    made = []
    for tactic in (*TACTICS, OTHER):
        if tactic in columns:
            cells = sorted(columns[tactic].values(), key=lambda cell: (-cell.level, -cell.times))
            left = max(0, len(cells) - CELLS_PER_TACTIC)
            made.append(Column(texts[tactic].name, times[tactic], cells[:CELLS_PER_TACTIC], left))
    return made


def tactics_not_seen(rules: Sequence[RuleShown], words: Words) -> str:
    """Name the tactics without a finding; the old and the new name of one tactic are not both missed."""
    seen = {tactic for shown in rules for tactic in tactics_of(shown.rule)}
    for old, new in OLD_AND_NEW:
        seen |= {old} if seen & set(new) else set()
        seen |= set(new)
    return ", ".join(advice(words.language)[tactic].name for tactic in TACTICS if tactic not in seen)
