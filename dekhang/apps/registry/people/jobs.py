"""What the roster does on the clock: reading and applying the workbooks that wait."""

import logging

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.registry.enums import ImportState
from dekhang.apps.registry.models import RosterImport
from dekhang.apps.registry.people.reading import read_import
from dekhang.apps.registry.people.services import apply

logger = logging.getLogger(__name__)


def work_off() -> int:
    """Read or apply one workbook; returns how many. May take a minute for a province: runs beside the other jobs."""
    for state, doing in ((ImportState.APPLYING, _apply), (ImportState.WAITING, _read)):
        one = RosterImport.objects.filter(state=state).order_by("pk").first()
        if one is not None:
            doing(one)
            return 1
    return 0


def _read(one: RosterImport) -> None:
    if RosterImport.objects.filter(pk=one.pk, state=ImportState.WAITING).update(state=ImportState.READING) == 1:
        read_import(one)


def _apply(one: RosterImport) -> None:
    try:
        apply(one=one)
    except ActionDenied as denied:
        RosterImport.objects.filter(pk=one.pk).update(state=ImportState.FAULTY, problem=str(denied)[:500])


def take_up() -> int:
    """What a stopped process was reading waits again. Once at start."""
    return RosterImport.objects.filter(state=ImportState.READING).update(state=ImportState.WAITING)
