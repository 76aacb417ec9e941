"""Duty `level`: every registered system has its level decided and its controls assessed, and nothing runs outside the register.

Law: CT14-2019; ND85-2016/20.
"""

from collections.abc import Iterable
from datetime import datetime

from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.states.needs import Need, Needs
from dekhang.apps.duties.states.rows import Facts, Measure, Observation, Problem

EVIDENCE_KINDS = (EvidenceKind.SYSTEM_REGISTERED, EvidenceKind.DOCUMENT_CHECKED, EvidenceKind.OUTSIDE_REGISTER)


class Level(Needs):
    contradicts = frozenset({"outside_register"})

    def needs(self, facts: Facts, at: datetime) -> Iterable[Need]:
        for system in _registered(facts):
            number = system.subject.removeprefix("system:")
            name = str(system.payload.get("name") or system.subject)
            yield Need(
                EvidenceKind.DOCUMENT_CHECKED,
                f"level:{number}",
                format_lazy(gettext_lazy("quyết định phê duyệt cấp độ của “{name}”"), name=name),
            )
            yield Need(EvidenceKind.DOCUMENT_CHECKED, f"controls:{number}", format_lazy(gettext_lazy("kết quả đánh giá biện pháp bảo vệ của “{name}”"), name=name))  # fmt: skip

    def more_problems(self, facts: Facts, at: datetime) -> Iterable[Problem]:
        if not _registered(facts):
            yield Problem("no_system")
        outside = [row for row in facts.of(EvidenceKind.OUTSIDE_REGISTER) if not row.ok]
        if outside:
            yield Problem("outside_register", about=max(outside, key=lambda row: row.observed_at), count=len(outside))

    def measure(self, facts: Facts, at: datetime) -> Measure | None:
        """Registered systems with both papers in force ÷ registered systems; `never`: without a level."""
        systems = [row.subject.removeprefix("system:") for row in _registered(facts)]
        if not systems:
            return None
        papers = [
            tuple(facts.get(EvidenceKind.DOCUMENT_CHECKED, f"{what}:{number}") for what in ("level", "controls"))
            for number in systems
        ]
        both = sum(all(paper is not None and paper.holds(at) for paper in two) for two in papers)
        return Measure(both, len(systems), sum(two[0] is None for two in papers))

    def words(self, problem: Problem, facts: Facts) -> tuple[str, str, str | None]:
        return {
            "no_system": (
                _("Chưa kê khai hệ thống thông tin nào."),
                _("Kê khai hệ thống đầu tiên ở trang đơn vị: cổng thông tin, một cửa hay mạng nội bộ."),
                None,
            ),
            "outside_register": (
                _(
                    "Log hoặc đoàn kiểm tra thấy %(count)d máy, dịch vụ không có trong danh sách hệ thống (gần nhất %(when)s)."
                ),
                _("Mở “Đã đăng ký và đã thấy”: đăng ký từng mục, hoặc ghi rõ không phải của đơn vị."),
                "observed:overview",
            ),
        }[problem.code]


def _registered(facts: Facts) -> list[Observation]:
    rows = [row for row in facts.of(EvidenceKind.SYSTEM_REGISTERED) if row.ok]
    return sorted(rows, key=lambda row: row.subject)
