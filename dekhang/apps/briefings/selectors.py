"""Reads of briefings, starting from what a person may see: the province's roles all of them, others what they hold or are invited to."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet

from dekhang.apps.briefings.enums import BriefingStatus
from dekhang.apps.briefings.models import Attendance, Briefing, Invitation, Material, Question
from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import PostHolding
from dekhang.apps.registry.search import fold
from dekhang.apps.registry.selectors import counted_units, unit_names, versions_in_force, visible_unit_ids

OUT = (BriefingStatus.ANNOUNCED, BriefingStatus.CLOSED, BriefingStatus.CANCELLED)


def briefings_of(user: User) -> QuerySet[Briefing]:
    """Drafts only for those who hold them, and the province's roles."""
    if user.is_provincial and user.is_active:
        return Briefing.objects.all()
    units = visible_unit_ids(user)
    invited = Q(invitations__unit_id__in=units, status__in=OUT, announced_at__isnull=False)
    return Briefing.objects.filter(Q(unit_id__in=units) | invited).distinct()


def organises(user: User, briefing: Briefing) -> bool:
    """Whether this person sees the whole list: the organisers, and the province's roles who read only."""
    return user.is_provincial or (briefing.unit_id is not None and briefing.unit_id in visible_unit_ids(user))


def invitations_of(user: User) -> QuerySet[Invitation]:
    """Invitations of the briefings that one organises, and of one's own units once they are out."""
    everything = Invitation.objects.select_related("briefing")
    if user.is_provincial and user.is_active:
        return everything
    units = visible_unit_ids(user)
    return everything.filter(
        Q(briefing__unit_id__in=units)
        | Q(unit_id__in=units, briefing__status__in=OUT, briefing__announced_at__isnull=False)
    )


def own_invitations(user: User, briefing: Briefing) -> list[Invitation]:
    """Those of the units in whose name this person acts today."""
    held = PostHolding.objects.in_force(clock.today()).filter(
        user=user, kind__in=(PostKind.HEAD, PostKind.OFFICER), user__is_active=True
    )
    own = briefing.invitations.filter(unit_id__in=held.values("unit_id"))
    return list(own.select_related("briefing").order_by("pk"))


def materials_of(user: User) -> QuerySet[Material]:
    return Material.objects.filter(briefing__in=briefings_of(user)).select_related("briefing")


def attendances_of(user: User) -> QuerySet[Attendance]:
    return Attendance.objects.filter(invitation__in=invitations_of(user)).select_related(
        "briefing", "invitation__briefing", "recorded_by", "struck_by"
    )


def questions_of(user: User) -> QuerySet[Question]:
    """Questions of one's own unit, those of the briefings that one organises, and answers that are shared."""
    everything = Question.objects.select_related("briefing", "asked_by", "answered_by")
    if user.is_provincial and user.is_active:
        return everything
    units = visible_unit_ids(user)
    seen = Q(unit_id__in=units) | Q(briefing__unit_id__in=units) | Q(shared=True)
    return everything.filter(seen, briefing__in=briefings_of(user))


def invitable_unit_ids(unit_id: int | None) -> frozenset[int]:
    """Whom a host may invite: the province every unit that carries duties, a unit itself and those below it."""
    if unit_id is None:
        return frozenset(counted_units().values_list("unit_id", flat=True))
    children: dict[int | None, list[int]] = {}
    for child, parent in versions_in_force().values_list("unit_id", "parent_id"):
        children.setdefault(parent, []).append(child)
    found, open_ones = {unit_id}, [unit_id]
    while open_ones:
        for child in children.get(open_ones.pop(), ()):
            if child not in found:
                found.add(child)
                open_ones.append(child)
    return frozenset(found)


def invited_names(invitations: Collection[Invitation]) -> dict[int, str]:
    """Invitation → name of its unit; units of one name (two communes “Tân Bình”) are told apart by what is above them."""
    names = unit_names({one.unit_id for one in invitations})
    alike = Counter(fold(names.get(one.unit_id, "")) for one in invitations)
    twins = {one.unit_id for one in invitations if alike[fold(names.get(one.unit_id, ""))] > 1}
    if twins:
        above = dict(versions_in_force().filter(unit_id__in=twins).values_list("unit_id", "parent_id"))
        places = unit_names({parent for parent in above.values() if parent})
        seen: set[str] = set()
        for unit_id in sorted(twins):
            name = f"{names.get(unit_id, '')} ({places.get(above.get(unit_id) or 0) or unit_id})"
            names[unit_id] = name if fold(name) not in seen else f"{name} ({unit_id})"
            seen.add(fold(name))
    return {one.pk: names.get(one.unit_id, "") for one in invitations}


@dataclass(slots=True)
class Line:
    """One invited unit with what is known of it.

    Args:
        awaited: (name, title) of those who are invited, by post or by name.
    """

    invitation: Invitation
    unit: str
    awaited: list[tuple[str, str]] = field(default_factory=list)
    attendances: list[Attendance] = field(default_factory=list)
    readers: int = 0
    read: bool = False  # somebody has read everything that is given out

    @property
    def standing(self) -> list[Attendance]:
        return [row for row in self.attendances if row.struck_at is None]

    @property
    def came(self) -> bool:
        return bool(self.standing)

    @property
    def struck(self) -> list[Attendance]:
        return [row for row in self.attendances if row.struck_at is not None]


def lines_of(briefing: Briefing) -> list[Line]:
    """Every invited unit, by name. A fixed number of queries, whatever the number of units."""
    invitations = list(
        briefing.invitations.prefetch_related(
            "people__person", "readings", "attendances__recorded_by", "attendances__struck_by"
        )
    )
    unit_ids = {one.unit_id for one in invitations}
    names = invited_names(invitations)
    holders: dict[tuple[int, str], list[str]] = {}
    held = PostHolding.objects.in_force(clock.today()).filter(unit_id__in=unit_ids, user__is_active=True)
    for holding in held.select_related("user").order_by("pk"):
        holders.setdefault((holding.unit_id, holding.kind), []).append(str(holding.user))
    materials = set(briefing.materials.filter(withdrawn_at=None).values_list("pk", flat=True))
    lines = []
    for one in invitations:
        line = Line(one, names[one.pk], attendances=list(one.attendances.all()))
        line.awaited = [(row.person.name, "") for row in one.people.all()]
        for kind in one.posts:
            line.awaited += [(name, str(PostKind(kind).label)) for name in holders.get((one.unit_id, kind), ())]
        by_user: dict[int, set[int]] = {}
        for reading in one.readings.all():
            if reading.read_at is not None and reading.material_id in materials:
                by_user.setdefault(reading.user_id, set()).add(reading.material_id)
        line.readers = len(by_user)
        line.read = bool(materials) and any(read == materials for read in by_user.values())
        lines.append(line)
    return sorted(lines, key=lambda line: line.unit)


@dataclass(frozen=True, slots=True)
class Summary:
    invited: int
    came: int
    people: int
    informed: int  # came, or read everything

    @property
    def share(self) -> float | None:
        return self.came / self.invited if self.invited else None


def summary_of(lines: list[Line]) -> Summary:
    return Summary(
        invited=len(lines),
        came=sum(line.came for line in lines),
        people=sum(len(line.standing) for line in lines),
        informed=sum(line.came or line.read for line in lines),
    )
