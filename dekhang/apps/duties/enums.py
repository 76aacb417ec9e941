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


class ReasonCode(models.TextChoices):
    """What stands between a unit and its proof, in a few words, for counts over many units."""

    NO_SOURCE = "no_source", _("Chưa kết nối nguồn log")
    NEVER_DELIVERED = "never_delivered", _("Nguồn log chưa gửi sự kiện nào")
    SILENT = "silent", _("Nguồn log im lặng")
    LOSS = "loss", _("Mất log quá giới hạn")
    NO_CANARY_KIND = "no_canary_kind", _("Chưa có loại nguồn thử được")
    CANARY_MISSING = "canary_missing", _("Chưa thử khả năng ghi nhận")
    CANARY_FAILED = "canary_failed", _("Phép thử không đạt")
    CANARY_EXPIRED = "canary_expired", _("Phép thử hết hạn")
    CANARY_AGAIN = "canary_again", _("Cần thử lại sau khi im lặng")
    NO_SOP = "no_sop", _("Chưa có quy trình")
    NOT_APPROVED = "not_approved", _("Quy trình chưa được phê duyệt")
    APPROVE_AGAIN = "approve_again", _("Bản mới chưa được phê duyệt")
    APPROVAL_EXPIRED = "approval_expired", _("Phê duyệt hết hạn")
    NOT_READ = "not_read", _("Người có vai trò chưa đọc")
    NOT_EXERCISED = "not_exercised", _("Chưa diễn tập")
    EXERCISE_FAILED = "exercise_failed", _("Diễn tập không đạt")
    EXERCISE_EXPIRED = "exercise_expired", _("Diễn tập hết hạn")
    NOT_MEASURED = "not_measured", _("Chưa đo bước đầu tiên")
    HEAD_MISSING = "head_missing", _("Chưa có thủ trưởng trong hệ thống")
    OFFICER_MISSING = "officer_missing", _("Chưa có cán bộ chuyên trách")
    CONTACT_MISSING = "contact_missing", _("Đầu mối trực chưa trả lời")
    CONTACT_EXPIRED = "contact_expired", _("Đầu mối trực im lặng quá hạn")
    NOT_PROVABLE_YET = "not_provable_yet", _("Chưa tự kiểm chứng")


class AuditAction(models.TextChoices):
    CLAIM_DECLARED = "claim_declared", _("Khai báo thực hiện nghĩa vụ")
    CLAIM_WITHDRAWN = "claim_withdrawn", _("Rút khai báo")
    CLAIM_CONTESTED = "claim_contested", _("Gửi giải trình về kết quả")
    CONTEST_ANSWERED = "contest_answered", _("Trả lời giải trình")
    EVIDENCE_RECORDED = "evidence_recorded", _("Ghi nhận bằng chứng")
