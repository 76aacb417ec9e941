from django.db import models
from django.utils.translation import gettext_lazy as _


class PlanState(models.TextChoices):
    """Of one version of a plan."""

    DRAFT = "draft", _("Bản nháp")
    ISSUED = "issued", _("Đang thực hiện")
    REPLACED = "replaced", _("Đã được thay")


# what is issued is never edited: a change is a new version
PLAN_MOVES: dict[PlanState, frozenset[PlanState]] = {
    PlanState.DRAFT: frozenset({PlanState.ISSUED}),
    PlanState.ISSUED: frozenset({PlanState.REPLACED}),
    PlanState.REPLACED: frozenset(),
}


class DeadlineKind(models.TextChoices):
    ONCE = "once", _("Một lần, có ngày hạn")
    RECURRING = "recurring", _("Định kỳ")
    STANDING = "standing", _("Thường xuyên, không có ngày hạn")


class Period(models.TextChoices):
    MONTH = "month", _("Mỗi tháng")
    QUARTER = "quarter", _("Mỗi quý")
    HALF = "half", _("Mỗi sáu tháng")
    YEAR = "year", _("Mỗi năm")


class PartyRole(models.TextChoices):
    LEAD = "lead", _("Chủ trì")
    COORDINATE = "coordinate", _("Phối hợp")


class TaskState(models.TextChoices):
    """How an assignment stands at a moment: computed from rows (`states.py`), never ticked."""

    NOT_REPORTED = "not_reported", _("Chưa báo cáo")
    REPORTED = "reported", _("Đã báo cáo")
    PROVEN = "proven", _("Đã chứng minh")
    CONTESTED = "contested", _("Bị giải trình")


class ReceiptKind(models.TextChoices):
    RECEIVED = "received", _("Đã nhận")
    READ = "read", _("Đã đọc")
    ACCEPTED = "accepted", _("Đã tiếp nhận")


class EndCause(models.TextChoices):
    """Why an assignment is over."""

    WITHDRAWN = "withdrawn", _("Nơi giao thu hồi")
    DROPPED = "dropped", _("Kế hoạch bản mới không còn việc này")
    MOVED = "moved", _("Chuyển sang đơn vị kế tiếp sau sắp xếp")
    UNIT_ENDED = "unit_ended", _("Đơn vị kết thúc hoạt động")


class DueCause(models.TextChoices):
    SENT = "sent", _("Khi giao việc")
    EXTENDED = "extended", _("Gia hạn")
    REPLACED = "replaced", _("Kế hoạch bản mới đổi hạn")
    MOVED = "moved", _("Theo sang đơn vị kế tiếp")


class Verdict(models.TextChoices):
    ACCEPTED = "accepted", _("Được chấp nhận")
    RETURNED = "returned", _("Bị trả lại")


class ContestSide(models.TextChoices):
    """Who asks whom for an explanation."""

    UNIT = "unit", _("Đơn vị giải trình")
    ABOVE = "above", _("Cấp trên yêu cầu giải trình")


class Step(models.IntegerChoices):
    """Rungs of the ladder; each is climbed once for a deadline."""

    OFFICER = 1, _("Cán bộ chuyên trách")
    HEAD = 2, _("Thủ trưởng đơn vị")
    PROVINCE = 3, _("Cơ quan điều phối")


class About(models.TextChoices):
    """What an unanswered task is carried up for."""

    ACCEPT = "accept", _("Chưa tiếp nhận")
    REPORT = "report", _("Quá hạn báo cáo")


class AuditAction(models.TextChoices):
    PLAN_DRAFTED = "plan_drafted", _("Lập bản nháp kế hoạch")
    PLAN_CHANGED = "plan_changed", _("Sửa bản nháp kế hoạch")
    PLAN_DISCARDED = "plan_discarded", _("Bỏ bản nháp kế hoạch")
    PLAN_ISSUED = "plan_issued", _("Ban hành kế hoạch")
    TASK_CHANGED = "task_changed", _("Sửa việc trong bản nháp kế hoạch")
    TASK_DELETED = "task_deleted", _("Xóa việc trong bản nháp kế hoạch")
    ASSIGNMENTS_SENT = "assignments_sent", _("Giao việc của kế hoạch")
    ASSIGNMENT_WITHDRAWN = "assignment_withdrawn", _("Thu hồi việc đã giao")
    ASSIGNMENT_ENDED = "assignment_ended", _("Kết thúc việc theo kế hoạch bản mới")
    ASSIGNMENT_MOVED = "assignment_moved", _("Chuyển việc sang đơn vị kế tiếp")
    ASSIGNMENT_RECEIVED = "assignment_received", _("Nhận việc được giao")
    ASSIGNMENT_READ = "assignment_read", _("Đọc việc được giao")
    ASSIGNMENT_ACCEPTED = "assignment_accepted", _("Tiếp nhận việc được giao")
    SUB_DUTY_SET = "sub_duty_set", _("Phân công trong đơn vị")
    SUB_DUTY_DONE = "sub_duty_done", _("Đổi tình trạng phần việc trong đơn vị")
    TASK_REPORTED = "task_reported", _("Báo cáo thực hiện việc được giao")
    TASK_REPORT_WITHDRAWN = "task_report_withdrawn", _("Rút báo cáo thực hiện")
    TASK_REPORT_ACCEPTED = "task_report_accepted", _("Chấp nhận báo cáo thực hiện")
    TASK_REPORT_RETURNED = "task_report_returned", _("Trả lại báo cáo thực hiện")
    TASK_CONTESTED = "task_contested", _("Mở giải trình về việc được giao")
    TASK_CONTEST_ANSWERED = "task_contest_answered", _("Trả lời giải trình về việc được giao")
    QUESTION_ASKED = "question_asked", _("Hỏi về việc được giao")
    QUESTION_ANSWERED = "question_answered", _("Trả lời câu hỏi về việc được giao")
    EXTENSION_ASKED = "extension_asked", _("Xin gia hạn")
    EXTENSION_DECIDED = "extension_decided", _("Trả lời xin gia hạn")
    EXTENSION_WITHDRAWN = "extension_withdrawn", _("Rút xin gia hạn")
    OCCURRENCE_MISSED = "occurrence_missed", _("Ghi nhận kỳ bị bỏ lỡ")
    TASK_ESCALATED = "task_escalated", _("Chuyển việc quá hạn lên cấp trên")
    CASCADE_EXPORTED = "cascade_exported", _("Xuất tình hình thực hiện kế hoạch")
