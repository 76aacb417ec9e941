"""Duties that are proven while each of a list of things holds: what most of the eleven are made of.

A *need* names a row of evidence that must be there, be ok and not be over. What else can stand in the way a duty says in
`more_problems`; what contradicts a declaration it names in `contradicts`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from dekhang.apps.duties.enums import ClaimState, EvidenceKind
from dekhang.apps.duties.states.rows import ClaimSpan, Facts, Measure, Observation, Problem, Reason

DOCUMENTS_PAGE = "duties:documents"


@dataclass(frozen=True, slots=True)
class Need:
    """A row that must hold. Its problems are `<code>_missing`, `<code>_broken`, `<code>_expired`.

    Args:
        name: what it is, in words that fit after “Chưa có …”; lazy, as it is made at every step and said seldom.
    """

    kind: EvidenceKind
    subject: str
    name: str | Promise
    code: str = "document"

    def problem(self, facts: Facts, at: datetime) -> Problem | None:
        row = facts.get(self.kind, self.subject)
        if row is None:
            return Problem(f"{self.code}_missing", self.subject)
        if not row.ok:
            return Problem(f"{self.code}_broken", self.subject, row)
        return None if row.holds(at) else Problem(f"{self.code}_expired", self.subject, row)


class Needs:
    """Base of such duties."""

    contradicts: frozenset[str] = frozenset()  # codes of problems that refute a declaration

    def needs(self, facts: Facts, at: datetime) -> Iterable[Need]:
        """What must hold at `at`, most urgent first."""
        raise NotImplementedError

    def more_problems(self, facts: Facts, at: datetime) -> Iterable[Problem]:
        return ()

    def words(self, problem: Problem, facts: Facts) -> tuple[str, str, str | None]:
        """Reason, next step and page of one of `more_problems`."""
        raise KeyError(problem.code)

    def problems(self, facts: Facts, at: datetime) -> list[Problem]:
        found = [problem for need in self.needs(facts, at) if (problem := need.problem(facts, at))]
        found += self.more_problems(facts, at)
        return sorted(found, key=lambda problem: problem.code not in self.contradicts)  # what contradicts comes first

    def unproven_state(
        self, facts: Facts, problems: Sequence[Problem], *, declared_since: datetime | None, decayed: bool, at: datetime
    ) -> ClaimState:
        if declared_since is not None and any(problem.code in self.contradicts for problem in problems):
            return ClaimState.REFUTED
        if decayed:
            return ClaimState.DECAYED
        if any(row.holds(at) for need in self.needs(facts, at) if (row := facts.get(need.kind, need.subject))):
            return ClaimState.EVIDENCED
        return ClaimState.UNKNOWN if declared_since is None else ClaimState.DECLARED

    def own_moments(self, rows: Sequence[Observation], claims: Sequence[ClaimSpan]) -> Iterable[datetime]:
        return ()

    def proven_until(self, facts: Facts, at: datetime) -> datetime | None:
        rows = [facts.get(need.kind, need.subject) for need in self.needs(facts, at)]
        return min((row.valid_until for row in rows if row is not None and row.valid_until), default=None)

    def measure(self, facts: Facts, at: datetime) -> Measure | None:
        return None

    def reason(self, problem: Problem, facts: Facts, at: datetime) -> Reason:
        need = next(
            (
                n
                for n in self.needs(facts, at)
                if n.subject == problem.subject and problem.code.startswith(n.code + "_")
            ),
            None,
        )
        if need is not None and need.code == "document":
            text, step, url_name = _document_words(problem.code)
        else:
            text, step, url_name = self.words(problem, facts)
        words = {
            "name": str(need.name) if need is not None else "",
            "why": problem.about.reason if problem.about else "",
            "when": day_of(problem.about, expiry=problem.code.endswith("_expired")),
            "count": problem.count,
        }
        return Reason(problem.code, (text % words).strip(), step % words, url_name, problem.subject)


def _document_words(code: str) -> tuple[str, str, str]:
    if code == "document_missing":
        return (
            _("Chưa có %(name)s được kiểm tra."),
            _("Nộp %(name)s ở mục Văn bản minh chứng; cơ quan điều phối kiểm tra rồi mới được tính."),
            DOCUMENTS_PAGE,
        )
    if code == "document_broken":
        return (
            _("Bản %(name)s gần nhất không còn được chấp nhận (%(when)s). %(why)s"),
            _("Sửa theo lý do rồi nộp lại %(name)s."),
            DOCUMENTS_PAGE,
        )
    return _("Bản %(name)s đã hết hạn ngày %(when)s."), _("Nộp bản mới của %(name)s."), DOCUMENTS_PAGE


def day_of(row: Observation | None, *, expiry: bool = False) -> str:
    """Day of a row, or of its end, as people write it; "" without a row."""
    moment = (row.valid_until if expiry else row.observed_at) if row else None
    return f"{timezone.localtime(moment):%d/%m/%Y}" if moment else ""
