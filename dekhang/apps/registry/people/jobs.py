"""What the roster does on the clock: reading and applying the workbooks that wait."""

from collections.abc import Callable

from django.db import OperationalError
from django.utils.translation import gettext as _

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.registry.enums import ImportState
from dekhang.apps.registry.models import RosterImport
from dekhang.apps.registry.people.reading import fail, read_import
from dekhang.apps.registry.people.services import apply


def work_off() -> int:
    """Read or apply one workbook; returns how many. May take a minute for a province: runs beside the other jobs."""
    for state, doing in ((ImportState.APPLYING, apply_now), (ImportState.WAITING, read_now)):
        one = RosterImport.objects.filter(state=state).order_by("pk").first()
        if one is not None:
            doing(one)
            return 1
    return 0


def read_now(one: RosterImport, tell: Callable[[int], None] = lambda number: None) -> None:
    """Claim and read one; `tell` hears how many rows are read."""
    if RosterImport.objects.filter(pk=one.pk, state=ImportState.WAITING).update(state=ImportState.READING) != 1:
        return
    try:
        read_import(one, tell)
    except OperationalError:  # the records were busy too long: it waits again and is read from its beginning
        RosterImport.objects.filter(pk=one.pk).update(state=ImportState.WAITING)
        raise
    except Exception:
        fail(one, _("Không đọc được tệp vì lỗi của hệ thống; quản trị xem nhật ký của phần jobs. Chưa nạp gì."))
        raise


def apply_now(one: RosterImport) -> None:
    try:
        apply(one=one)
    except ActionDenied as denied:
        # of two that apply at once the second finds it done
        mine = RosterImport.objects.filter(pk=one.pk, state=ImportState.APPLYING)
        mine.update(state=ImportState.FAULTY, problem=str(denied)[:500])


def take_up() -> int:
    """What a stopped process was reading waits again. Once at start."""
    return RosterImport.objects.filter(state=ImportState.READING).update(state=ImportState.WAITING)
