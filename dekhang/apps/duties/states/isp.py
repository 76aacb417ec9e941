"""Duty `isp`: a provider's contact is alive, requests of the last year were answered in time, what it did was verified.

Law: CT14-2019; the time to answer is an agreed one and stands in dekhang/law/data/proofs.yml.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.states.needs import Need, Needs
from dekhang.apps.duties.states.rows import ClaimSpan, Facts, Measure, Observation, Problem

EVIDENCE_KINDS = (EvidenceKind.CONTACT_ALIVE, EvidenceKind.SUPPORT_ANSWERED, EvidenceKind.SUPPORT_VERIFIED)
PAGE = "duties:providers"


@dataclass(frozen=True, slots=True)
class Isp(Needs):
    """`SUPPORT_ANSWERED` and `SUPPORT_VERIFIED` rows have the subject `request:<id>`, one request each."""

    counts_days: int = 365  # how long an answer speaks for the provider, and a late one against it

    @property
    def contradicts(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset({"request_late", "result_refused"})

    def needs(self, facts: Facts, at: datetime) -> Iterable[Need]:
        return ()

    def _recent(self, facts: Facts, kind: EvidenceKind, at: datetime) -> list[Observation]:
        return [row for row in facts.of(kind) if at < row.observed_at + timedelta(days=self.counts_days)]

    def more_problems(self, facts: Facts, at: datetime) -> Iterable[Problem]:
        contacts = list(facts.of(EvidenceKind.CONTACT_ALIVE))
        if not any(row.holds(at) for row in contacts):
            newest = max(contacts, key=lambda row: row.observed_at, default=None)
            yield Problem("provider_silent" if newest else "provider_unknown", about=newest)
        answers = self._recent(facts, EvidenceKind.SUPPORT_ANSWERED, at)
        late = [row for row in answers if not row.ok]
        if late:
            yield Problem("request_late", about=max(late, key=lambda row: row.observed_at), count=len(late))
        elif not answers:
            yield Problem("no_request")
        results = self._recent(facts, EvidenceKind.SUPPORT_VERIFIED, at)
        refused = [row for row in results if not row.ok]
        if refused:
            yield Problem("result_refused", about=max(refused, key=lambda row: row.observed_at), count=len(refused))
        elif answers and not results:
            yield Problem("not_verified")

    def own_moments(self, rows: Sequence[Observation], claims: Sequence[ClaimSpan]) -> Iterable[datetime]:
        return {row.observed_at + timedelta(days=self.counts_days) for row in rows}

    def proven_until(self, facts: Facts, at: datetime) -> datetime | None:
        """When the last live contact, the last answer or the last verified result stops speaking."""
        year = timedelta(days=self.counts_days)
        groups = (
            [row.valid_until for row in facts.of(EvidenceKind.CONTACT_ALIVE) if row.holds(at) and row.valid_until],
            [row.observed_at + year for row in self._recent(facts, EvidenceKind.SUPPORT_ANSWERED, at)],
            [row.observed_at + year for row in self._recent(facts, EvidenceKind.SUPPORT_VERIFIED, at)],
        )
        return min((max(group) for group in groups if group), default=None)

    def measure(self, facts: Facts, at: datetime) -> Measure | None:
        """Requests answered in time ÷ requests that were answered or due in the last year."""
        answers = self._recent(facts, EvidenceKind.SUPPORT_ANSWERED, at)
        return Measure(sum(row.ok for row in answers), len(answers)) if answers else None

    def words(self, problem: Problem, facts: Facts) -> tuple[str, str, str | None]:
        return {
            "provider_unknown": (
                _("Đầu mối trực của doanh nghiệp chưa trả lời lần nào."),
                _("Điều phối viên gọi thử đầu mối trực và ghi kết quả."),
                PAGE,
            ),
            "provider_silent": (
                _("Đầu mối trực của doanh nghiệp trả lời lần cuối đã quá hạn hoặc không trả lời (%(when)s). %(why)s"),
                _("Điều phối viên gọi lại đầu mối trực, hỏi đầu mối mới nếu cần."),
                PAGE,
            ),
            "no_request": (
                _("Trong 12 tháng chưa có yêu cầu hỗ trợ nào cho thấy doanh nghiệp trả lời đúng hạn."),
                _("Gửi một yêu cầu hỗ trợ, dù là diễn tập, và ghi lại lúc doanh nghiệp trả lời."),
                PAGE,
            ),
            "request_late": (
                _("Có %(count)d yêu cầu hỗ trợ bị trả lời trễ trong 12 tháng, gần nhất %(when)s. %(why)s"),
                _("Thống nhất lại đầu mối và thời hạn với doanh nghiệp; yêu cầu trễ được tính đến hết 12 tháng."),
                PAGE,
            ),
            "not_verified": (
                _("Chưa có kết quả hỗ trợ nào được đơn vị xác nhận."),
                _("Hỏi đơn vị đã nhờ: việc doanh nghiệp làm có đạt không, rồi ghi xác nhận."),
                PAGE,
            ),
            "result_refused": (
                _("Có %(count)d kết quả hỗ trợ không được đơn vị xác nhận trong 12 tháng, gần nhất %(when)s. %(why)s"),
                _("Yêu cầu doanh nghiệp làm lại rồi để đơn vị xác nhận."),
                PAGE,
            ),
        }[problem.code]
