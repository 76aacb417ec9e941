"""What each kind of document has to say, how evidence names it, which duties it may serve, and how long it speaks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dekhang.apps.duties.enums import DocumentKind
from dekhang.law import load

FactType = Literal["text", "money", "date", "user", "system"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that the text says, asked for in a form field of its own."""

    key: str
    label: Any
    type: FactType
    required: bool = True


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document.

    Args:
        subject: from its facts, how evidence names it (`level:12`); one document of a subject follows another.
        duties: what it may serve; others cannot be chosen.
        ends: until when an accepted revision speaks, from its facts, its date and the day of acceptance.
    """

    key: DocumentKind
    duties: tuple[str, ...]
    subject: Callable[[Mapping[str, Any]], str]
    facts: tuple[Fact, ...] = ()
    ends: Callable[[Mapping[str, Any], date, datetime], datetime | None] = lambda facts, issued, accepted: _days("document_valid_days", accepted)  # fmt: skip


def _days(proof: str, since: datetime) -> datetime:
    return since + timedelta(days=load().proof(proof).whole)


def _end_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))


def _stated_or(proof: str) -> Callable[[Mapping[str, Any], date, datetime], datetime | None]:
    """Until the end that the text states, but never longer than until it must be checked again."""

    def ends(facts: Mapping[str, Any], issued: date, accepted: datetime) -> datetime:
        checked = _days(proof, accepted)
        stated = facts.get("valid_until")
        return min(checked, _end_of(date.fromisoformat(stated))) if stated else checked

    return ends


def _since_issued(proof: str) -> Callable[[Mapping[str, Any], date, datetime], datetime | None]:
    return lambda facts, issued, accepted: _days(proof, timezone.make_aware(datetime.combine(issued, time.min)))


def _budget_year(facts: Mapping[str, Any], issued: date, accepted: datetime) -> datetime:
    """A year's budget speaks until the next one is usually decided: the end of March."""
    return _end_of(date(int(facts["year"]) + 1, 3, 31))


FIRM = Fact("firm", _("Tên tổ chức, doanh nghiệp"), "text")
UNTIL = Fact("valid_until", _("Hết hạn ngày"), "date", required=False)
SYSTEM = Fact("system_id", _("Hệ thống thông tin"), "system")

KINDS: dict[str, Kind] = {
    kind.key.value: kind
    for kind in (
        Kind(DocumentKind.REGULATION, ("regulation",), lambda f: "regulation", (), _since_issued("regulation_review_days")),
        Kind(
            DocumentKind.CERTIFICATE,
            ("officer",),
            lambda f: "certificate",
            (Fact("user_id", _("Người được cấp"), "user"), Fact("course", _("Khóa học, nơi cấp"), "text"), UNTIL),
            _stated_or("officer_certificate_days"),
        ),
        Kind(
            DocumentKind.LEVEL_DECISION,
            ("level",),
            lambda f: f"level:{f['system_id']}",
            (SYSTEM, Fact("level", _("Cấp độ"), "text"), Fact("authority", _("Cấp có thẩm quyền phê duyệt"), "text")),
            lambda facts, issued, accepted: None,
        ),
        Kind(
            DocumentKind.CONTROLS_ASSESSMENT,
            ("level",),
            lambda f: f"controls:{f['system_id']}",
            (SYSTEM, FIRM),
            _since_issued("level_check_days"),
        ),
        Kind(DocumentKind.OWN_FORCE, ("four_layers",), lambda f: "layer:1"),
        Kind(DocumentKind.MONITORING, ("four_layers",), lambda f: "layer:2", (FIRM, UNTIL), _stated_or("document_valid_days")),
        Kind(DocumentKind.INDEPENDENT_CHECK, ("four_layers",), lambda f: "layer:3", (FIRM,), _since_issued("document_valid_days")),
        Kind(DocumentKind.NATIONAL_LINK, ("four_layers",), lambda f: "layer:4", (Fact("last_data", _("Lần gửi dữ liệu gần nhất"), "date"),)),
        Kind(
            DocumentKind.BUDGET,
            ("budget",),
            lambda f: "budget",
            (
                Fact("year", _("Năm"), "text"),
                Fact("it_spending", _("Kinh phí công nghệ thông tin (triệu đồng)"), "money"),
                Fact("security_spending", _("Trong đó cho an toàn thông tin (triệu đồng)"), "money"),
            ),
            _budget_year,
        ),
        Kind(DocumentKind.SECRETS_OFFICER, ("secrets",), lambda f: "secrets_officer"),
        Kind(DocumentKind.SECRETS_REPORT, ("secrets",), lambda f: "secrets_report"),
        # serves any duty as a paper to read; no state counts it
        Kind(DocumentKind.OTHER, (), lambda f: "other"),
    )
}  # fmt: skip
