"""Reads of contacts' liveness, starting from the units that a person may see."""

from collections import defaultdict
from collections.abc import Collection
from datetime import timedelta

from django.db.models import Q

from dekhang.apps.contacts.enums import Liveness
from dekhang.apps.contacts.liveness import Line, judge
from dekhang.apps.contacts.models import Call
from dekhang.apps.contacts.targets import Key, Target, targets
from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.registry.selectors import visible_unit_ids
from dekhang.law import load

# what asks for a person comes first
ORDER = (Liveness.DEAD, Liveness.UNKNOWN, Liveness.ASKED, Liveness.ALIVE)
LOOKED_BACK = timedelta(days=400)  # older calls say nothing about today


def lines_seen_by(user: User) -> list[Line]:
    """Every contact that `user` may see, worst first; providers are the whole province's."""
    return lines(visible_unit_ids(user), with_providers=user.is_provincial)


def lines(unit_ids: Collection[int], *, with_providers: bool = False) -> list[Line]:
    found = targets(unit_ids, with_providers=with_providers)
    return sorted(judged(found), key=lambda line: ORDER.index(line.state))


def judged(found: list[Target]) -> list[Line]:
    """Their verdicts now, in the same order; one query whatever the number."""
    now = clock.now()
    valid = timedelta(days=load().proof("contact_valid_days").whole)
    calls = calls_of(found)
    return [judge(target, calls.get(target.key, []), now, valid=valid) for target in found]


def calls_of(found: list[Target]) -> dict[Key, list[Call]]:
    """Calls of the last year of each target, newest first; those to a provider's former desk say nothing of its present one."""
    addresses = {one.key: one.address for one in found}
    units = {one.unit_id for one in found if one.unit_id is not None}
    rows = Call.objects.filter(asked_at__gt=clock.now() - LOOKED_BACK)
    rows = rows.filter(Q(unit_id__in=units) | Q(unit=None)) if len(units) < 200 else rows
    by_key: dict[Key, list[Call]] = defaultdict(list)
    for call in rows.order_by("-asked_at", "-pk"):
        key = key_of(call)
        if call.provider_id is None or call.address == addresses.get(key):
            by_key[key].append(call)
    return by_key


def key_of(call: Call) -> Key:
    if call.contact_id is not None:
        return "contact", call.contact_id, call.unit_id or 0
    if call.user_id is not None:
        return "user", call.user_id, call.unit_id or 0
    return "provider", call.provider_id or 0, 0


def target_seen_by(user: User, kind: str, pk: int, unit_id: int) -> Target | None:
    """The target if it is in force and `user` may see it."""
    if kind == "provider":
        mine = targets([], with_providers=True) if user.is_provincial else []
    else:
        mine = targets([unit_id]) if unit_id in visible_unit_ids(user) else []
    return next((one for one in mine if one.key == (kind, pk, unit_id)), None)


def dead_units(unit_ids: Collection[int]) -> list[int]:
    """Units of which nobody at all can be reached."""
    reached: dict[int, bool] = dict.fromkeys(unit_ids, False)
    for line in lines(unit_ids):
        if line.target.unit_id is not None and line.state in (Liveness.ALIVE, Liveness.ASKED) and line.answered_at:
            reached[line.target.unit_id] = True
    return [unit_id for unit_id, ok in reached.items() if not ok]
