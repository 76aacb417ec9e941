"""Duty `officer`: the post of IT officer is filled, its contact alive, a certificate of in-depth training checked and valid.

Law: CT14-2019; validities are our choice and stand in dekhang/law/data/proofs.yml.
"""

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.states.needs import Need, Needs
from dekhang.apps.duties.states.rows import Facts, Problem

EVIDENCE_KINDS = (EvidenceKind.POST_FILLED, EvidenceKind.CONTACT_ALIVE, EvidenceKind.DOCUMENT_CHECKED)


NEEDS = (
    Need(EvidenceKind.POST_FILLED, "post:officer", gettext_lazy("cán bộ chuyên trách"), "officer"),
    Need(
        EvidenceKind.DOCUMENT_CHECKED,
        "certificate",
        gettext_lazy("chứng chỉ đào tạo chuyên sâu về an toàn thông tin của cán bộ chuyên trách"),
    ),
)


class Officer(Needs):
    def needs(self, facts: Facts, at: datetime) -> Iterable[Need]:
        return NEEDS

    def more_problems(self, facts: Facts, at: datetime) -> Iterable[Problem]:
        answers = list(facts.of(EvidenceKind.CONTACT_ALIVE))
        if not any(row.holds(at) for row in answers):
            newest = max(answers, key=lambda row: row.observed_at, default=None)
            yield Problem("contact_expired" if newest else "contact_missing", about=newest)
        filled = facts.get(EvidenceKind.POST_FILLED, "post:officer")
        certificate = facts.get(EvidenceKind.DOCUMENT_CHECKED, "certificate")
        if filled is not None and filled.ok and certificate is not None and certificate.holds(at):
            holder = certificate.payload.get("facts", {}).get("user_id")  # type: ignore[attr-defined]
            people = filled.payload.get("user_ids")
            if holder is not None and isinstance(people, list) and holder not in people:
                yield Problem("certificate_of_another", about=certificate)

    def proven_until(self, facts: Facts, at: datetime) -> datetime | None:
        contact = max(
            (row.valid_until for row in facts.of(EvidenceKind.CONTACT_ALIVE) if row.holds(at) and row.valid_until),
            default=None,
        )
        own = super().proven_until(facts, at)
        return min((moment for moment in (contact, own) if moment is not None), default=None)

    def words(self, problem: Problem, facts: Facts) -> tuple[str, str, str | None]:
        return {
            "officer_missing": (
                _("Hệ thống chưa có cán bộ chuyên trách của đơn vị."),
                _("Nhờ cơ quan điều phối giao vị trí cán bộ chuyên trách cho một tài khoản."),
                None,
            ),
            "officer_broken": (
                _("Vị trí cán bộ chuyên trách không còn người giữ (%(when)s)."),
                _("Nhờ cơ quan điều phối giao vị trí cho người mới."),
                None,
            ),
            "officer_expired": (
                _("Thời gian giữ vị trí cán bộ chuyên trách đã hết ngày %(when)s."),
                _("Nhờ cơ quan điều phối giao lại vị trí."),
                None,
            ),
            "certificate_of_another": (
                _("Chứng chỉ đã kiểm tra là của người không còn giữ vị trí cán bộ chuyên trách."),
                _("Nộp chứng chỉ của người đang giữ vị trí."),
                "duties:documents",
            ),
            "contact_missing": (
                _("Đầu mối của cán bộ chuyên trách chưa trả lời lần nào."),
                _("Cán bộ chuyên trách bấm “Tôi đang trực” ở trang Việc hôm nay."),
                "portal:home",
            ),
            "contact_expired": (
                _("Đầu mối trả lời lần cuối đã quá hạn (%(when)s)."),
                _("Cán bộ chuyên trách bấm “Tôi đang trực” ở trang Việc hôm nay."),
                "portal:home",
            ),
        }[problem.code]
