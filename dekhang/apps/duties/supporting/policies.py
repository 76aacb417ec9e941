from django.utils.translation import gettext as _

from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.models import SupportRequest
from dekhang.apps.registry.policies import check_works_for_unit


def check_can_ask_providers(user: User) -> None:
    if user.role != Role.COORDINATOR:
        raise ActionDenied(_("Chỉ cơ quan điều phối gửi và theo dõi yêu cầu tới doanh nghiệp viễn thông, Internet."))


def check_can_record_answer(user: User, request: SupportRequest) -> None:
    check_can_ask_providers(user)
    if request.answered_at is not None:
        raise ActionDenied(_("Câu trả lời của yêu cầu này đã được ghi."))


def check_can_verify(user: User, request: SupportRequest) -> None:
    """Those for whom help was asked, for the province another coordinator; never who asked or wrote down the answer."""
    if request.answered_at is None:
        raise ActionDenied(_("Doanh nghiệp chưa trả lời nên chưa có kết quả để xác nhận."))
    if request.verified_at is not None:
        raise ActionDenied(_("Kết quả này đã được xác nhận."))
    if request.unit_id is not None:
        check_works_for_unit(user, request.unit_id)
    else:
        check_can_ask_providers(user)
    if user.pk in (request.asked_by_id, request.answer_recorded_by_id):
        raise ActionDenied(
            _(
                "Bạn gửi yêu cầu hoặc ghi câu trả lời, nên một điều phối viên khác, hoặc người khác của đơn vị được giúp, xác nhận kết quả."
            )
        )
