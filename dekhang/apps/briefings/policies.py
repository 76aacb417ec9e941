"""May this person do this, now? Each check raises `ActionDenied` with the sentence that also stands at the button."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang.apps.briefings.enums import MOVES, BriefingStatus
from dekhang.apps.briefings.models import Briefing, Invitation, Material, Question
from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.policies import check_works_for_unit
from dekhang.apps.registry.selectors import unit_name

DOORS_OPEN = timedelta(hours=1)  # people come before it begins, and queue at the door
DOORS_CLOSE = timedelta(minutes=30)  # after the end


def check_can_hold(user: User, unit_id: int | None) -> None:
    """The coordinator holds the province's briefings; a unit's people those for their own unit and those below it."""
    if unit_id is None:
        if user.role != Role.COORDINATOR:
            raise ActionDenied(_("Chỉ cơ quan điều phối tổ chức hội nghị của tỉnh."))
    else:
        check_works_for_unit(user, unit_id)


def check_can_organise(user: User, briefing: Briefing) -> None:
    check_can_hold(user, briefing.unit_id)


def check_can_change(user: User, briefing: Briefing) -> None:
    """Time, place, who is invited, what is given out."""
    check_can_organise(user, briefing)
    if briefing.status not in (BriefingStatus.DRAFT, BriefingStatus.ANNOUNCED):
        raise ActionDenied(_("Hội nghị %(status)s, không sửa được nữa.") % {"status": _status(briefing)})


def check_can_move(user: User, briefing: Briefing, to: str) -> None:
    check_can_organise(user, briefing)
    if to not in MOVES[BriefingStatus(briefing.status)]:
        raise ActionDenied(
            _("Hội nghị %(status)s, nên không chuyển sang “%(to)s” được.")
            % {"status": _status(briefing), "to": BriefingStatus(to).label}
        )
    if to == BriefingStatus.ANNOUNCED and not briefing.invitations.exists():
        raise ActionDenied(_("Chưa mời đơn vị nào. Hãy chọn đơn vị rồi gửi giấy mời."))
    if to == BriefingStatus.CLOSED and clock.now() < briefing.starts_at:
        raise ActionDenied(_("Hội nghị chưa bắt đầu. Nếu không tổ chức nữa, hãy bấm “Hủy hội nghị”."))


def check_can_uninvite(user: User, invitation: Invitation) -> None:
    check_can_change(user, invitation.briefing)
    if invitation.attendances.exists() or invitation.readings.exists():
        raise ActionDenied(
            _("%(unit)s đã có người dự hoặc đọc tài liệu, nên giấy mời được giữ lại.")
            % {"unit": unit_name(invitation.unit_id)}
        )


def check_can_keep_list(user: User, briefing: Briefing) -> None:
    """Write down, strike and correct who came; also afterwards, until the briefing is closed."""
    check_can_organise(user, briefing)
    if briefing.status == BriefingStatus.CLOSED:
        raise ActionDenied(_("Hội nghị đã kết thúc và danh sách đã chốt. Muốn sửa, hãy mở lại hội nghị trước."))
    if briefing.status != BriefingStatus.ANNOUNCED:
        raise ActionDenied(_("Hội nghị %(status)s, chưa điểm danh được.") % {"status": _status(briefing)})


def check_doors_open(briefing: Briefing) -> None:
    """Whether the code of the room counts now; whoever asks."""
    if briefing.status != BriefingStatus.ANNOUNCED:
        raise ActionDenied(_("Hội nghị %(status)s, không điểm danh bằng mã được.") % {"status": _status(briefing)})
    now = clock.now()
    if now < briefing.starts_at - DOORS_OPEN:
        raise ActionDenied(
            _("Điểm danh bằng mã mở từ %(when)s, một giờ trước khi bắt đầu.")
            % {"when": f"{timezone.localtime(briefing.starts_at - DOORS_OPEN):%H:%M %d/%m/%Y}"}
        )
    if now > briefing.ends_at + DOORS_CLOSE:
        raise ActionDenied(_("Hội nghị đã xong, mã không còn dùng được. Ban tổ chức ghi bổ sung vào danh sách."))


def check_can_show_code(user: User, briefing: Briefing) -> None:
    check_can_organise(user, briefing)
    check_doors_open(briefing)


def check_is_invited(user: User, invitation: Invitation) -> None:
    """The unit's own people, once the invitation is out."""
    check_works_for_unit(user, invitation.unit_id)
    if invitation.briefing.status not in (BriefingStatus.ANNOUNCED, BriefingStatus.CLOSED):
        raise ActionDenied(_("Hội nghị %(status)s.") % {"status": _status(invitation.briefing)})


def check_can_read(user: User, invitation: Invitation, material: Material) -> None:
    """Say that one has read a file, which one must have opened before."""
    check_is_invited(user, invitation)
    mine = material.readings.filter(user=user).first()
    if mine is None:
        raise ActionDenied(_("Hãy mở tài liệu trước, đọc rồi mới xác nhận."))
    if mine.read_at is not None:
        raise ActionDenied(_("Bạn đã xác nhận đọc tài liệu này."))


def check_can_answer(user: User, question: Question) -> None:
    check_can_organise(user, question.briefing)


def _status(briefing: Briefing) -> str:
    return str(BriefingStatus(briefing.status).label).lower()
