"""Everybody who has to answer when it matters: contacts of units, holders of their posts, duty desks of providers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.enums import Channel
from dekhang.apps.registry.enums import ContactKind, PostKind
from dekhang.apps.registry.models import Contact, PostHolding, Provider

Key = tuple[str, int, int]  # contact · user · provider, its id, the unit's id (0: a provider's)
POSTS_CALLED = (PostKind.HEAD, PostKind.OFFICER)


@dataclass(frozen=True, slots=True)
class Target:
    """One address at which somebody must answer.

    Args:
        name: what it is, in people's words.
        channel: None: the telephone, which nobody here can ring.
        answered_at: when it last answered in any way.
    """

    key: Key
    unit_id: int | None
    name: str
    address: str
    channel: Channel | None
    answered_at: datetime | None

    @property
    def kind(self) -> str:
        return self.key[0]

    @property
    def kinds(self) -> str:
        """As addresses name it."""
        return f"{self.key[0]}s"

    @property
    def pk(self) -> int:
        return self.key[1]


CHANNELS = {ContactKind.EMAIL: Channel.EMAIL, ContactKind.CHAT: Channel.APPRISE}


def targets(unit_ids: Collection[int] | None = None, *, with_providers: bool = False) -> list[Target]:
    """All in force today, of the units or of all; three queries at most. Those of one unit stand together."""
    found = [*_contacts(unit_ids), *_holders(unit_ids)]
    found.sort(key=lambda one: (one.unit_id or 0, one.kind, one.pk))
    return found + (list(_providers()) if with_providers else [])


def _contacts(unit_ids: Collection[int] | None) -> list[Target]:
    rows = Contact.objects.in_force(clock.today())
    if unit_ids is not None:
        rows = rows.filter(unit_id__in=unit_ids)
    return [
        Target(
            ("contact", row.pk, row.unit_id),
            row.unit_id,
            row.label or str(row.get_kind_display()),
            row.value,
            CHANNELS.get(ContactKind(row.kind)),
            row.last_answered_at,
        )
        for row in rows
    ]


def _holders(unit_ids: Collection[int] | None) -> list[Target]:
    """Heads and officers with an address, each once at a unit; one whose address is a contact too is asked there."""
    held = PostHolding.objects.in_force(clock.today()).filter(kind__in=POSTS_CALLED, user__is_active=True)
    if unit_ids is not None:
        held = held.filter(unit_id__in=unit_ids)
    mail = Contact.objects.in_force(clock.today()).filter(kind=ContactKind.EMAIL)
    if unit_ids is not None:
        mail = mail.filter(unit_id__in=unit_ids)
    known = {(unit_id, value.lower()) for unit_id, value in mail.values_list("unit_id", "value")}
    found: dict[Key, Target] = {}
    for row in held.select_related("user").order_by("kind", "pk"):
        email = row.user.email
        if email and (row.unit_id, email.lower()) not in known:
            key = ("user", row.user_id, row.unit_id)
            name = f"{row.get_kind_display()}: {row.user}"
            found.setdefault(key, Target(key, row.unit_id, name, email, Channel.EMAIL, None))
    return list(found.values())


def holds_a_post(unit_id: int, user_id: int) -> bool:
    held = PostHolding.objects.in_force(clock.today()).filter(kind__in=POSTS_CALLED, user__is_active=True)
    return held.filter(unit_id=unit_id, user_id=user_id).exists()


def _providers() -> list[Target]:
    found = []
    for row in Provider.objects.in_force(clock.today()).order_by("name"):
        if row.desk:
            channel = Channel.EMAIL if row.duty_email else None
            name = _("%(provider)s: trực an toàn thông tin") % {"provider": row.name}
            key = ("provider", row.pk, 0)
            found.append(Target(key, None, name, row.desk, channel, row.last_answered_at))
    return found
