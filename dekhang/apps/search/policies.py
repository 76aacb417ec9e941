"""Who may do what with searches. Looking needs no permission of its own: it never goes beyond the units one may see."""

from django.utils.translation import gettext as _

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.search.models import SavedSearch


def check_can_change_saved(user: User, saved: SavedSearch) -> None:
    if saved.owner_id != user.pk:
        raise ActionDenied(_("Chỉ %(who)s, người đã lưu câu tìm này, đổi tên hoặc xóa được.") % {"who": saved.owner})
