from django.db import models
from django.utils.translation import gettext_lazy as _


class ClaimState(models.TextChoices):
    """State of a unit's claim on a duty on a date; computed from evidence, never typed (design §5)."""

    UNKNOWN = "unknown", _("Không rõ")
    DECLARED = "declared", _("Đã khai báo")
    EVIDENCED = "evidenced", _("Có bằng chứng")
    PROVEN = "proven", _("Đã chứng minh")
    DECAYED = "decayed", _("Suy giảm")
    REFUTED = "refuted", _("Bị bác bỏ")


# Decayed units still declare; a refuted claim is not a declaration that counts.
COUNTS_AS_DECLARED = frozenset({ClaimState.DECLARED, ClaimState.EVIDENCED, ClaimState.PROVEN, ClaimState.DECAYED})


class EvidenceKind(models.TextChoices):
    """What the system saw. `subject` says of what: `source:12`, `sop:intrusion`, `contact:3` …"""

    SOURCE_EXPECTED = "source_expected", _("Nguồn log phải có")
    SOURCE_DELIVERING = "source_delivering", _("Nguồn log gửi đều")
    SOURCE_LOSS = "source_loss", _("Tỷ lệ mất log trong giới hạn")
    CANARY = "canary", _("Phép thử khả năng ghi nhận")
    SOP_DOCUMENT = "sop_document", _("Văn bản quy trình")
    SOP_APPROVED = "sop_approved", _("Thủ trưởng phê duyệt quy trình")
    SOP_READ = "sop_read", _("Người có vai trò đã đọc quy trình")
    SOP_EXERCISED = "sop_exercised", _("Đã thực hành quy trình")
    CONTACT_ALIVE = "contact_alive", _("Đầu mối trực đã trả lời")
    POST_FILLED = "post_filled", _("Vị trí có người giữ")
    CLOCK = "clock", _("Thời hạn báo cáo")


class Outcome(models.TextChoices):
    OK = "ok", _("Đạt")
    BROKEN = "broken", _("Không đạt")


class AuditAction(models.TextChoices):
    CLAIM_DECLARED = "claim_declared", _("Khai báo thực hiện nghĩa vụ")
    CLAIM_WITHDRAWN = "claim_withdrawn", _("Rút khai báo")
    CLAIM_CONTESTED = "claim_contested", _("Gửi giải trình về kết quả")
    CONTEST_ANSWERED = "contest_answered", _("Trả lời giải trình")
    EVIDENCE_RECORDED = "evidence_recorded", _("Ghi nhận bằng chứng")
