from django.utils.translation import gettext as _

from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.enums import RevisionState
from dekhang.apps.duties.models import Revision
from dekhang.apps.registry.policies import check_works_for_unit
from dekhang.apps.registry.selectors import holds


def check_can_submit(user: User, unit_id: int) -> None:
    """Head or officer of the unit file in its name."""
    check_works_for_unit(user, unit_id)


def check_can_withdraw_revision(user: User, revision: Revision) -> None:
    check_works_for_unit(user, revision.document.unit_id)
    if revision.state != RevisionState.SUBMITTED:
        raise ActionDenied(_("Chỉ rút được bản còn chờ kiểm tra."))


def check_can_review(user: User, revision: Revision) -> None:
    """The coordinator, but never of a unit for which they work: who operates may not appraise."""
    if user.role != Role.COORDINATOR:
        raise ActionDenied(_("Chỉ cơ quan điều phối kiểm tra văn bản minh chứng."))
    if user.pk == revision.submitted_by_id or holds(user, revision.document.unit_id):
        raise ActionDenied(_("Bạn nộp hoặc làm việc cho đơn vị này, nên người khác phải kiểm tra văn bản."))


INSPECTORS = frozenset({Role.INSPECTOR, Role.COORDINATOR})


def check_can_see_signs(user: User) -> None:
    if user.role not in INSPECTORS:
        raise ActionDenied(_("Chỉ thanh tra và cơ quan điều phối xem được dấu hiệu cần kiểm tra."))
