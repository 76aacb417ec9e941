"""Duty `four_layers`: own force · professional monitoring · independent check by another firm · link to the national system.

Law: CT14-2019; CV1552-2020.
"""

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.states.needs import Need, Needs
from dekhang.apps.duties.states.rows import Facts, Measure, Observation, Problem

EVIDENCE_KINDS = (EvidenceKind.DOCUMENT_CHECKED,)

LAYERS = (1, 2, 3, 4)

NEEDS = tuple(
    Need(EvidenceKind.DOCUMENT_CHECKED, f"layer:{number}", name)
    for number, name in zip(
        LAYERS,
        (
            gettext_lazy("quyết định về lực lượng tại chỗ (lớp 1)"),
            gettext_lazy("hợp đồng hoặc quyết định giám sát chuyên nghiệp (lớp 2)"),
            gettext_lazy("báo cáo kiểm tra của đơn vị độc lập (lớp 3)"),
            gettext_lazy("xác nhận kết nối hệ thống giám sát quốc gia (lớp 4)"),
        ),
        strict=True,
    )
)


class FourLayers(Needs):
    contradicts = frozenset({"same_firm"})

    def needs(self, facts: Facts, at: datetime) -> Iterable[Need]:
        return NEEDS

    def more_problems(self, facts: Facts, at: datetime) -> Iterable[Problem]:
        watches, checks = (facts.get(EvidenceKind.DOCUMENT_CHECKED, f"layer:{number}") for number in (2, 3))
        if watches and checks and watches.holds(at) and checks.holds(at) and _firm(watches) == _firm(checks) != "":
            yield Problem("same_firm", about=checks)

    def measure(self, facts: Facts, at: datetime) -> Measure | None:
        """Layers with a proof of their own ÷ 4; a check by the firm that watches is none."""
        rows = [facts.get(EvidenceKind.DOCUMENT_CHECKED, f"layer:{number}") for number in LAYERS]
        if not any(rows):
            return None
        stands = sum(row is not None and row.holds(at) for row in rows)
        return Measure(stands - any(self.more_problems(facts, at)), len(LAYERS), rows.count(None))

    def words(self, problem: Problem, facts: Facts) -> tuple[str, str, str | None]:
        return {
            "same_firm": (
                _("Bên kiểm tra (lớp 3) cũng là bên giám sát (lớp 2): việc kiểm tra không độc lập."),
                _("Chọn một đơn vị khác kiểm tra, đánh giá và nộp báo cáo của đơn vị đó."),
                "duties:documents",
            )
        }[problem.code]


def _firm(row: Observation) -> str:
    facts = row.payload.get("facts")
    return str(facts.get("firm", "")).strip().casefold() if isinstance(facts, dict) else ""
