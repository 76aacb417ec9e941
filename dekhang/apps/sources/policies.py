"""May this person do this with this source, now? Each refusal is a sentence for the page."""

from datetime import timedelta

from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry import policies as registry_policies
from dekhang.apps.sources.enums import CANARY_KINDS, RUNNING_CANARY, CanaryState, SourceState
from dekhang.apps.sources.models import Canary, LogSource

CANCEL_MINUTES = 2
INTAKE_READERS = frozenset({Role.COORDINATOR, Role.ADMINISTRATOR})


def check_can_connect(user: User, unit_id: int | None) -> None:
    if unit_id is None:
        raise ActionDenied(_("Nguồn log do cán bộ chuyên trách hoặc thủ trưởng của chính đơn vị kết nối."))
    registry_policies.check_works_for_unit(user, unit_id)


def check_can_change(user: User, source: LogSource) -> None:
    registry_policies.check_works_for_unit(user, source.unit_id)
    if source.state == SourceState.RETIRED:
        raise ActionDenied(_("Nguồn này đã ngừng. Hãy dùng lại nguồn trước khi sửa."))


def check_can_restore(user: User, source: LogSource) -> None:
    registry_policies.check_works_for_unit(user, source.unit_id)
    if source.state != SourceState.RETIRED:
        raise ActionDenied(_("Nguồn này đang được dùng, không cần khôi phục."))


def check_can_start_canary(user: User, source: LogSource) -> None:
    check_can_change(user, source)
    if source.kind not in CANARY_KINDS:
        raise ActionDenied(
            _("Chỉ thử được với máy Windows, máy Linux và máy chủ web. Hãy kết nối thêm một nguồn thuộc các loại này.")
        )
    if source.state == SourceState.WAITING:
        raise ActionDenied(_("Nguồn chưa gửi sự kiện nào. Hãy kết nối xong, thấy sự kiện đầu tiên rồi mới thử."))
    check_no_canary_runs(source)


def check_no_canary_runs(source: LogSource) -> None:
    if source.canaries.filter(state__in=RUNNING_CANARY).exists():
        raise ActionDenied(_("Đang có một phép thử chưa xong của nguồn này. Hãy làm tiếp phép thử đó."))


def check_can_cancel_canary(user: User, canary: Canary) -> None:
    """Undo of a start by mistake; later it would be a way to hide that a test fails."""
    registry_policies.check_works_for_unit(user, canary.unit_id)
    if canary.state != CanaryState.STARTED or clock.now() > canary.started_at + timedelta(minutes=CANCEL_MINUTES):
        raise ActionDenied(
            _("Chỉ hủy được phép thử trong %(n)d phút đầu, khi dấu vết chưa tới.") % {"n": CANCEL_MINUTES}
        )


def check_can_plan_canaries(user: User, unit_id: int) -> None:
    registry_policies.check_works_for_unit(user, unit_id)


def check_can_see_unknown_senders(user: User) -> None:
    if user.role not in INTAKE_READERS:
        raise ActionDenied(_("Chỉ cơ quan điều phối và quản trị hệ thống xem được máy gửi chưa đăng ký."))


def check_can_see_intake(user: User) -> None:
    if user.role not in INTAKE_READERS:
        raise ActionDenied(_("Chỉ cơ quan điều phối và quản trị hệ thống xem được việc nhận log của mọi đơn vị."))


def check_can_set_quota(user: User) -> None:
    if user.role not in INTAKE_READERS:
        raise ActionDenied(_("Chỉ cơ quan điều phối và quản trị hệ thống đặt được hạn mức của một nguồn."))
