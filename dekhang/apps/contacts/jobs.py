"""What runs on the clock: calls that are due, reminders, and calls that nobody answered or that could not be delivered."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from dekhang.apps.contacts import services
from dekhang.apps.contacts.models import OPEN, Call
from dekhang.apps.contacts.selectors import calls_of, key_of
from dekhang.apps.contacts.targets import Key, Target, holds_a_post, targets
from dekhang.apps.core import clock
from dekhang.apps.core.enums import Channel
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import OutboundMessage
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.services import record_evidence
from dekhang.apps.registry.models import Provider
from dekhang.law import load

CALLS_AT_ONCE = 50  # a round: a province's mail server is no bulk mailer
GONE_REASON = "Không còn là đầu mối của đơn vị."


def tick() -> int:
    """One round; returns how much was done."""
    there = targets(with_providers=True)
    return judge_open_calls(there) + call_due(there) + note_gone(there)


def judge_open_calls(there: list[Target]) -> int:
    """Open calls whose mail could not go out, or whose time is over; a reminder half-way."""
    now, done = clock.now(), 0
    half = timedelta(days=load().proof("contact_call_answer_days").whole) / 2
    channels = {one.key: one.channel for one in there}
    desks = {one.key: one.address for one in there if one.kind == "provider"}
    for one in Call.objects.filter(OPEN).order_by("pk"):
        key = services.message_key(one)
        letters = OutboundMessage.objects.filter(dedupe_key__gte=key, dedupe_key__lt=key[:-1] + ";")
        first = letters.order_by("pk").first()
        channel = channels.get(key_of(one))
        if one.provider_id is not None and one.address != desks.get(key_of(one)):
            # a former desk: nobody waits for it, and the present one is to be asked
            done += Call.objects.filter(OPEN, pk=one.pk).update(missed_at=now)
        elif first is not None and first.failed_at is not None:
            done += _close(one, "undeliverable_at")
        elif first is not None and first.sent_at is None:
            # our own mail server is away: nobody else's fault, their days begin when it has gone out
            _put_off(one, now)
        elif now >= one.expires_at:
            done += _close(one, "missed_at")
        elif channel is not None and one.reminded_at is None and one.expires_at - now <= half:
            with transaction.atomic():
                if Call.objects.filter(OPEN, pk=one.pk, reminded_at=None).update(reminded_at=now) == 1:
                    services.remind(one, channel)
                    done += 1
    return done


@transaction.atomic
def _close(one: Call, column: str) -> bool:
    return services.close_as(one, column)


def _put_off(one: Call, now: datetime) -> None:
    whole = timedelta(days=load().proof("contact_call_answer_days").whole)
    if one.expires_at < now + whole:
        Call.objects.filter(OPEN, pk=one.pk).update(expires_at=now + whole)


def call_due(there: list[Target]) -> int:
    """New calls, in working hours only, those that wait longest first."""
    now = clock.now()
    if services.at_work(now) != now:
        return 0
    every = timedelta(days=load().proof("contact_call_days").whole)
    calls = calls_of(there)
    waiting: list[tuple[datetime, Key, Target]] = []
    for target in there:
        if target.channel is None or (target.channel == Channel.EMAIL and not settings.EMAIL_HOST):
            continue
        own = calls.get(target.key, [])
        if any(one.answered_at is None and one.missed_at is None and one.undeliverable_at is None and one.disowned_at is None for one in own):  # fmt: skip
            continue
        if own and own[0].disowned_at is not None and own[0].address == target.address:
            continue  # they said that it is not them: asking again would only annoy
        heard = [m for one in own for m in (one.asked_at, one.answered_at) if m is not None]
        last = max((m for m in (*heard, target.answered_at) if m is not None), default=None)
        if last is None or now - last >= every:
            waiting.append((last or datetime.min.replace(tzinfo=now.tzinfo), target.key, target))
    done = 0
    for _last, _key, target in sorted(waiting, key=lambda row: row[:2])[:CALLS_AT_ONCE]:
        try:
            services.call(target=target, by=None)
        except ActionDenied:  # another process was faster
            continue
        done += 1
    return done


def note_gone(there: list[Target]) -> int:
    """An answer speaks for the unit only while its contact or post-holder is there: afterwards evidence says so."""
    now = clock.now()
    here = {(one.unit_id, f"{one.kind}:{one.pk}") for one in there}
    # a new desk has not answered yet, whatever the former did
    answered = Provider.objects.in_force(clock.today()).exclude(last_answered_at=None)
    desks = answered.values_list("unit_id", "pk")
    here |= {(unit_id, f"provider:{pk}") for unit_id, pk in desks}
    newest: dict[tuple[int, str], Evidence] = {}
    rows = Evidence.objects.filter(
        kind=EvidenceKind.CONTACT_ALIVE,
        observed_at__gt=now - timedelta(days=load().proof("contact_valid_days").whole),
    )
    for row in rows.order_by("observed_at", "pk"):
        newest[row.unit_id, row.subject] = row
    done = 0
    for (unit_id, subject), row in newest.items():
        if row.outcome == Outcome.OK and (unit_id, subject) not in here and not _asked_elsewhere(unit_id, subject):
            record_evidence(
                unit_id=unit_id,
                kind=EvidenceKind.CONTACT_ALIVE,
                subject=subject,
                outcome=Outcome.BROKEN,
                observed_at=now,
                reason=GONE_REASON,
            )
            done += 1
    return done


def _asked_elsewhere(unit_id: int, subject: str) -> bool:
    """A holder whose address has become a contact of the unit is asked there and has not gone."""
    return subject.startswith("user:") and holds_a_post(unit_id, int(subject.removeprefix("user:")))
