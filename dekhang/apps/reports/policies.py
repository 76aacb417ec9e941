"""Who may make, confirm, send, receive and return which report."""

from django.utils.translation import gettext as _

from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.policies import check_is_head, check_works_for_unit
from dekhang.apps.registry.selectors import holds
from dekhang.apps.reports.enums import ReportKind, ReportState
from dekhang.apps.reports.kinds import KINDS
from dekhang.apps.reports.models import Report


def check_can_make(user: User, kind: str, unit_id: int | None) -> None:
    """Of a unit: its head and officer, and the coordinator; of the province: the coordinator."""
    wanted = "province" if unit_id is None else "unit"
    if wanted not in KINDS[kind].subjects:
        raise ActionDenied(
            _("Loại báo cáo này chỉ lập cho toàn tỉnh.") if unit_id else _("Loại báo cáo này chỉ lập cho từng đơn vị.")
        )
    if user.role == Role.COORDINATOR:
        return
    if unit_id is None:
        raise ActionDenied(_("Chỉ cơ quan điều phối lập báo cáo của toàn tỉnh."))
    check_works_for_unit(user, unit_id)


def check_can_word_letter(user: User, kind: str) -> None:
    """Number, recipients and signature stand for who issues the paper: a certificate is the coordinator's, whoever asks for it."""
    if kind == ReportKind.CERTIFICATE and user.role != Role.COORDINATOR:
        raise ActionDenied(_("Giấy xác nhận do cơ quan điều phối cấp: chỉ cơ quan đó ghi số và người ký."))


def check_can_confirm(user: User, report: Report) -> None:
    """Law: CT14-2019: the head answers for what the unit says."""
    if not KINDS[report.kind].confirmed:
        raise ActionDenied(_("Loại giấy này không cần xác nhận."))
    if report.provisional:
        raise ActionDenied(_("Đây là bản tạm tính khi ngày chưa hết. Lập bản của một ngày đã qua rồi xác nhận."))
    if report.unit_id is not None:
        check_is_head(user, report.unit_id)
    elif user.role != Role.COORDINATOR:
        raise ActionDenied(_("Chỉ cơ quan điều phối duyệt báo cáo của toàn tỉnh."))
    if report.state != ReportState.MADE:
        raise ActionDenied(_("Báo cáo này không còn chờ xác nhận."))


def check_can_submit(user: User, report: Report) -> None:
    """A unit's people send it to the coordinator; the coordinator notes that the province's went out."""
    if report.unit_id is not None:
        check_works_for_unit(user, report.unit_id)
    elif user.role != Role.COORDINATOR:
        raise ActionDenied(_("Chỉ cơ quan điều phối gửi báo cáo của toàn tỉnh."))
    if report.state != ReportState.CONFIRMED:
        raise ActionDenied(_("Thủ trưởng xác nhận trước, rồi mới gửi được."))


def check_can_decide(user: User, report: Report) -> None:
    """The coordinator, but never about a unit for which they work."""
    if user.role != Role.COORDINATOR:
        raise ActionDenied(_("Chỉ cơ quan điều phối tiếp nhận hoặc trả lại báo cáo."))
    if report.state != ReportState.SUBMITTED:
        raise ActionDenied(_("Báo cáo này không chờ tiếp nhận."))
    if report.unit_id is not None and holds(user, report.unit_id):
        raise ActionDenied(_("Bạn làm việc cho đơn vị này, nên người khác phải tiếp nhận báo cáo."))


def check_can_follow(user: User) -> None:
    if not user.is_provincial:
        raise ActionDenied(_("Trang theo dõi nộp báo cáo dành cho cơ quan của tỉnh."))
