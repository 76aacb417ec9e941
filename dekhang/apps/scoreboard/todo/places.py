"""Where an obstacle is cleared: the very page, and what its button says. Pages of any app are named by URL only."""

from django.urls import reverse
from django.utils.translation import gettext as _

from dekhang.apps.duties.enums import DocumentKind
from dekhang.apps.duties.states import Reason

# how evidence names documents → the kind to file
_DOCUMENTS = {
    "regulation": DocumentKind.REGULATION,
    "certificate": DocumentKind.CERTIFICATE,
    "level": DocumentKind.LEVEL_DECISION,
    "controls": DocumentKind.CONTROLS_ASSESSMENT,
    "layer:1": DocumentKind.OWN_FORCE,
    "layer:2": DocumentKind.MONITORING,
    "layer:3": DocumentKind.INDEPENDENT_CHECK,
    "layer:4": DocumentKind.NATIONAL_LINK,
    "budget": DocumentKind.BUDGET,
    "secrets_officer": DocumentKind.SECRETS_OFFICER,
    "secrets_report": DocumentKind.SECRETS_REPORT,
}
# reasons that a document clears, though they are not about one that is missing
_BY_DOCUMENT = {
    "same_firm": DocumentKind.INDEPENDENT_CHECK,
    "budget_low": DocumentKind.BUDGET,
    "certificate_of_another": DocumentKind.CERTIFICATE,
}
_CANARY = frozenset({"canary_missing", "canary_failed", "canary_expired", "canary_again"})
_CONTACT = frozenset({"contact_missing", "contact_expired"})
_POSTS = frozenset({"head_missing", "officer_missing", "officer_broken", "officer_expired"})
_AWARENESS = frozenset(
    {"no_roster", "never_started", "not_passed", "awareness_missing", "awareness_broken", "awareness_expired"}
)


def document_of(reason: Reason) -> DocumentKind | None:
    """The kind of document that clears it; None when no document does."""
    if reason.code.startswith("document_"):
        return _DOCUMENTS.get(reason.subject) or _DOCUMENTS.get(reason.subject.partition(":")[0])
    return _BY_DOCUMENT.get(reason.code)


def place_of(unit_id: int, duty_key: str, reason: Reason) -> tuple[str, str]:
    """(address, words of the button). Falls back to the page that the reason itself names, then to the duty's own."""
    own = f"?don-vi={unit_id}"
    what, _colon, number = reason.subject.partition(":")
    kind = document_of(reason)
    if kind is not None:
        return reverse("duties:new_document", args=[unit_id, kind.value]), _("Nộp văn bản")
    if what == "source" and number.isdecimal():
        return reverse("sources:detail", args=[int(number)]), _("Mở nguồn log")
    if what == "sop" and number:
        return reverse("incidents:sop", args=[number]) + own, _("Mở quy trình")
    if reason.code in {"no_source", "no_canary_kind"}:
        return reverse("sources:choose"), _("Kết nối")
    if reason.code in _CANARY:
        return reverse("sources:canaries") + own, _("Thử ngay")
    if reason.code in _CONTACT:
        return f"{reverse('portal:home')}#truc", _("Tôi đang trực")
    if reason.code in _POSTS:
        return reverse("registry:unit", args=[unit_id]) + "#vi-tri", _("Xem người giữ vị trí")
    if reason.code == "no_system":
        return reverse("registry:unit", args=[unit_id]) + "#he-thong", _("Kê khai")
    if reason.code in _AWARENESS:
        return reverse("registry:roster") + own, _("Mở danh sách cán bộ")
    if reason.code in {"no_sop", "no_clock"}:
        return reverse("incidents:sops") + own, _("Mở mục Quy trình")
    if reason.code in {"no_task_done", "task_missed"}:
        return reverse("cascade:of_unit", args=[unit_id]), _("Mở việc định kỳ")
    if reason.code == "outside_register":
        return reverse("observed:of_unit", args=[unit_id]), _("Xem từng mục")
    if reason.code == "clock_missed":
        return reverse("incidents:list") + own, _("Xem sự cố")
    if reason.url_name:
        return reverse(reason.url_name), _("Mở trang")
    return reverse("duties:duty", args=[unit_id, duty_key]), _("Xem nghĩa vụ")
