"""Where readers of lists put what they find: indicators past the warning lists, faults and omissions counted and named."""

from collections import Counter

from dekhang.engine.expressions import Expression
from dekhang.engine.indicators.columns import ColumnsBuilder
from dekhang.engine.indicators.indicatorset import IndicatorSet
from dekhang.engine.indicators.shapes import Indicator, Kind, Note, Problem, Source, Suppressed
from dekhang.engine.indicators.telling import told
from dekhang.engine.indicators.warninglists import WarningLists
from dekhang.engine.rules import Rule

NAMED_PER_FILE = 1_000  # problems and suppressed indicators named of one file; more are only counted
PATTERNS_MAX = 20_000  # each is a rule


class Intake:
    """Collects a set of indicators.

    Args:
        warning_lists: what must not alarm anybody.
    """

    def __init__(self, warning_lists: WarningLists) -> None:
        self.errors: list[Problem] = []
        self.skipped: list[Problem] = []
        self.suppressed: list[Suppressed] = []
        self.counts: Counter[str] = Counter()  # kind names, and "errors", "skipped", "suppressed", "lowered"
        self._warning_lists = warning_lists
        self._builder = ColumnsBuilder()
        self._patterns: list[tuple[Indicator, Rule]] = []
        self._pattern_ids: set[str] = set()
        self._named: Counter[tuple[str, str]] = Counter()
        self._full = False

    def add(self, kind: Kind, value: str, source: Source, note: Note, line: int) -> None:
        """Take an indicator in normal form, unless a warning list knows it."""
        warning = self._warning_lists.about(kind, value)
        if warning is not None:
            self.counts["lowered" if warning.lowers else "suppressed"] += 1
            if self._may_name(source.path, "suppressed"):
                self.suppressed.append(
                    Suppressed(source.path, line, value, warning.name, warning.reason, lowered=warning.lowers)
                )
            if not warning.lowers:
                return
            note = _lowered(note, warning.name)
        try:
            self._builder.add(kind, value, source, note, line)
        except OverflowError:
            if not self._full:
                self._full = True
                self.error(
                    source.path, line, f"Bộ chỉ dấu đã đầy ({len(self._builder)}); từ đây trở đi không đọc thêm."
                )
            return
        self.counts[kind.name] += 1

    def add_pattern(
        self, rule_id: str, text: str, condition: Expression, source: Source, note: Note, line: int
    ) -> None:
        """Take an indicator that is a condition; `text` is how its source wrote it."""
        if len(self._patterns) >= PATTERNS_MAX:
            self.skip(source.path, line, f"Đã có {PATTERNS_MAX} mẫu dấu hiệu; mẫu này không được dùng.")
            return
        if rule_id in self._pattern_ids:
            return  # the same indicator out of a second file
        self._pattern_ids.add(rule_id)
        indicator = Indicator(Kind.PATTERN, text[:2_000], source, note, line)
        self._patterns.append((indicator, told(indicator, rule_id, condition)))
        self.counts[Kind.PATTERN.name] += 1

    def error(self, path: str, line: int, reason: str) -> None:
        """Name a fault: something that the file's author should mend."""
        self._problem(self.errors, "errors", path, line, reason)

    def skip(self, path: str, line: int, reason: str, count: int = 1) -> None:
        """Name something sound that cannot be used here; `count` such things in one sentence."""
        self._problem(self.skipped, "skipped", path, line, reason)
        self.counts["skipped"] += count - 1

    def built(self) -> IndicatorSet:
        columns, sources = self._builder.build()
        return IndicatorSet(columns, sources, tuple(self._patterns))

    def _problem(self, where: list[Problem], count: str, path: str, line: int, reason: str) -> None:
        self.counts[count] += 1
        if self._may_name(path, count):
            where.append(Problem(path, line, reason))

    def _may_name(self, path: str, what: str) -> bool:
        self._named[path, what] += 1
        return self._named[path, what] <= NAMED_PER_FILE


def _lowered(note: Note, by: str) -> Note:
    return Note(
        note.id, note.group, note.title, note.description, note.level, note.valid_from_ms, note.valid_until_ms,
        note.tags, note.references, by,
    )  # fmt: skip
