"""Messages about silent sources, in the outbox with the change that causes them. Few enough to be read."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dekhang.apps.core.models import OutboundMessage, User
from dekhang.apps.core.services import enqueue_message
from dekhang.apps.registry import selectors as registry
from dekhang.apps.sources.models import CanaryCall, Silence
from dekhang.apps.sources.shippers import canary_commands

LETTERS_A_DAY = 6  # about one unit's silences; after that the page says it, and the head is told after a day


def letter_of(silences: Sequence[Silence], at: datetime) -> str:
    """What the keys of the messages about these silences begin with; "" when the unit was told often enough today."""
    unit_id = silences[0].unit_id
    prefix = f"silence:{unit_id}:{at:%Y%m%d}:"
    sent = OutboundMessage.objects.filter(dedupe_key__gte=prefix, dedupe_key__lt=prefix[:-1] + ";")
    letters = {key.rsplit(":", 2)[0] for key in sent.values_list("dedupe_key", flat=True)}
    return f"{prefix}{silences[0].pk}" if len(letters) < LETTERS_A_DAY else ""


def tell_silent(silences: Sequence[Silence], *, letter: str) -> int:
    """One message about the sources of one unit that fell silent together, to its officers; without one to its head."""
    unit_id = silences[0].unit_id
    people = list(registry.officers(unit_id)) or list(registry.heads(unit_id))
    subject = ngettext(
        "Nguồn log “%(name)s” im lặng", "%(n)d nguồn log im lặng: “%(name)s” và nguồn khác", len(silences)
    ) % {"n": len(silences), "name": silences[0].source.name}
    return _send(silences, people, cause=f"{letter}:raised", template="source_silent", subject=subject)


def tell_head(silence: Silence) -> int:
    """The source is silent for so long that the head of the unit must know."""
    people = list(registry.heads(silence.unit_id)) or list(registry.coordinators())
    subject = _("Nguồn log “%(name)s” vẫn im lặng") % {"name": silence.source.name}
    cause = f"silence:{silence.unit_id}:head:{silence.pk}:head"
    return _send([silence], people, cause=cause, template="source_silent_head", subject=subject)


def _send(silences: Sequence[Silence], people: Sequence[User], *, cause: str, template: str, subject: str) -> int:
    told = 0
    body = render_to_string(
        f"messages/{template}.txt",
        {
            "unit": registry.unit_name(silences[0].unit_id),
            "rows": [(silence, link_to(silence)) for silence in silences],
        },
    )
    for person in people:
        if person.email:
            enqueue_message(
                recipient=person.email,
                subject=subject,
                body=body,
                dedupe_key=f"{cause}:{person.pk}",
                unit_id=silences[0].unit_id,
            )
            told += 1
    return told


def link_to(silence: Silence) -> str:
    return f"{settings.BASE_URL.rstrip('/')}{reverse('sources:silence', args=[silence.pk])}"


def tell_of_ours(at: datetime, sources: int) -> None:
    """Nearly everything has stopped at once: the coordinator hears of it once an hour, no unit does."""
    body = render_to_string("messages/intake_quiet.txt", {"sources": sources, "at": at})
    for person in registry.coordinators():
        if person.email:
            enqueue_message(
                recipient=person.email,
                subject=_("Hầu hết nguồn log cùng im lặng: nhiều khả năng đường mạng tới hệ thống hỏng"),
                body=body,
                dedupe_key=f"intake-quiet:{at:%Y%m%d%H}:{person.pk}",
            )


def messages_about(silence: Silence) -> list[OutboundMessage]:
    """Who was told and when, oldest first."""
    found: list[OutboundMessage] = []
    for prefix in filter(None, (silence.letter, f"silence:{silence.unit_id}:head:{silence.pk}")):
        # a range instead of startswith: LIKE would not use the index of the unique key
        keys = OutboundMessage.objects.filter(dedupe_key__gte=f"{prefix}:", dedupe_key__lt=f"{prefix};")
        found += keys.order_by("created_at", "pk")[:50]
    return found


def tell_call(call: CanaryCall) -> int:
    """A canary is asked for: the officers get the one command."""
    people = list(registry.officers(call.unit_id)) or list(registry.heads(call.unit_id))
    return _tell_of_call(
        call, people, template="canary_call", subject=_("Đến hạn thử khả năng ghi nhận: “%(name)s”"), cause="asked"
    )


def tell_missed_call(call: CanaryCall) -> int:
    """Nobody tried in time: the head of the unit hears of it."""
    people = list(registry.heads(call.unit_id)) or list(registry.coordinators())
    return _tell_of_call(
        call, people, template="canary_missed", subject=_("Chưa thử khả năng ghi nhận: “%(name)s”"), cause="missed"
    )


def _tell_of_call(call: CanaryCall, people: Sequence[User], *, template: str, subject: str, cause: str) -> int:
    link = f"{settings.BASE_URL.rstrip('/')}{reverse('sources:detail', args=[call.source_id])}#phep-thu"
    body = render_to_string(
        f"messages/{template}.txt",
        {
            "call": call,
            "unit": registry.unit_name(call.unit_id),
            "commands": canary_commands(call.source.kind, call.marker),
            "link": link,
        },
    )
    reached = [person for person in people if person.email]
    for person in reached:
        enqueue_message(
            recipient=person.email,
            subject=subject % {"name": call.source.name},
            body=body,
            dedupe_key=f"canary-call:{call.pk}:{cause}:{person.pk}",
            unit_id=call.unit_id,
        )
    return len(reached)
