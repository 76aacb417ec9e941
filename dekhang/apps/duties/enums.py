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
    DOCUMENT_CHECKED = "document_checked", _("Văn bản đã được kiểm tra")
    SYSTEM_REGISTERED = "system_registered", _("Hệ thống trong danh sách")
    OUTSIDE_REGISTER = "outside_register", _("Hệ thống thấy được ngoài danh sách")
    RECURRING_TASK = "recurring_task", _("Việc định kỳ")
    PLAN_TASK = "plan_task", _("Việc của kế hoạch đã được kiểm tra")
    AWARENESS = "awareness", _("Kiểm tra nhận thức")
    SECRET_INCIDENT = "secret_incident", _("Vụ lộ, mất bí mật nhà nước")
    INFORMED = "informed", _("Đã quán triệt")
    INSPECTION_FINDING = "inspection_finding", _("Phát hiện khi kiểm tra")
    SUPPORT_ANSWERED = "support_answered", _("Doanh nghiệp trả lời yêu cầu hỗ trợ")
    SUPPORT_VERIFIED = "support_verified", _("Đơn vị xác nhận kết quả hỗ trợ")


class EvidenceSource(models.TextChoices):
    """Who says so."""

    SYSTEM = "system", _("Hệ thống tự thấy")
    PERSON = "person", _("Người kiểm tra xác nhận")
    IMPORT = "import", _("Nạp từ nguồn khác")


class DocumentKind(models.TextChoices):
    """What a filed text is. What each needs to say and which duties it may serve: `documents/kinds.py`."""

    REGULATION = "regulation", _("Quy chế bảo đảm an toàn thông tin")
    CERTIFICATE = "certificate", _("Chứng chỉ đào tạo chuyên sâu về an toàn thông tin")
    LEVEL_DECISION = "level_decision", _("Quyết định phê duyệt cấp độ")
    CONTROLS_ASSESSMENT = "controls_assessment", _("Kết quả đánh giá biện pháp bảo vệ")
    OWN_FORCE = "own_force", _("Quyết định về lực lượng tại chỗ (lớp 1)")
    MONITORING = "monitoring", _("Hợp đồng, quyết định giám sát chuyên nghiệp (lớp 2)")
    INDEPENDENT_CHECK = "independent_check", _("Báo cáo kiểm tra của đơn vị độc lập (lớp 3)")
    NATIONAL_LINK = "national_link", _("Xác nhận kết nối hệ thống giám sát quốc gia (lớp 4)")
    BUDGET = "budget", _("Quyết định giao kinh phí")
    SECRETS_OFFICER = "secrets_officer", _("Phân công phụ trách bảo vệ bí mật nhà nước")
    SECRETS_REPORT = "secrets_report", _("Xác nhận đã gửi báo cáo năm về bí mật nhà nước")
    OTHER = "other", _("Văn bản khác")


class RevisionState(models.TextChoices):
    SUBMITTED = "submitted", _("Chờ kiểm tra")
    ACCEPTED = "accepted", _("Được chấp nhận")
    RETURNED = "returned", _("Bị trả lại")
    WITHDRAWN = "withdrawn", _("Đơn vị đã rút")


# a document that was accepted may be found wrong later: then it is returned, and the proof ends with that
REVISION_MOVES: dict[RevisionState, frozenset[RevisionState]] = {
    RevisionState.SUBMITTED: frozenset({RevisionState.ACCEPTED, RevisionState.RETURNED, RevisionState.WITHDRAWN}),
    RevisionState.ACCEPTED: frozenset({RevisionState.RETURNED}),
    RevisionState.RETURNED: frozenset({RevisionState.SUBMITTED}),  # the reviewer erred: back into the queue
    RevisionState.WITHDRAWN: frozenset({RevisionState.SUBMITTED}),
}


class ContestState(models.TextChoices):
    """Giải trình: a unit disagrees with its number of a day."""

    OPEN = "open", _("Chờ xem xét")
    CORRECTED = "corrected", _("Được sửa")
    REFUSED = "refused", _("Bị từ chối")
    WITHDRAWN = "withdrawn", _("Đơn vị đã rút")


CONTEST_MOVES: dict[ContestState, frozenset[ContestState]] = {
    ContestState.OPEN: frozenset({ContestState.CORRECTED, ContestState.REFUSED, ContestState.WITHDRAWN}),
    ContestState.CORRECTED: frozenset(),
    ContestState.REFUSED: frozenset(),
    ContestState.WITHDRAWN: frozenset(),
}


class Correction(models.TextChoices):
    """What a correction may be; the number itself is never edited."""

    OBSERVATION = "observation", _("Rút quan sát sai bằng một quan sát mới")
    NOTE = "note", _("Ghi chú bên cạnh con số")


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
    OFFICER_BROKEN = "officer_broken", _("Cán bộ chuyên trách đã thôi giữ vị trí")
    OFFICER_EXPIRED = "officer_expired", _("Hết thời gian giữ vị trí cán bộ chuyên trách")
    CERTIFICATE_OF_ANOTHER = "certificate_of_another", _("Chứng chỉ của người khác")
    DOCUMENT_MISSING = "document_missing", _("Chưa có văn bản được kiểm tra")
    DOCUMENT_BROKEN = "document_broken", _("Văn bản không còn được chấp nhận")
    DOCUMENT_EXPIRED = "document_expired", _("Văn bản hết hạn")
    NO_SYSTEM = "no_system", _("Chưa kê khai hệ thống")
    OUTSIDE_REGISTER = "outside_register", _("Có hệ thống ngoài danh sách")
    NO_TASK_DONE = "no_task_done", _("Chưa làm việc định kỳ nào")
    TASK_MISSED = "task_missed", _("Việc định kỳ quá hạn")
    CLOCK_MISSED = "clock_missed", _("Trễ thời hạn")
    NO_CLOCK = "no_clock", _("Chưa có thời hạn nào được đo")
    SAME_FIRM = "same_firm", _("Bên kiểm tra không độc lập")
    BUDGET_LOW = "budget_low", _("Kinh phí dưới mức tối thiểu")
    SECRET_INCIDENT = "secret_incident", _("Có vụ lộ, mất bí mật")
    AWARENESS_MISSING = "awareness_missing", _("Chưa có số liệu nhận thức")
    AWARENESS_BROKEN = "awareness_broken", _("Số liệu nhận thức không dùng được")
    AWARENESS_EXPIRED = "awareness_expired", _("Kết quả nhận thức hết hạn")
    NO_ROSTER = "no_roster", _("Chưa có danh sách cán bộ")
    NEVER_STARTED = "never_started", _("Chưa ai làm bài kiểm tra")
    NOT_PASSED = "not_passed", _("Còn người chưa đạt")
    PROVIDER_UNKNOWN = "provider_unknown", _("Đầu mối doanh nghiệp chưa trả lời")
    PROVIDER_SILENT = "provider_silent", _("Đầu mối doanh nghiệp im lặng quá hạn")
    NO_REQUEST = "no_request", _("Chưa có yêu cầu hỗ trợ nào")
    REQUEST_LATE = "request_late", _("Trả lời yêu cầu hỗ trợ trễ")
    NOT_VERIFIED = "not_verified", _("Kết quả hỗ trợ chưa được xác nhận")
    RESULT_REFUSED = "result_refused", _("Kết quả hỗ trợ không đạt")


class AuditAction(models.TextChoices):
    CLAIM_DECLARED = "claim_declared", _("Khai báo thực hiện nghĩa vụ")
    CLAIM_WITHDRAWN = "claim_withdrawn", _("Rút khai báo")
    CLAIM_CONTESTED = "claim_contested", _("Gửi giải trình về kết quả")
    CONTEST_CORRECTED = "contest_corrected", _("Sửa theo giải trình")
    CONTEST_REFUSED = "contest_refused", _("Từ chối giải trình")
    CONTEST_WITHDRAWN = "contest_withdrawn", _("Rút giải trình")
    CONTEST_OVERDUE = "contest_overdue", _("Giải trình quá hạn trả lời")
    CHECKS_BROUGHT = "checks_brought", _("Nạp kết quả kiểm tra nhận thức")
    CHECKS_UNDONE = "checks_undone", _("Hoàn tác nạp kết quả kiểm tra nhận thức")
    SUPPORT_ASKED = "support_asked", _("Gửi yêu cầu tới doanh nghiệp viễn thông")
    SUPPORT_ANSWERED = "support_answered", _("Ghi câu trả lời của doanh nghiệp viễn thông")
    SUPPORT_VERIFIED = "support_verified", _("Xác nhận kết quả hỗ trợ của doanh nghiệp")
    OBSERVATION_RETRACTED = "observation_retracted", _("Rút một quan sát sai")
    DOCUMENT_SUBMITTED = "document_submitted", _("Nộp văn bản minh chứng")
    DOCUMENT_ACCEPTED = "document_accepted", _("Chấp nhận văn bản minh chứng")
    DOCUMENT_RETURNED = "document_returned", _("Trả lại văn bản minh chứng")
    DOCUMENT_WITHDRAWN = "document_withdrawn", _("Rút văn bản minh chứng")
    DOCUMENT_RESUBMITTED = "document_resubmitted", _("Đưa văn bản về chờ kiểm tra")
    SECRET_MARK_REFUSED = "secret_mark_refused", _("Từ chối nội dung có dấu bí mật nhà nước")
    EVIDENCE_RECORDED = "evidence_recorded", _("Ghi nhận bằng chứng")
