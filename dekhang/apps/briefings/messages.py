"""Mails about briefings, in the outbox with what causes them, each once for each address."""

import hashlib
from collections.abc import Iterable

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from dekhang.apps.briefings.models import Briefing, Invitation, Question
from dekhang.apps.core import clock
from dekhang.apps.core.services import enqueue_message
from dekhang.apps.registry.enums import ContactKind, PostKind
from dekhang.apps.registry.selectors import contacts, holders, unit_name, unit_names


def link(briefing: Briefing) -> str:
    return settings.BASE_URL.rstrip("/") + reverse("briefings:detail", args=[briefing.pk])


def host_name(briefing: Briefing) -> str:
    return unit_name(briefing.unit_id) if briefing.unit_id else _("Cơ quan điều phối của tỉnh")


def addresses_of(invitation: Invitation) -> dict[str, str]:
    """Address → key of everybody who is invited; a unit that would hear nothing is told by its mail contacts."""
    found: dict[str, str] = {}
    for kind in invitation.posts:
        found |= {user.email: f"u{user.pk}" for user in holders(invitation.unit_id, PostKind(kind)) if user.email}
    for row in invitation.people.select_related("person"):
        if row.person.email:
            found.setdefault(row.person.email, f"p{row.person_id}")
    if not found:
        mails = contacts(invitation.unit_id).filter(kind=ContactKind.EMAIL)
        found = {contact.value: f"c{contact.pk}" for contact in mails}
    return found


def _send(invitations: Iterable[Invitation], *, subject: str, template: str, cause: str) -> int:
    """The rendered template to everybody invited of these units; returns how many mails are new."""
    rows = list(invitations)
    names = unit_names({row.unit_id for row in rows})
    new = 0
    for row in rows:
        briefing = row.briefing
        body = render_to_string(
            f"briefings/messages/{template}.txt",
            {
                "briefing": briefing,
                "unit": names.get(row.unit_id, ""),
                "host": host_name(briefing),
                "link": link(briefing),
            },
        )
        for address, key in addresses_of(row).items():
            message = enqueue_message(
                recipient=address,
                subject=subject % {"title": briefing.title},
                body=body,
                dedupe_key=f"briefing:{briefing.pk}:{cause}:{row.pk}:{key}",
                unit_id=row.unit_id,
            )
            new += message is not None
    return new


def _out(briefing: Briefing) -> str:
    """Which announcement it is about: one that was called off may be announced again."""
    return f"{briefing.announced_at:%Y%m%d%H%M%S}" if briefing.announced_at else ""


def invited(briefing: Briefing, rows: Iterable[Invitation]) -> int:
    return _send(rows, subject=_("Giấy mời: %(title)s"), template="invited", cause=f"invited:{_out(briefing)}")


def changed(briefing: Briefing) -> int:
    # where and when it is now, and since when: going back to an earlier plan is told again
    facts = f"{briefing.starts_at.isoformat()}|{briefing.ends_at.isoformat()}|{briefing.place}|{briefing.link}"
    cause = f"changed:{hashlib.sha256(facts.encode()).hexdigest()[:16]}:{clock.now():%Y%m%d%H%M%S}"
    return _send(
        briefing.invitations.select_related("briefing"),
        subject=_("Đổi lịch: %(title)s"),
        template="changed",
        cause=cause,
    )


def cancelled(briefing: Briefing) -> int:
    return _send(
        briefing.invitations.select_related("briefing"),
        subject=_("Hủy: %(title)s"),
        template="cancelled",
        cause=f"cancelled:{_out(briefing)}",
    )


def uninvited(invitation: Invitation) -> int:
    return _send([invitation], subject=_("Thôi mời: %(title)s"), template="uninvited", cause="uninvited")


def day_nears(briefing: Briefing) -> int:
    return _send(
        briefing.invitations.select_related("briefing"),
        subject=_("Nhắc dự: %(title)s"),
        template="day_nears",
        cause=f"soon:{briefing.starts_at:%Y%m%d%H%M}",
    )


def was_absent(briefing: Briefing, rows: Iterable[Invitation]) -> int:
    cause = f"absent:{briefing.ends_at:%Y%m%d%H%M}"  # put off afterwards, it may be missed again
    return _send(rows, subject=_("Vắng mặt: %(title)s"), template="absent", cause=cause)


def answered(question: Question) -> None:
    """Whoever asked hears that there is an answer."""
    user = question.asked_by
    if user.email:
        enqueue_message(
            recipient=user.email,
            subject=_("Câu hỏi của bạn đã được trả lời"),
            body=render_to_string(
                "briefings/messages/answered.txt", {"question": question, "link": link(question.briefing)}
            ),
            dedupe_key=f"briefing:question:{question.pk}:answered",
            unit_id=question.unit_id,
        )
