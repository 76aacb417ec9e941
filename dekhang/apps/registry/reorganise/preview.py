"""What a reorganisation moves and what stays as history, before anybody confirms it."""

from dataclasses import dataclass

from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import Contact, Employment, Network, PostHolding, System, UnitVersion
from dekhang.apps.registry.reorganise.faults import NEW, heir_of
from dekhang.apps.registry.reorganise.plans import Plan
from dekhang.apps.registry.selectors import unit_names


@dataclass(frozen=True, slots=True)
class Move:
    """Something that belongs to another unit from the date on. `to`: the unit's name then; "" when it ends."""

    what: str
    from_unit: str
    to: str


@dataclass(frozen=True, slots=True)
class Preview:
    """Names are those of the date before and the date itself."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    ends: tuple[str, ...]
    systems: tuple[Move, ...]
    contacts: tuple[Move, ...]
    networks: tuple[Move, ...]
    posts: tuple[Move, ...]
    people: int  # of the roster, who work at a unit that ends
    heads_wanted: tuple[str, ...]  # units without a head from the date on: somebody must be named
    children: tuple[Move, ...]
    moving_unit_ids: tuple[int, ...]  # what other apps keep for these units moves too


def preview(plan: Plan) -> Preview:
    names = unit_names(set(plan.touched), plan.date)
    systems = []
    for system in System.objects.in_force(plan.date).filter(unit_id__in=moving(plan)).order_by("unit_id", "name"):
        target = target_of_system(plan, system)
        if target is None or target != system.unit_id:
            systems.append(Move(system.name, names.get(system.unit_id, ""), _target_name(plan, target)))
    contacts = [
        Move(contact.value, names.get(contact.unit_id, ""), _target_name(plan, target_of_unit(plan, contact.unit_id)))
        for contact in Contact.objects.in_force(plan.date).filter(unit_id__in=plan.ends).order_by("unit_id", "pk")
    ]
    networks = [
        Move(network.cidr, names.get(network.unit_id, ""), _target_name(plan, target_of_unit(plan, network.unit_id)))
        for network in Network.objects.in_force(plan.date).filter(unit_id__in=plan.ends).order_by("unit_id", "pk")
    ]
    posts, heads = [], set()
    held = PostHolding.objects.in_force(plan.date).filter(unit_id__in=plan.touched).select_related("user")
    for holding in held.order_by("unit_id", "kind", "pk"):
        if holding.unit_id not in plan.ends:
            if holding.kind == PostKind.HEAD:
                heads.add(holding.unit_id)
            continue
        target = target_of_unit(plan, holding.unit_id) if holding.kind != PostKind.HEAD else None
        what = f"{holding.get_kind_display()}: {holding.user}"
        posts.append(Move(what, names.get(holding.unit_id, ""), _target_name(plan, target)))
    children = []
    ended = {one.unit_id: one for one in UnitVersion.objects.in_force(plan.date).filter(unit_id__in=plan.ends)}
    for child in UnitVersion.objects.in_force(plan.date).filter(parent_id__in=ended).exclude(unit_id__in=plan.touched):
        heir = heir_of(plan, child.unit_id, ended[child.parent_id])
        outcome = plan.main_outcome(child.parent_id)
        to = outcome.name if heir == NEW and outcome is not None else unit_names({heir or 0}).get(heir or 0, "")
        children.append(Move(child.name, names.get(child.parent_id, ""), to))
    return Preview(
        before=tuple(names[unit_id] for unit_id in sorted(plan.touched) if unit_id in names),
        after=tuple(one.name for one in plan.outcomes),
        ends=tuple(names.get(unit_id, "") for unit_id in plan.ends),
        systems=tuple(systems),
        contacts=tuple(contacts),
        networks=tuple(networks),
        posts=tuple(posts),
        people=Employment.objects.in_force(plan.date).filter(unit_id__in=plan.ends).count(),
        heads_wanted=tuple(one.name for one in plan.outcomes if one.unit_id is None or one.unit_id not in heads),
        children=tuple(children),
        moving_unit_ids=tuple(sorted(moving(plan))),
    )


Target = int | None  # an existing unit's id; a new one is NEW - 1 - its place in the outcomes; None: nowhere


def moving(plan: Plan) -> set[int]:
    """Units of which something may move: those that end, and those that others get a part of."""
    return set(plan.ends) | {unit_id for one in plan.outcomes for unit_id in one.takes_part}


def place_target(plan: Plan, place: int) -> int:
    unit_id = plan.outcomes[place].unit_id
    return unit_id if unit_id is not None else -1 - place


def target_of_unit(plan: Plan, unit_id: int) -> Target:
    outcome = plan.main_outcome(unit_id)
    return place_target(plan, plan.outcomes.index(outcome)) if outcome is not None else None


def target_of_system(plan: Plan, system: System) -> Target:
    if system.pk in plan.systems_to:
        return place_target(plan, plan.systems_to[system.pk])
    return target_of_unit(plan, system.unit_id)


def _target_name(plan: Plan, target: Target) -> str:
    if target is None:
        return ""
    return next(one.name for place, one in enumerate(plan.outcomes) if place_target(plan, place) == target)
