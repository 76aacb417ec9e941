from django.utils.translation import gettext as _

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.enums import ImportState
from dekhang.apps.registry.models import Reorganisation, RosterImport
from dekhang.apps.registry.policies import MANAGERS, check_works_for_unit


def check_can_import(user: User, unit_id: int | None) -> None:
    """The whole province's list: who keeps the registry. One unit's: also its head and officer."""
    if user.role in MANAGERS:
        return
    if unit_id is None:
        raise ActionDenied(_("Chỉ cơ quan điều phối nạp danh sách của cả tỉnh; đơn vị nạp danh sách của mình."))
    check_works_for_unit(user, unit_id)


def check_can_undo_import(user: User, one: RosterImport) -> None:
    check_can_import(user, one.unit_id)
    if one.state != ImportState.APPLIED:
        raise ActionDenied(_("Chỉ hoàn tác được tệp đã nạp."))
    planned = Reorganisation.objects.filter(planned_at__gt=one.applied_at, undone_at=None)
    if any(event.undo.get("closed", {}).get("employment") for event in planned):
        raise ActionDenied(_("Sau khi nạp tệp này đã có sắp xếp đơn vị chuyển cán bộ. Sửa bằng một tệp mới."))
    later = RosterImport.objects.filter(state=ImportState.APPLIED, applied_at__gt=one.applied_at).exclude(pk=one.pk)
    if one.unit_id is not None:
        later = later.filter(unit_id__in=[one.unit_id, None]) | later.filter(unit_id=None)
    if later.exists():
        raise ActionDenied(_("Đã có tệp nạp sau tệp này. Hoàn tác tệp nạp sau trước."))
