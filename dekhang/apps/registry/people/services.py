"""Writes of the roster: an import begun, applied as a whole, undone as a whole."""

import hashlib
from datetime import date

from django.core.files import File
from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.enums import AuditAction, ImportState
from dekhang.apps.registry.models import RosterImport
from dekhang.apps.registry.people.policies import check_can_import, check_can_undo_import
from dekhang.apps.registry.people.reading import path_of
from dekhang.apps.registry.people.selectors import employments_of
from dekhang.apps.registry.people.writing import put_in, take_out
from dekhang.apps.registry.selectors import own_unit_id


def begin_import(*, unit_id: int | None, file: File, is_complete: bool, day: date, by: User) -> RosterImport:
    """Keep a workbook for the jobs process to read. `unit_id` None: the whole province's list."""
    check_can_import(by, unit_id)
    digest = hashlib.sha256()
    with transaction.atomic():
        one = RosterImport.objects.create(
            unit_id=unit_id,
            file_name=(file.name or "danh-sach.xlsx")[:255],
            sha256="",
            is_complete=is_complete,
            day=day,
            uploaded_at=clock.now(),
            uploaded_by=by,
        )
        path = path_of(one)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            for chunk in file.chunks():
                digest.update(chunk)
                target.write(chunk)
        RosterImport.objects.filter(pk=one.pk).update(sha256=digest.hexdigest())
    one.refresh_from_db()
    return one


def confirm(*, one: RosterImport, by: User) -> None:
    """The person has seen what it changes: the jobs process applies it."""
    check_can_import(by, one.unit_id)
    if (
        RosterImport.objects.filter(pk=one.pk, state=ImportState.READY).update(state=ImportState.APPLYING, progress=0)
        != 1
    ):
        raise ActionDenied(_("Tệp này không ở bước chờ xác nhận. Mở lại trang để xem."))


def drop(*, one: RosterImport, by: User) -> None:
    check_can_import(by, one.unit_id)
    waiting = [ImportState.WAITING, ImportState.FAULTY, ImportState.READY]
    if RosterImport.objects.filter(pk=one.pk, state__in=waiting).update(state=ImportState.DROPPED) != 1:
        raise ActionDenied(_("Tệp này đã được nạp hoặc đã bỏ."))
    path_of(one).unlink(missing_ok=True)


@transaction.atomic
def apply(*, one: RosterImport) -> RosterImport:
    """All changes in one transaction.

    Raises:
        ActionDenied: the roster has changed since the preview; nothing was applied.
    """
    one = RosterImport.objects.select_for_update().get(pk=one.pk)
    if one.state != ImportState.APPLYING:
        raise ActionDenied(_("Tệp này không ở bước nạp."))
    put_in(one)
    RosterImport.objects.filter(pk=one.pk).update(state=ImportState.APPLIED, applied_at=clock.now(), progress=0)
    record_event(
        action=AuditAction.ROSTER_APPLIED,
        by=one.uploaded_by,
        target=one,
        unit_id=one.unit_id,
        detail={
            "joins": one.joins,
            "moves": one.moves,
            "corrections": one.corrections,
            "leaves": one.leaves,
            "sha256": one.sha256,
        },
    )
    one.refresh_from_db()
    return one


@transaction.atomic
def undo(*, one: RosterImport, by: User) -> RosterImport:
    """Bring back what was before the import."""
    check_can_undo_import(by, one)
    one = RosterImport.objects.select_for_update().get(pk=one.pk)
    if one.state != ImportState.APPLIED:
        raise ActionDenied(_("Chỉ hoàn tác được tệp đã nạp."))
    take_out(one)
    RosterImport.objects.filter(pk=one.pk).update(state=ImportState.UNDONE, undone_at=clock.now())
    record_event(action=AuditAction.ROSTER_UNDONE, by=by, target=one, unit_id=one.unit_id)
    one.refresh_from_db()
    return one


def note_export(*, by: User) -> int:
    """Who took the roster out is on record; returns how many rows."""
    rows = employments_of(by).count()
    record_event(action=AuditAction.ROSTER_EXPORTED, by=by, unit_id=own_unit_id(by), detail={"rows": rows})
    return rows
