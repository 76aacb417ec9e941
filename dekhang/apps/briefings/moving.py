"""Invitations to what is still to come, or not closed yet, when units are reorganised: the heir is invited."""

from dekhang.apps.briefings.enums import AuditAction, BriefingStatus
from dekhang.apps.briefings.models import Attendance, Briefing, Invitation, InvitedPerson, Question, Reading
from dekhang.apps.core.audit import record_event
from dekhang.apps.registry.following import follow
from dekhang.apps.registry.selectors import Came

CURSOR = "briefings.reorganisations"
OPEN = (BriefingStatus.DRAFT, BriefingStatus.ANNOUNCED)


def follow_reorganisations() -> int:
    """Returns how many invitations moved. Closed briefings keep the units that were there."""
    return follow(CURSOR, _move)


def _move(came: Came) -> int:
    for briefing in Briefing.objects.filter(unit_id__in=came.moved, status__in=OPEN):
        unit_id = came.moved[briefing.unit_id or 0]
        Briefing.objects.filter(pk=briefing.pk).update(unit_id=unit_id)
        record_event(action=AuditAction.BRIEFING_CHANGED, by=None, target=briefing, detail={"to": unit_id})
    moved = 0
    rows = Invitation.objects.filter(unit_id__in=came.moved, briefing__status__in=OPEN).select_related("briefing")
    for one in rows.order_by("pk"):
        unit_id = came.moved[one.unit_id]
        record_event(action=AuditAction.INVITATION_MOVED, by=None, target=one, detail={"to": unit_id})
        twin = Invitation.objects.filter(briefing=one.briefing, unit_id=unit_id).first()
        Question.objects.filter(briefing=one.briefing, unit_id=one.unit_id).update(unit_id=unit_id)
        if twin is None:
            Invitation.objects.filter(pk=one.pk).update(unit_id=unit_id)
        else:  # two invited units became one
            _join(one, twin)
        moved += 1
    return moved


def _join(one: Invitation, twin: Invitation) -> None:
    names = set(twin.attendances.filter(struck_at=None).values_list("name_key", flat=True))
    for row in one.attendances.all():
        # people of the same name from two units are two people
        key = f"{row.name_key[:180]} #{row.pk}" if row.name_key in names else row.name_key
        Attendance.objects.filter(pk=row.pk).update(invitation=twin, name_key=key)
    for person_id in one.people.values_list("person_id", flat=True):
        InvitedPerson.objects.get_or_create(invitation=twin, person_id=person_id)
    Reading.objects.filter(invitation=one).update(invitation=twin)
    Invitation.objects.filter(pk=twin.pk).update(posts=sorted({*one.posts, *twin.posts}))
    one.delete()
