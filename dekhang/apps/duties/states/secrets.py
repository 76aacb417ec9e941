"""Duty `secrets`: an officer is named, the yearly report was sent, no incident of that kind. No secret content is ever held.

Law: CT14-2019; L29-2018/25; ND26-2020.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.states.needs import Need, Needs
from dekhang.apps.duties.states.rows import ClaimSpan, Facts, Observation, Problem

EVIDENCE_KINDS = (EvidenceKind.DOCUMENT_CHECKED, EvidenceKind.SECRET_INCIDENT)


NEEDS = (
    Need(
        EvidenceKind.DOCUMENT_CHECKED,
        "secrets_officer",
        gettext_lazy("văn bản phân công người phụ trách bảo vệ bí mật nhà nước"),
    ),
    Need(
        EvidenceKind.DOCUMENT_CHECKED,
        "secrets_report",
        gettext_lazy("xác nhận đã gửi báo cáo năm về bảo vệ bí mật nhà nước"),
    ),
)


@dataclass(frozen=True, slots=True)
class Secrets(Needs):
    counts_days: int = 365  # how long an incident stands in the way

    @property
    def contradicts(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset({"secret_incident"})

    def needs(self, facts: Facts, at: datetime) -> Iterable[Need]:
        return NEEDS

    def more_problems(self, facts: Facts, at: datetime) -> Iterable[Problem]:
        limit = timedelta(days=self.counts_days)
        rows = [row for row in facts.of(EvidenceKind.SECRET_INCIDENT) if not row.ok and at < row.observed_at + limit]
        if rows:
            yield Problem("secret_incident", about=max(rows, key=lambda row: row.observed_at), count=len(rows))

    def own_moments(self, rows: Sequence[Observation], claims: Sequence[ClaimSpan]) -> Iterable[datetime]:
        limit = timedelta(days=self.counts_days)
        return {row.observed_at + limit for row in rows if row.kind == EvidenceKind.SECRET_INCIDENT}

    def words(self, problem: Problem, facts: Facts) -> tuple[str, str, str | None]:
        return {
            "secret_incident": (
                _("Có vụ lộ, mất bí mật nhà nước được ghi nhận ngày %(when)s (không lưu nội dung)."),
                _("Làm việc trực tiếp với cơ quan Công an theo quy định; không gửi nội dung qua hệ thống này."),
                None,
            )
        }[problem.code]
