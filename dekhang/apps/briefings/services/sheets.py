"""A filled sign-in sheet: read, shown before it counts, applied whole, taken back whole."""

import hashlib

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.briefings.enums import AuditAction, SheetState
from dekhang.apps.briefings.models import AttendanceSheet, Briefing
from dekhang.apps.briefings.policies import check_can_keep_list
from dekhang.apps.briefings.services import informing
from dekhang.apps.briefings.services.attendance import put_rows
from dekhang.apps.briefings.sheets import SheetFaults, rows_of
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.filing.services import refuse_secrets


def read_sheet(*, briefing: Briefing, file: UploadedFile, by: User) -> AttendanceSheet:
    """Read a workbook and keep what it would add, for the person to see.

    Raises:
        WorkbookRefused: not a workbook, or no heading row.
        SecretMark: its name carries a mark.
        SheetFaults: with every fault, by sheet, row and column; nothing is kept.
    """
    check_can_keep_list(by, briefing)
    refuse_secrets(unit_id=briefing.unit_id, by=by, texts={"name": file.name or ""})
    rows, faults = rows_of(briefing, file, file.name or "")
    if faults:
        raise SheetFaults(faults)
    if not rows:
        raise ActionDenied(_("Danh sách không có tên nào mới: mọi người trong tệp đã được ghi có mặt, hoặc tệp trống."))
    file.seek(0)
    return AttendanceSheet.objects.create(
        briefing=briefing,
        file_name=(file.name or "danh-sach.xlsx")[:255],
        sha256=hashlib.sha256(file.read()).hexdigest(),
        rows=rows,
        uploaded_at=clock.now(),
        uploaded_by=by,
    )


@transaction.atomic
def apply_sheet(*, sheet: AttendanceSheet, by: User) -> AttendanceSheet:
    """All rows, or none: a name that came in meanwhile stops it."""
    check_can_keep_list(by, sheet.briefing)
    _move(sheet, SheetState.READY, state=SheetState.APPLIED, applied_at=clock.now())
    invitations = {one.pk: one for one in sheet.briefing.invitations.all()}
    people: dict[int, list[tuple[str, str]]] = {}
    for invitation_id, name, title in sheet.rows:
        people.setdefault(invitation_id, []).append((name, title))
    for invitation_id, theirs in people.items():  # unit by unit: a list of 2 000 names holds the database for seconds
        invitation = invitations.get(invitation_id)
        if invitation is None:
            raise ActionDenied(_("Một đơn vị trong tệp vừa bị bỏ mời. Nạp lại tệp để xem."))
        put_rows(invitation, theirs, sheet=sheet, by=by)
    record_event(
        action=AuditAction.SHEET_APPLIED,
        by=by,
        target=sheet,
        unit_id=sheet.briefing.unit_id,
        detail={"rows": len(sheet.rows), "sha256": sheet.sha256},
    )
    return sheet


@transaction.atomic
def undo_sheet(*, sheet: AttendanceSheet, by: User) -> AttendanceSheet:
    """Cross out every name that the sheet brought and that still stands."""
    check_can_keep_list(by, sheet.briefing)
    now = clock.now()
    _move(sheet, SheetState.APPLIED, state=SheetState.UNDONE, undone_at=now)
    standing = sheet.attendances.filter(struck_at=None)
    touched = list(sheet.briefing.invitations.filter(pk__in=standing.values("invitation")))
    reason = _("Hoàn tác nạp tệp “%(name)s”.") % {"name": sheet.file_name[:200]}
    rows = standing.update(struck_at=now, struck_by=by, strike_reason=reason)
    for invitation in touched:
        informing.observe(invitation)
    record_event(
        action=AuditAction.SHEET_UNDONE,
        by=by,
        target=sheet,
        unit_id=sheet.briefing.unit_id,
        detail={"rows": rows},
    )
    return sheet


def drop_sheet(*, sheet: AttendanceSheet, by: User) -> None:
    check_can_keep_list(by, sheet.briefing)
    _move(sheet, SheetState.READY, state=SheetState.DROPPED)


def _move(sheet: AttendanceSheet, before: SheetState, **values: object) -> None:
    if AttendanceSheet.objects.filter(pk=sheet.pk, state=before).update(**values) != 1:
        raise ActionDenied(_("Tệp này không còn ở bước ấy. Mở lại trang để xem."))
    sheet.refresh_from_db()
