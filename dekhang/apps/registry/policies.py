from django.utils.translation import gettext as _

from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry import selectors
from dekhang.apps.registry.enums import PostKind

MANAGERS = frozenset({Role.COORDINATOR, Role.ADMINISTRATOR})


def check_works_for_unit(user: User, unit_id: int) -> None:
    """Head or officer of the unit: those who act in its name."""
    if not selectors.holds(user, unit_id, PostKind.HEAD, PostKind.OFFICER):
        raise ActionDenied(
            _("Chỉ thủ trưởng hoặc cán bộ chuyên trách của %(unit)s làm được việc này.")
            % {"unit": selectors.unit_name(unit_id)}
        )


def check_is_head(user: User, unit_id: int) -> None:
    if not selectors.holds(user, unit_id, PostKind.HEAD):
        raise ActionDenied(_("Chỉ thủ trưởng %(unit)s làm được việc này.") % {"unit": selectors.unit_name(unit_id)})


def check_can_manage_registry(user: User) -> None:
    if user.role not in MANAGERS:
        raise ActionDenied(_("Chỉ cơ quan điều phối hoặc quản trị hệ thống được sửa danh sách đơn vị."))
