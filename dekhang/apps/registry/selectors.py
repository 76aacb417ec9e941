"""Reads of the registry. Isolation starts here: everything a person sees begins with `visible_unit_ids`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Q, QuerySet

from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import User
from dekhang.apps.registry.enums import PostKind, UnitKind
from dekhang.apps.registry.models import Contact, PostHolding, Reorganisation, Succession, Unit, UnitVersion

# Units that carry the directive's duties: the province itself is who counts, not who is counted.
COUNTED_KINDS = (UnitKind.DEPARTMENT, UnitKind.DISTRICT, UnitKind.COMMUNE)


def versions_in_force(day: date | None = None) -> QuerySet[UnitVersion]:
    """Unit versions in force on `day` (today by default), with their unit and parent."""
    return UnitVersion.objects.in_force(day or clock.today()).select_related("unit", "parent")


def counted_units(day: date | None = None) -> QuerySet[UnitVersion]:
    """The denominator of every share: units in force on `day` that carry duties."""
    return versions_in_force(day).filter(kind__in=COUNTED_KINDS)


def visible_unit_ids(user: User, day: date | None = None) -> frozenset[int]:
    """Ids of the units whose data `user` may see: all for provincial roles, else those where they hold a post.

    A unit that no longer exists stays visible to provincial roles, and to those who work for the unit that wholly took
    it over: its history is not erased.
    """
    if not user.is_active:
        return frozenset()
    if user.is_provincial:
        return frozenset(Unit.objects.values_list("pk", flat=True))
    held = PostHolding.objects.in_force(day or clock.today()).filter(user=user)
    return with_predecessors(held.values_list("unit_id", flat=True), day)


def within_sight(user: User, field: str = "unit_id") -> Q:
    """The condition that `field` names a unit that `user` may see.

    For provincial roles none at all: a list of hundreds of ids says the same and keeps the database from reading in the
    order of an index.
    """
    if user.is_active and user.is_provincial:
        return Q()
    return Q(**{f"{field}__in": visible_unit_ids(user)})


def with_predecessors(unit_ids: Iterable[int], day: date | None = None, *, partly: bool = False) -> frozenset[int]:
    """The units and those that had wholly gone into them by `day`: theirs is the history too.

    Args:
        partly: also those of which they took a part; for things that are known to have moved along.
    """
    found = set(unit_ids)
    extents = ["full", "part"] if partly else ["full"]
    new = found
    while new:
        rows = Succession.objects.filter(
            successor_id__in=new, extent__in=extents, reorganisation__date__lte=day or clock.today()
        )
        new = set(rows.values_list("predecessor_id", flat=True)) - found - {None}
        found |= new
    return frozenset(found)


def current_version(unit_id: int, day: date | None = None) -> UnitVersion | None:
    """The version in force on `day`; for a unit that ended, its last one."""
    return (
        versions_in_force(day).filter(unit_id=unit_id).first()
        or UnitVersion.objects.filter(unit_id=unit_id).order_by("-valid_from").select_related("unit", "parent").first()
    )


def unit_name(unit_id: int, day: date | None = None) -> str:
    version = current_version(unit_id, day)
    return version.name if version else f"#{unit_id}"


def unit_names(unit_ids: frozenset[int] | set[int] | list[int], day: date | None = None) -> dict[int, str]:
    """Names of many units on `day` (default today), in one query; units that ended have their last name."""
    names: dict[int, str] = {}
    day = day or clock.today()
    for version in UnitVersion.objects.filter(unit_id__in=unit_ids).order_by("valid_from"):
        if version.valid_from <= day or version.unit_id not in names:  # one that is still to come has its first name
            names[version.unit_id] = version.name
    return names


def holders(unit_id: int, kind: PostKind, day: date | None = None) -> QuerySet[User]:
    """Active people who hold the post on `day`."""
    held = PostHolding.objects.in_force(day or clock.today()).filter(unit_id=unit_id, kind=kind)
    return User.objects.filter(pk__in=held.values("user_id"), is_active=True)


def officers(unit_id: int) -> QuerySet[User]:
    return holders(unit_id, PostKind.OFFICER)


def heads(unit_id: int) -> QuerySet[User]:
    return holders(unit_id, PostKind.HEAD)


def coordinators() -> QuerySet[User]:
    return User.objects.filter(role=Role.COORDINATOR, is_active=True)


def holds(user: User, unit_id: int, *kinds: PostKind) -> bool:
    """Whether `user` holds one of the posts at the unit today."""
    held = PostHolding.objects.in_force(clock.today()).filter(user=user, unit_id=unit_id)
    return held.filter(kind__in=kinds).exists() if kinds else held.exists()


def contacts(unit_id: int) -> QuerySet[Contact]:
    return Contact.objects.in_force(clock.today()).filter(unit_id=unit_id)


def own_unit_id(user: User) -> int | None:
    """The unit a unit-level person works for: of several the one chosen in this session, else the first; None for provincial roles."""
    held = own_unit_ids(user)
    if user.chosen_unit_id in held:
        return user.chosen_unit_id
    return held[0] if held else None


def own_unit_ids(user: User) -> list[int]:
    """The units a unit-level person holds a post in today, the oldest post first; none for provincial roles."""
    if user.is_provincial:
        return []
    held = PostHolding.objects.in_force(clock.today()).filter(user=user).order_by("pk")
    return list(dict.fromkeys(held.values_list("unit_id", flat=True)))


@dataclass(frozen=True, slots=True)
class Came:
    """A reorganisation in force. `moved`: unit → the unit that has mainly taken its place."""

    turn: int
    date: date
    moved: dict[int, int]


def came_after(turn: int) -> list[Came]:
    """Planned reorganisations that came into force after `turn`, in order: what other apps follow."""
    events = Reorganisation.objects.filter(turn__gt=turn).order_by("turn").prefetch_related("successions")
    return [
        Came(
            event.turn,
            event.date,
            {
                row.predecessor_id: row.successor_id
                for row in event.successions.all()
                if row.main and row.predecessor_id and row.successor_id and row.predecessor_id != row.successor_id
            },
        )
        for event in events
    ]


def heir_on(unit_id: int, day: date | None = None) -> int | None:
    """The unit that holds its place on `day`: itself while in force, else its main successor's; None: it went nowhere."""
    day = day or clock.today()
    seen: set[int] = set()
    while unit_id not in seen:
        if UnitVersion.objects.in_force(day).filter(unit_id=unit_id).exists():
            return unit_id
        seen.add(unit_id)
        row = (
            Succession.objects.filter(predecessor_id=unit_id, successor__isnull=False, reorganisation__date__lte=day)
            .order_by("-main", "-reorganisation__date", "pk")
            .first()
        )
        if row is None:
            return None
        unit_id = row.successor_id
    return None


@dataclass(frozen=True, slots=True)
class TreeRow:
    version: UnitVersion
    depth: int


def tree(day: date | None = None) -> list[TreeRow]:
    """All units in force on `day`, parents before children, in one query."""
    children: dict[int | None, list[UnitVersion]] = {}
    for version in versions_in_force(day):
        children.setdefault(version.parent_id, []).append(version)
    order = list(UnitKind.values)
    rows: list[TreeRow] = []

    def walk(parent_id: int | None, depth: int) -> None:
        for version in sorted(children.get(parent_id, []), key=lambda v: (order.index(v.kind), v.code, v.name)):
            rows.append(TreeRow(version, depth))
            walk(version.unit_id, depth + 1)

    walk(None, 0)
    return rows
