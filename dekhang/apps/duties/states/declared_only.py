"""Duties that the system cannot prove yet: they are declared or unknown, and the page says so."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.duties.states.rows import ClaimSpan, Facts, Observation, Problem, Reason

EVIDENCE_KINDS = ()


class DeclaredOnly:
    def problems(self, facts: Facts, at: datetime) -> list[Problem]:
        return [Problem("not_provable_yet")]

    def unproven_state(
        self, facts: Facts, problems: Sequence[Problem], *, declared_since: datetime | None, decayed: bool, at: datetime
    ) -> ClaimState:
        return ClaimState.UNKNOWN if declared_since is None else ClaimState.DECLARED

    def own_moments(self, rows: Sequence[Observation], claims: Sequence[ClaimSpan]) -> Iterable[datetime]:
        return ()

    def proven_until(self, facts: Facts, at: datetime) -> datetime | None:
        return None

    def reason(self, problem: Problem, facts: Facts, at: datetime) -> Reason:
        return Reason(
            problem.code,
            _("Phiên bản này chưa tự kiểm chứng nghĩa vụ này; mới ghi nhận khai báo."),
            _("Khai báo và đính kèm văn bản để cơ quan điều phối xem."),
        )
