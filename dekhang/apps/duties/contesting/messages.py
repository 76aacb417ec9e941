"""Messages about contests, in the outbox with the change that causes them."""

from collections.abc import Iterable

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import User
from dekhang.apps.core.services import enqueue_message
from dekhang.apps.duties.models import Contest
from dekhang.apps.registry import selectors as registry
from dekhang.law import load


def opened(contest: Contest) -> None:
    _send(contest, registry.coordinators(), "contest_opened", _("Giải trình mới: %(unit)s"))


def decided(contest: Contest) -> None:
    """To who wrote it and to the unit's head."""
    people = [contest.opened_by, *registry.heads(contest.unit_id)]
    _send(contest, people, "contest_decided", _("Giải trình của %(unit)s đã được xem xét"))


def overdue(contest: Contest) -> None:
    leaders = User.objects.filter(role=Role.PROVINCE_LEADER, is_active=True)
    _send(contest, [*registry.coordinators(), *leaders], "contest_overdue", _("Giải trình quá hạn trả lời: %(unit)s"))


def _send(contest: Contest, people: Iterable[User], template: str, subject: str) -> None:
    unit = registry.unit_name(contest.unit_id)
    body = render_to_string(
        f"duties/messages/{template}.txt",
        {
            "contest": contest,
            "unit": unit,
            "duty": load().duty(contest.duty_key),
            "link": settings.BASE_URL.rstrip("/") + reverse("duties:contest_page", args=[contest.pk]),
        },
    )
    for person in {one.pk: one for one in people if one.email and one.is_active}.values():
        enqueue_message(
            recipient=person.email,
            subject=subject % {"unit": unit},
            body=body,
            dedupe_key=f"contest:{contest.pk}:{template}:{person.pk}",
            unit_id=contest.unit_id,
        )
