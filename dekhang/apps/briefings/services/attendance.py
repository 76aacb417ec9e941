"""Who came: confirmed by themselves with the code of the room, or written down by the organiser."""

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dekhang.apps.briefings.enums import AuditAction, Way
from dekhang.apps.briefings.models import Attendance, AttendanceSheet, Invitation
from dekhang.apps.briefings.policies import check_can_keep_list, check_doors_open, check_is_invited
from dekhang.apps.briefings.services import informing
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.filing.services import refuse_secrets
from dekhang.apps.registry.models import Person
from dekhang.apps.registry.search import fold
from dekhang.apps.registry.selectors import unit_name

PEOPLE_OF_A_UNIT = 300  # more than any unit sends; a phone in the wrong hands writes no more


@transaction.atomic
def confirm(*, invitation: Invitation, user: User | None, name: str = "", title: str = "") -> Attendance:
    """A person in the room confirms it themselves, with their account or their name. The caller has checked the code.

    Raises:
        ActionDenied: doors closed, account of another unit, already confirmed.
    """
    check_doors_open(invitation.briefing)
    if user is not None:
        check_is_invited(user, invitation)
        return _add(invitation, name=str(user), title=title, way=Way.CODE_ACCOUNT, user=user, by=None)
    return _add(invitation, name=name, title=title, way=Way.CODE_NAME, by=None)


@transaction.atomic
def write_down(*, invitation: Invitation, name: str, title: str = "", by: User) -> Attendance:
    """The organiser writes down somebody who signed on paper or has no phone."""
    check_can_keep_list(by, invitation.briefing)
    return _add(invitation, name=name, title=title, way=Way.LIST, by=by)


def put_rows(invitation: Invitation, people: Sequence[tuple[str, str]], *, sheet: AttendanceSheet, by: User) -> None:
    """The people (name, title) of one unit on a sign-in sheet, inside the caller's transaction, audited by it."""
    _check_room(invitation, len(people))
    named, at = _named(invitation), clock.now()
    rows = [
        _row(invitation, named, name=name, title=title, way=Way.SHEET, at=at, recorded_by=by, sheet=sheet)
        for name, title in people
    ]
    try:
        with transaction.atomic():
            Attendance.objects.bulk_create(rows)
    except IntegrityError:
        raise ActionDenied(_("Một người trong tệp vừa được ghi có mặt. Nạp lại tệp để xem.")) from None
    informing.observe(invitation)


def _add(
    invitation: Invitation,
    *,
    name: str,
    title: str,
    way: Way,
    by: User | None,
    user: User | None = None,
) -> Attendance:
    _check_room(invitation, 1)
    row = _row(
        invitation, _named(invitation), name=name, title=title, way=way, at=clock.now(), recorded_by=by, user=user
    )
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise ActionDenied(_("%(name)s đã có trong danh sách có mặt. Mỗi người chỉ xác nhận một lần.") % {"name": row.name}) from None  # fmt: skip
    record_event(
        action=AuditAction.ATTENDANCE_RECORDED,
        by=by or user,
        actor_label="" if by or user else "mã điểm danh",
        target=row,
        unit_id=invitation.unit_id,
        detail={"briefing_id": invitation.briefing_id, "way": str(way)},
    )
    informing.observe(invitation)
    return row


def _check_room(invitation: Invitation, more: int) -> None:
    if invitation.attendances.filter(struck_at=None).count() + more > PEOPLE_OF_A_UNIT:
        raise ActionDenied(
            _("%(unit)s đã có quá nhiều người trong danh sách. Hãy báo ban tổ chức.")
            % {"unit": unit_name(invitation.unit_id)}
        )


def _named(invitation: Invitation) -> dict[str, list[Person]]:
    """Those who are invited by name, by the name as it is compared."""
    named: dict[str, list[Person]] = {}
    for row in invitation.people.select_related("person"):
        named.setdefault(fold(row.person.name), []).append(row.person)
    return named


def _row(invitation: Invitation, named: dict[str, list[Person]], *, name: str, title: str, **facts: Any) -> Attendance:
    name = " ".join(name.split())[:200]
    key = fold(name)[:200]
    if not any(character.isalpha() for character in key):
        raise ActionDenied(_("Hãy ghi họ và tên."))
    people = named.get(key, [])
    return Attendance(
        briefing_id=invitation.briefing_id,
        invitation=invitation,
        person=people[0] if len(people) == 1 else None,
        name=name,
        name_key=key,
        title=title.strip()[:200],
        **facts,
    )


def strike(*, attendance: Attendance, reason: str, by: User) -> Attendance:
    """The person was not there: the row stays, crossed out with the reason; `restore` is its undo.

    Call outside a transaction: see `refuse_secrets`.
    """
    check_can_keep_list(by, attendance.briefing)
    reason = reason.strip()[:300]
    if not reason:
        raise ActionDenied(_("Hãy ghi vì sao gạch tên, ví dụ: không có mặt, quét hộ."))
    refuse_secrets(unit_id=attendance.briefing.unit_id, by=by, texts={"reason": reason})
    with transaction.atomic():
        struck = Attendance.objects.filter(pk=attendance.pk, struck_at=None).update(
            struck_at=clock.now(), struck_by=by, strike_reason=reason
        )
        if struck != 1:
            raise ActionDenied(_("Tên này vừa được người khác gạch."))
        record_event(
            action=AuditAction.ATTENDANCE_STRUCK,
            by=by,
            target=attendance,
            unit_id=attendance.invitation.unit_id,
            detail={"reason": reason[:200]},
        )
        attendance.refresh_from_db()
        informing.observe(attendance.invitation)
    return attendance


@transaction.atomic
def restore(*, attendance: Attendance, by: User) -> Attendance:
    check_can_keep_list(by, attendance.briefing)
    try:
        with transaction.atomic():
            back = Attendance.objects.filter(pk=attendance.pk, struck_at__isnull=False).update(
                struck_at=None, struck_by=None, strike_reason=""
            )
    except IntegrityError:
        raise ActionDenied(_("%(name)s đã được ghi lại bằng dòng khác.") % {"name": attendance.name}) from None
    if back != 1:
        raise ActionDenied(_("Tên này không bị gạch."))
    record_event(
        action=AuditAction.ATTENDANCE_RESTORED, by=by, target=attendance, unit_id=attendance.invitation.unit_id
    )
    attendance.refresh_from_db()
    informing.observe(attendance.invitation)
    return attendance
