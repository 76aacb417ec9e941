"""A briefing planned, changed, announced, ended, called off; units invited and not."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.briefings import messages
from dekhang.apps.briefings.enums import AuditAction, BriefingStatus
from dekhang.apps.briefings.models import Briefing, Invitation, InvitedPerson
from dekhang.apps.briefings.policies import (
    check_can_change,
    check_can_hold,
    check_can_move,
    check_can_uninvite,
)
from dekhang.apps.briefings.selectors import invitable_unit_ids
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import Person

PEOPLE_AT_ONCE = 200
MOVE_ACTIONS = {
    BriefingStatus.ANNOUNCED: AuditAction.BRIEFING_ANNOUNCED,
    BriefingStatus.CLOSED: AuditAction.BRIEFING_CLOSED,
    BriefingStatus.CANCELLED: AuditAction.BRIEFING_CANCELLED,
    BriefingStatus.DRAFT: AuditAction.BRIEFING_REOPENED,
}


@transaction.atomic
def plan(
    *,
    unit_id: int | None,
    title: str,
    starts_at: datetime,
    ends_at: datetime,
    place: str = "",
    link: str = "",
    about: str = "",
    plan_id: int | None = None,
    by: User,
) -> Briefing:
    """A new briefing, seen by its organisers until it is announced. `unit_id` None: the province holds it."""
    check_can_hold(by, unit_id)
    briefing = Briefing(unit_id=unit_id, created_at=clock.now(), created_by=by)
    _put(
        briefing,
        title=title,
        starts_at=starts_at,
        ends_at=ends_at,
        place=place,
        link=link,
        about=about,
        plan_id=plan_id,
    )
    briefing.save()
    record_event(action=AuditAction.BRIEFING_PLANNED, by=by, target=briefing)
    return briefing


@transaction.atomic
def change(
    *,
    briefing: Briefing,
    title: str,
    starts_at: datetime,
    ends_at: datetime,
    place: str = "",
    link: str = "",
    about: str = "",
    plan_id: int | None = None,
    by: User,
) -> Briefing:
    """Change what the invitation says; when it is out and time or place changed, the invited are told."""
    briefing = Briefing.objects.select_for_update().get(pk=briefing.pk)
    check_can_change(by, briefing)
    before = (briefing.starts_at, briefing.ends_at, briefing.place, briefing.link)
    _put(
        briefing,
        title=title,
        starts_at=starts_at,
        ends_at=ends_at,
        place=place,
        link=link,
        about=about,
        plan_id=plan_id,
    )
    moved = before != (briefing.starts_at, briefing.ends_at, briefing.place, briefing.link)
    if moved:
        briefing.reminded_at = briefing.absent_told_at = None
    briefing.save()
    record_event(action=AuditAction.BRIEFING_CHANGED, by=by, target=briefing, detail={"moved": moved})
    if moved and briefing.status == BriefingStatus.ANNOUNCED:
        messages.changed(briefing)
    return briefing


def _put(briefing: Briefing, **values: object) -> None:
    for name, value in values.items():
        setattr(briefing, name, value.strip() if isinstance(value, str) else value)
    if briefing.ends_at <= briefing.starts_at:
        raise ActionDenied(_("Giờ kết thúc phải sau giờ bắt đầu."))
    if not briefing.place and not briefing.link:
        raise ActionDenied(_("Hãy ghi địa điểm, hoặc đường dẫn nếu họp trực tuyến."))


@transaction.atomic
def invite(
    *,
    briefing: Briefing,
    unit_ids: Collection[int],
    posts: Collection[str] = (PostKind.HEAD, PostKind.OFFICER),
    person_ids: Collection[int] = (),
    by: User,
) -> int:
    """Invite units, one row each, and people of theirs by name; returns how many units are new.

    An invited unit keeps its row; posts are those of the newest choice. People bring their unit with them.

    Raises:
        ActionDenied: a unit that the organiser may not invite, or a person who works for none that it may.
    """
    check_can_change(by, briefing)
    allowed = invitable_unit_ids(briefing.unit_id)
    if not set(unit_ids) <= allowed:
        raise ActionDenied(_("Có đơn vị không thuộc phạm vi mời của hội nghị này. Chọn lại trong danh sách."))
    if len(person_ids) > PEOPLE_AT_ONCE:
        raise ActionDenied(_("Mỗi lần mời đích danh tối đa %(limit)d người.") % {"limit": PEOPLE_AT_ONCE})
    people = _people(person_ids, allowed)
    known = {one.unit_id: one for one in briefing.invitations.all()}
    now, fresh = clock.now(), []
    chosen = sorted({*unit_ids, *people.values()})
    for unit_id in chosen:
        if unit_id not in known:
            known[unit_id] = Invitation(briefing=briefing, unit_id=unit_id, invited_at=now, invited_by=by)
            fresh.append(known[unit_id])
        if unit_id in unit_ids:
            known[unit_id].posts = sorted(set(posts) & set(PostKind.values))
        known[unit_id].save()
    for person_id, unit_id in people.items():
        InvitedPerson.objects.get_or_create(invitation=known[unit_id], person_id=person_id)
    record_event(
        action=AuditAction.UNITS_INVITED,
        by=by,
        target=briefing,
        detail={"units": len(unit_ids), "new": len(fresh), "people": len(people)},
    )
    if briefing.status == BriefingStatus.ANNOUNCED:
        # also those who are new of a unit that was invited before; each address hears of it once
        messages.invited(briefing, [known[unit_id] for unit_id in chosen])
    return len(fresh)


def _people(person_ids: Collection[int], allowed: frozenset[int]) -> dict[int, int]:
    """Person → the unit for which they work today, of those that may be invited."""
    found: dict[int, int] = {}
    for person in Person.objects.filter(pk__in=person_ids).prefetch_related("employments"):
        today = clock.today()
        units = [
            one.unit_id
            for one in person.employments.all()
            if one.valid_from <= today and (one.valid_to is None or today < one.valid_to) and one.unit_id in allowed
        ]
        if not units:
            raise ActionDenied(_("%(who)s hiện không làm việc ở đơn vị nào mời được.") % {"who": person.name})
        found[person.pk] = units[0]
    if len(found) != len(set(person_ids)):
        raise ActionDenied(_("Có người không còn trong danh sách cán bộ. Tìm lại theo tên."))
    return found


@transaction.atomic
def uninvite(*, invitation: Invitation, by: User) -> None:
    """Take an invitation back while nothing hangs on it."""
    check_can_uninvite(by, invitation)
    record_event(
        action=AuditAction.UNIT_UNINVITED, by=by, target=invitation, detail={"briefing_id": invitation.briefing_id}
    )
    if invitation.briefing.status == BriefingStatus.ANNOUNCED:
        messages.uninvited(invitation)
    invitation.delete()


@transaction.atomic
def move(*, briefing: Briefing, to: str, by: User) -> Briefing:
    """Announce, end, call off, or take one of these back (`enums.MOVES`)."""
    check_can_move(by, briefing, to)
    before, now = briefing.status, clock.now()
    values: dict[str, object] = {"status": to, "closed_at": now if to == BriefingStatus.CLOSED else None}
    if to == BriefingStatus.ANNOUNCED and before == BriefingStatus.DRAFT:
        values["announced_at"] = now
    if Briefing.objects.filter(pk=briefing.pk, status=before).update(**values) != 1:
        raise ActionDenied(_("Hội nghị vừa được người khác thay đổi. Mở lại trang để xem."))
    briefing.refresh_from_db()
    reopened = before == BriefingStatus.CLOSED
    _record_move(briefing, AuditAction.BRIEFING_REOPENED if reopened else MOVE_ACTIONS[BriefingStatus(to)], before, by)
    if to == BriefingStatus.ANNOUNCED and not reopened:
        messages.invited(briefing, list(briefing.invitations.all()))
    elif to == BriefingStatus.CANCELLED and before == BriefingStatus.ANNOUNCED:
        messages.cancelled(briefing)
    return briefing


def _record_move(briefing: Briefing, action: AuditAction, before: str, by: User) -> None:
    record_event(action=action, by=by, target=briefing, detail={"from": before})
