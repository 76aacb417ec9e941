"""Who may do what with searches. Looking needs no permission of its own: it never goes beyond the units one may see."""

from django.utils.translation import gettext as _

from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.search.models import SavedSearch


def check_can_change_saved(user: User, saved: SavedSearch) -> None:
    if saved.owner_id != user.pk:
        raise ActionDenied(_("Chỉ %(who)s, người đã lưu câu tìm này, đổi tên hoặc xóa được.") % {"who": saved.owner})


def check_can_hunt(user: User) -> None:
    """Hunts go through the history of all units, and their findings can become everybody's alerts."""
    if user.role != Role.COORDINATOR:
        raise ActionDenied(
            _("Chỉ cơ quan điều phối lùng được trong dữ liệu của mọi đơn vị; đơn vị tìm trong log của mình.")
        )
