"""Writes: calling a contact, its answer, and what is recorded of both."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang.apps.contacts import policies
from dekhang.apps.contacts.enums import AuditAction
from dekhang.apps.contacts.hours import in_hours
from dekhang.apps.contacts.links import signed_link
from dekhang.apps.contacts.models import OPEN, Call
from dekhang.apps.contacts.selectors import judged
from dekhang.apps.contacts.targets import Target
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import Channel
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.links import MARK
from dekhang.apps.core.models import User
from dekhang.apps.core.services import enqueue_message
from dekhang.apps.duties.enums import EvidenceSource
from dekhang.apps.duties.services import observe_answer, observe_contact
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.models import Contact, Provider
from dekhang.law import load


def message_key(call: Call) -> str:
    """Begins the dedupe keys of the messages of a call."""
    return f"contact-call:{call.pk}:"


def at_work(wanted: datetime) -> datetime:
    """The first moment from `wanted` on at which people may be asked."""
    law = load()
    return in_hours(
        wanted,
        from_hour=law.proof("contact_call_from_hours").whole,
        to_hour=law.proof("contact_call_to_hours").whole,
        zone=timezone.get_current_timezone(),
    )


@transaction.atomic
def call(*, target: Target, by: User | None) -> Call:
    """Ask a contact whether it is there. `by` None: the schedule.

    Raises:
        ActionDenied: `by` may not, it was asked today already, or nobody can ring it from here.
    """
    if by is not None:
        policies.check_can_call(by, judged([target])[0])
    assert target.channel is not None
    now = clock.now()
    goes_out = now if by is not None else at_work(now)
    one = Call(
        unit_id=target.unit_id,
        address=target.address,
        asked_at=now,
        asked_by=by,
        expires_at=goes_out + timedelta(days=load().proof("contact_call_answer_days").whole),
        **{f"{target.kind}_id": target.pk},
    )
    try:
        with transaction.atomic():
            one.save()
    except IntegrityError:  # the constraint: a question to it is open
        raise ActionDenied(_("Đang có một lời gọi thử chờ trả lời.")) from None
    _send(one, target.channel, "asked", goes_out)
    record_event(
        action=AuditAction.CONTACT_CALLED,
        by=by,
        target=one,
        unit_id=one.unit_id,
        actor_label="" if by else "lịch gọi thử",
    )
    return one


def _send(one: Call, channel: Channel, cause: str, not_before: datetime) -> None:
    context = {
        "unit": registry.unit_name(one.unit_id) if one.unit_id else "",
        "link": MARK,
        "until": one.expires_at,
        "again": cause != "asked",
        "site": settings.BASE_URL.rstrip("/"),
    }
    enqueue_message(
        recipient=one.address,
        subject=_("Gọi thử đầu mối: bấm một lần để báo bạn đang trực"),
        body=render_to_string("contacts/messages/call.txt", context),
        dedupe_key=f"{message_key(one)}{cause}",
        unit_id=one.unit_id,
        channel=channel,
        not_before=not_before,
        signed_link=signed_link(one),
    )


def remind(one: Call, channel: Channel) -> None:
    """Ask a second time within the same call; the job claims it."""
    _send(one, channel, "again", at_work(clock.now()))


@transaction.atomic
def answer(*, one: Call) -> Call:
    """Whoever got the call pressed the button: the contact is alive, and that is evidence.

    Raises:
        ActionDenied: the link is over.
    """
    now = clock.now()
    if now >= one.expires_at and one.answered_at is None:
        raise ActionDenied(_("Liên kết này đã hết hạn. Đăng nhập rồi bấm “Tôi đang trực”, hoặc chờ lời gọi sau."))
    # one that was counted as missed or undeliverable and then answers was there all the same
    moved = Call.objects.filter(pk=one.pk, answered_at=None, disowned_at=None).update(
        answered_at=now, missed_at=None, undeliverable_at=None
    )
    one.refresh_from_db()
    if moved == 1:
        _heard(one, now, EvidenceSource.SYSTEM)
        record_event(
            action=AuditAction.CONTACT_REPLIED,
            by=None,
            actor_label=one.address,
            target=one,
            unit_id=one.unit_id,
        )
    return one


def _heard(one: Call, at: datetime, source: EvidenceSource) -> None:
    """Note the answer where it belongs, and evidence of it."""
    if one.contact is not None:
        Contact.objects.filter(pk=one.contact_id).update(last_answered_at=at)
        one.contact.refresh_from_db()
        observe_contact(contact=one.contact, source=source)
    elif one.user_id is not None and one.unit_id is not None:
        observe_answer(unit_id=one.unit_id, subject=f"user:{one.user_id}", answered_at=at, source=source)
    elif one.provider is not None and one.address == one.provider.desk:  # a former desk does not speak for the new one
        Provider.objects.filter(pk=one.provider_id).update(last_answered_at=at)
        if one.provider.unit_id is not None:  # its identity as a bearer of duties
            subject = f"provider:{one.provider_id}"
            observe_answer(unit_id=one.provider.unit_id, subject=subject, answered_at=at, source=source)


@transaction.atomic
def disown(*, one: Call) -> Call:
    """Whoever got the call says that they are not this contact (any more): nobody has to wait for an incident to learn it."""
    now = clock.now()
    if now >= one.expires_at:
        raise ActionDenied(_("Liên kết này đã hết hạn. Bạn có thể trả lời thư để báo cơ quan điều phối."))
    moved = Call.objects.filter(pk=one.pk, answered_at=None, disowned_at=None).update(
        disowned_at=now, missed_at=None, undeliverable_at=None
    )
    one.refresh_from_db()
    if moved == 1:
        record_event(
            action=AuditAction.CONTACT_DISOWNED, by=None, actor_label=one.address, target=one, unit_id=one.unit_id
        )
        tell_of_the_dead(one)
    return one


@transaction.atomic
def say_spoken(*, target: Target, by: User) -> Call:
    """The coordinator rang a telephone and somebody answered."""
    policies.check_can_say_spoken(by, target)
    now = clock.now()
    one = Call.objects.create(
        unit_id=target.unit_id,
        address=target.address,
        asked_at=now,
        asked_by=by,
        expires_at=now,
        answered_at=now,
        answered_by=by,
        **{f"{target.kind}_id": target.pk},
    )
    _heard(one, now, EvidenceSource.PERSON)
    record_event(action=AuditAction.CONTACT_SPOKEN, by=by, target=one, unit_id=one.unit_id)
    return one


def close_as(one: Call, column: str) -> bool:
    """`missed_at` or `undeliverable_at` of an open call, once; told to the unit and on record."""
    if Call.objects.filter(OPEN, pk=one.pk).update(**{column: clock.now()}) != 1:
        return False
    one.refresh_from_db()
    record_event(
        action=AuditAction.CONTACT_MISSED,
        by=None,
        actor_label="lịch gọi thử",
        target=one,
        unit_id=one.unit_id,
        detail={"how": column.removesuffix("_at")},
    )
    tell_of_the_dead(one)
    return True


def tell_of_the_dead(one: Call) -> None:
    """The unit's other people, and the coordinator for a provider: an address of theirs does not answer."""
    if one.unit_id is None:
        people = list(registry.coordinators())
    else:
        people = [*registry.heads(one.unit_id), *registry.officers(one.unit_id)]
    body = render_to_string(
        "contacts/messages/dead.txt",
        {
            "one": one,
            "unit": registry.unit_name(one.unit_id) if one.unit_id else "",
            "site": settings.BASE_URL.rstrip("/"),
        },
    )
    for person in {p.pk: p for p in people if p.email and p.email.lower() != one.address.lower()}.values():
        enqueue_message(
            recipient=person.email,
            subject=_("Đầu mối không liên lạc được: %(address)s") % {"address": one.address},
            body=body,
            dedupe_key=f"{message_key(one)}dead:{person.pk}",
            unit_id=one.unit_id,
            not_before=at_work(clock.now()),
        )
