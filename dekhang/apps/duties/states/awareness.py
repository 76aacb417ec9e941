"""Duty `awareness`: everybody on the roster in force passed the check within its validity; who never started counts.

Law: CT14-2019; the validity is our choice and stands in dekhang/law/data/proofs.yml.
"""

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.states.needs import Need, Needs
from dekhang.apps.duties.states.rows import Facts, Measure, Problem

EVIDENCE_KINDS = (EvidenceKind.AWARENESS, EvidenceKind.DOCUMENT_CHECKED)


ROSTER = Need(EvidenceKind.AWARENESS, "roster", gettext_lazy("số liệu kiểm tra nhận thức"), "awareness")


class Awareness(Needs):
    """`AWARENESS` rows (subject `roster`) count people: payload `roster`, `passed`, `never`, of the day they were observed."""

    contradicts = frozenset({"never_started"})

    def needs(self, facts: Facts, at: datetime) -> Iterable[Need]:
        return (ROSTER,)

    def more_problems(self, facts: Facts, at: datetime) -> Iterable[Problem]:
        row = facts.get(EvidenceKind.AWARENESS, "roster")
        if row is None or not row.holds(at):
            return
        roster, passed, never = (_number(row.payload.get(name)) for name in ("roster", "passed", "never"))
        if roster and passed == 0 and never == roster:
            yield Problem("never_started", about=row, count=roster)
        elif passed < roster:
            yield Problem("not_passed", about=row, count=roster - passed)
        elif not roster:
            yield Problem("no_roster", about=row)

    def measure(self, facts: Facts, at: datetime) -> Measure | None:
        """People who passed ÷ people on the roster; an expired count says nothing of anybody having passed."""
        row = facts.get(EvidenceKind.AWARENESS, "roster")
        if row is None or not row.ok:
            return None
        roster, passed, never = (_number(row.payload.get(name)) for name in ("roster", "passed", "never"))
        return Measure(passed if row.holds(at) else 0, roster, never) if roster else None

    def words(self, problem: Problem, facts: Facts) -> tuple[str, str, str | None]:
        return {
            "awareness_missing": (
                _("Chưa có danh sách cán bộ và kết quả kiểm tra nhận thức."),
                _("Nạp danh sách cán bộ của đơn vị rồi mời mọi người làm bài kiểm tra."),
                None,
            ),
            "awareness_broken": (
                _("Số liệu kiểm tra nhận thức gần nhất không dùng được (%(when)s). %(why)s"),
                _("Kiểm tra lại danh sách cán bộ của đơn vị."),
                None,
            ),
            "awareness_expired": (
                _("Kết quả kiểm tra nhận thức đã hết hạn ngày %(when)s."),
                _("Mời mọi người làm lại bài kiểm tra."),
                None,
            ),
            "no_roster": (
                _("Danh sách cán bộ của đơn vị đang trống."),
                _("Nạp danh sách cán bộ của đơn vị."),
                None,
            ),
            "never_started": (
                _("Cả %(count)d người trong danh sách chưa ai làm bài kiểm tra."),
                _("Mời những người chưa học làm bài kiểm tra đầu tiên."),
                None,
            ),
            "not_passed": (
                _("Còn %(count)d người trong danh sách chưa đạt bài kiểm tra trong 12 tháng."),
                _("Nhắc những người chưa đạt làm bài kiểm tra."),
                None,
            ),
        }[problem.code]


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
