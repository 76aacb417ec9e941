"""What the portal does on the clock: accounts of people who left, by the roster, are closed."""

from django.db import transaction
from django.db.models import F, Max, Q
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.models import User
from dekhang.apps.core.services import enqueue_message
from dekhang.apps.duties.jobs import observe_posts
from dekhang.apps.portal.enums import AuditAction
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.models import Employment, Person, PostHolding

AT_ONCE = 200


def close_leavers() -> int:
    """Accounts of people with no employment in force any more; once for a leaving, so that reopening one lasts."""
    today = clock.today()
    here = Employment.objects.in_force(today).values("person_id")
    left = (
        Person.objects.filter(user__is_active=True)
        .exclude(pk__in=here)
        .annotate(left_on=Max("employments__valid_to"))
        .filter(left_on__lte=today)
        .filter(Q(account_closed_for=None) | Q(account_closed_for__lt=F("left_on")))
    )
    return sum(_close(person) for person in left.select_related("user")[:AT_ONCE])


@transaction.atomic
def _close(person: Person) -> bool:
    if User.objects.filter(pk=person.user_id, is_active=True).update(is_active=False) != 1:
        return False
    Person.objects.filter(pk=person.pk).update(account_closed_for=person.left_on)
    account = person.user
    record_event(
        action=AuditAction.LEAVER_CLOSED,
        by=None,
        actor_label="danh sách cán bộ",
        target=account,
        detail={"left_on": person.left_on.isoformat()},
    )
    units = set(PostHolding.objects.in_force(clock.today()).filter(user=account).values_list("unit_id", flat=True))
    observe_posts(units)
    _tell(person, account, units)
    return True


def _tell(person: Person, account: User, units: set[int]) -> None:
    people = {head.pk: head for unit_id in units for head in registry.heads(unit_id)}
    people |= {one.pk: one for one in registry.coordinators()}
    body = render_to_string(
        "portal/messages/leaver.txt",
        {"account": account, "left_on": person.left_on, "units": registry.unit_names(units).values()},
    )
    for one in people.values():
        if one.email:
            enqueue_message(
                recipient=one.email,
                subject=_("Đã khóa tài khoản của người rời đơn vị: %(name)s") % {"name": account},
                body=body,
                dedupe_key=f"leaver:{account.pk}:{person.left_on}:{one.pk}",
            )
