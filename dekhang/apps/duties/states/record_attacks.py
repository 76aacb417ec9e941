"""Duty `record_attacks`: when is it proven that a unit can record an attack?

Proven at t when all of this holds for rows observed until t:
- at least one log source is expected of the unit, one of them of a kind that can be tried with a canary;
- the newest word about every expected source is that it delivers, and that its loss is within the limit;
- for every canary kind among the expected sources the newest canary passed, has not expired, and was made after the
  last time that a source of that kind fell silent for long: a source that returns counts only after the next canary. A
  silence of less than `silence_canary_again_minutes` (a restart) asks for no new canary; while it lasts nothing is proven.

Law: CT14-2019; the thresholds are our choice and stand in dekhang/law/data/proofs.yml.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang.apps.duties.enums import ClaimState, EvidenceKind
from dekhang.apps.duties.states.rows import ClaimSpan, Facts, Measure, Observation, Problem, Reason

EVIDENCE_KINDS = (
    EvidenceKind.SOURCE_EXPECTED,
    EvidenceKind.SOURCE_DELIVERING,
    EvidenceKind.SOURCE_LOSS,
    EvidenceKind.CANARY,
)
# The kinds of source for which a harmless trace and its rule exist; a test holds this equal to sources.enums.
CANARY_KINDS = ("windows", "linux", "web")
KIND_NAMES = {"windows": "Windows", "linux": "Linux", "web": "web"}


def _name(source: Observation | None, subject: str) -> str:
    return str(source.payload.get("name") or subject) if source else subject


@dataclass(frozen=True, slots=True)
class RecordAttacks:
    never_delivered_days: int = 7  # a declared source that never sends contradicts the declaration after so long

    def problems(self, facts: Facts, at: datetime) -> list[Problem]:
        expected = [row for row in facts.of(EvidenceKind.SOURCE_EXPECTED) if row.ok]
        if not expected:
            return [Problem("no_source")]
        found = [*self._of_sources(facts, expected), *self._of_canaries(facts, expected, at)]
        return sorted(found, key=lambda problem: problem.code != "canary_failed")  # what contradicts comes first

    @staticmethod
    def _of_sources(facts: Facts, expected: Sequence[Observation]) -> Iterator[Problem]:
        for source in expected:
            delivering = facts.get(EvidenceKind.SOURCE_DELIVERING, source.subject)
            if delivering is None:
                yield Problem("never_delivered", source.subject, source)
            elif not delivering.ok:
                yield Problem("silent", source.subject, delivering)
            loss = facts.get(EvidenceKind.SOURCE_LOSS, source.subject)
            if loss is not None and not loss.ok:
                yield Problem("loss", source.subject, loss)

    @staticmethod
    def _of_canaries(facts: Facts, expected: Sequence[Observation], at: datetime) -> Iterator[Problem]:
        kinds = {str(source.payload.get("kind")) for source in expected}
        if not kinds.intersection(CANARY_KINDS):
            yield Problem("no_canary_kind")
        for kind in (k for k in CANARY_KINDS if k in kinds):
            canary = facts.get(EvidenceKind.CANARY, f"kind:{kind}")
            if canary is None:
                yield Problem("canary_missing", kind)
            elif not canary.ok:
                yield Problem("canary_failed", kind, canary)
            elif not canary.holds(at):
                yield Problem("canary_expired", kind, canary)
            else:
                silent = [
                    moment
                    for source in expected
                    if source.payload.get("kind") == kind
                    and (moment := facts.last_broken(EvidenceKind.SOURCE_DELIVERING, source.subject))
                ]
                if silent and canary.observed_at <= max(silent):
                    yield Problem("canary_again", kind, canary)

    def unproven_state(
        self, facts: Facts, problems: Sequence[Problem], *, declared_since: datetime | None, decayed: bool, at: datetime
    ) -> ClaimState:
        if declared_since is not None and any(self._contradicts(p, declared_since, at) for p in problems):
            return ClaimState.REFUTED
        if decayed:
            return ClaimState.DECAYED
        if any(
            row.ok and (source := facts.get(EvidenceKind.SOURCE_EXPECTED, row.subject)) and source.ok
            for row in facts.of(EvidenceKind.SOURCE_DELIVERING)
        ):
            return ClaimState.EVIDENCED
        return ClaimState.UNKNOWN if declared_since is None else ClaimState.DECLARED

    def _contradicts(self, problem: Problem, declared_since: datetime, at: datetime) -> bool:
        if problem.code == "canary_failed":
            return True
        if problem.code != "never_delivered" or problem.about is None:
            return False
        # the limit runs from when both stood: the source was expected and the unit said that it records attacks
        start = max(problem.about.observed_at, declared_since)
        return at >= start + timedelta(days=self.never_delivered_days)

    def measure(self, facts: Facts, at: datetime) -> Measure | None:
        """Sources that deliver ÷ sources expected."""
        expected = [row for row in facts.of(EvidenceKind.SOURCE_EXPECTED) if row.ok]
        words = [facts.get(EvidenceKind.SOURCE_DELIVERING, source.subject) for source in expected]
        if not expected:
            return None
        return Measure(sum(word is not None and word.ok for word in words), len(expected), words.count(None))

    def own_moments(self, rows: Sequence[Observation], claims: Sequence[ClaimSpan]) -> Iterable[datetime]:
        limit = timedelta(days=self.never_delivered_days)
        starts = {row.observed_at for row in rows if row.kind == EvidenceKind.SOURCE_EXPECTED and row.ok}
        return {start + limit for start in starts | {claim.declared_at for claim in claims}} if starts else ()

    def proven_until(self, facts: Facts, at: datetime) -> datetime | None:
        kinds = {row.payload.get("kind") for row in facts.of(EvidenceKind.SOURCE_EXPECTED) if row.ok}
        ends = [
            row.valid_until
            for row in facts.of(EvidenceKind.CANARY)
            if row.valid_until and row.subject.removeprefix("kind:") in kinds
        ]
        return min(ends, default=None)

    def reason(self, problem: Problem, facts: Facts, at: datetime) -> Reason:
        source = _name(facts.get(EvidenceKind.SOURCE_EXPECTED, problem.subject), problem.subject)
        words = {
            "source": source,
            "kind": KIND_NAMES.get(problem.subject, problem.subject),
            "why": problem.about.reason if problem.about else "",
            "when": _day(problem.about, expiry=problem.code == "canary_expired"),
        }
        text, step = {
            "no_source": (
                _("Chưa có nguồn log nào được kết nối."),
                _("Kết nối nguồn log đầu tiên: máy chủ web, máy Windows hoặc Linux."),
            ),
            "never_delivered": (
                _("Nguồn “%(source)s” chưa gửi sự kiện nào từ khi kết nối (%(when)s)."),
                _("Mở nguồn “%(source)s”, chép cấu hình vào máy gửi và xem sự kiện đầu tiên tới."),
            ),
            "silent": (
                _("Nguồn “%(source)s” im lặng từ %(when)s. %(why)s"),
                _("Kiểm tra máy và chương trình gửi log của “%(source)s”; khi có log trở lại, làm lại phép thử."),
            ),
            "loss": (
                _("Nguồn “%(source)s” mất log quá giới hạn. %(why)s"),
                _("Xem lý do từ chối ở trang của nguồn “%(source)s” và sửa ở máy gửi."),
            ),
            "no_canary_kind": (
                _("Chỉ có nguồn loại syslog hoặc Suricata: chưa có loại nào thử được khả năng ghi nhận."),
                _("Kết nối thêm ít nhất một máy Windows, Linux hoặc máy chủ web."),
            ),
            "canary_missing": (
                _("Nguồn loại %(kind)s chưa qua phép thử khả năng ghi nhận."),
                _("Vào trang nguồn log loại %(kind)s, bấm “Thử khả năng ghi nhận” và làm theo."),
            ),
            "canary_failed": (
                _("Phép thử gần nhất với nguồn loại %(kind)s không đạt (%(when)s). %(why)s"),
                _("Xem phép thử dừng ở bước nào, sửa, rồi thử lại với nguồn loại %(kind)s."),
            ),
            "canary_expired": (
                _("Phép thử với nguồn loại %(kind)s đã hết hạn ngày %(when)s."),
                _("Làm lại phép thử khả năng ghi nhận với nguồn loại %(kind)s."),
            ),
            "canary_again": (
                _("Nguồn loại %(kind)s từng im lặng sau phép thử gần nhất (%(when)s)."),
                _("Nguồn đã gửi lại; làm một phép thử mới với nguồn loại %(kind)s để được tính lại."),
            ),
        }[problem.code]
        return Reason(problem.code, (text % words).strip(), step % words, "sources:list", problem.subject)


def _day(row: Observation | None, *, expiry: bool = False) -> str:
    moment = (row.valid_until if expiry else row.observed_at) if row else None
    return f"{timezone.localtime(moment):%H:%M %d/%m/%Y}" if moment else ""
