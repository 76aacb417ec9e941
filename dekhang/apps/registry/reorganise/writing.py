"""Writes a planned reorganisation into the dated registry, takes it back, and says when it came into force."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Max, Q
from django.utils.text import slugify
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.enums import AuditAction, PostKind
from dekhang.apps.registry.models import (
    Contact,
    DatedModel,
    Employment,
    Network,
    PostHolding,
    Reorganisation,
    Succession,
    System,
    SystemName,
    Unit,
    UnitVersion,
)
from dekhang.apps.registry.policies import check_can_manage_registry
from dekhang.apps.registry.reorganise.faults import NEW, faults, heir_of
from dekhang.apps.registry.reorganise.plans import Outcome, Plan
from dekhang.apps.registry.reorganise.preview import moving, place_target, target_of_system, target_of_unit
from dekhang.apps.registry.search import fold

DATED: dict[str, type[DatedModel]] = {
    "version": UnitVersion,
    "system": System,
    "contact": Contact,
    "holding": PostHolding,
    "network": Network,
    "system_name": SystemName,
    "employment": Employment,
}
AT_ONCE = 500


@transaction.atomic
def schedule(*, plan: Plan, by: User) -> Reorganisation:
    """Write what the plan says, dated ahead; until its date `undo` takes it back.

    Raises:
        ActionDenied: `by` may not, or the plan has faults; the message holds all of them.
    """
    check_can_manage_registry(by)
    if wrong := faults(plan):
        raise ActionDenied(" ".join(wrong))
    event = Reorganisation.objects.create(
        date=plan.date,
        kind=plan.kind,
        basis=plan.basis.strip(),
        note=plan.note.strip(),
        planned_at=clock.now(),
        planned_by=by,
    )
    event.undo = _Writer(plan, event).write()
    event.save(update_fields=["undo"])
    record_event(
        action=AuditAction.REORGANISATION_PLANNED,
        by=by,
        target=event,
        detail={"date": plan.date.isoformat(), "kind": str(plan.kind), "units": sorted(plan.touched)},
    )
    return event


class _Writer:
    """Remembers every row made and every row closed, so that both can be taken back."""

    def __init__(self, plan: Plan, event: Reorganisation) -> None:
        self.plan, self.event, self.day = plan, event, plan.date
        self.made: dict[str, list[int]] = {name: [] for name in (*DATED, "unit")}
        self.closed: dict[str, dict[str, str | None]] = {name: {} for name in DATED}
        self.ids: dict[int, int] = {}  # target (see preview) → unit id

    def write(self) -> dict[str, Any]:
        plan = self.plan
        before = {one.unit_id: one for one in UnitVersion.objects.in_force(self.day)}
        for place, outcome in enumerate(plan.outcomes):
            unit_id = outcome.unit_id
            if unit_id is None:
                unit_id = Unit.objects.create(key=_free_key(outcome, self.day)).pk
                self.made["unit"].append(unit_id)
            self.ids[place_target(plan, place)] = unit_id
        for place, outcome in enumerate(plan.outcomes):
            self._version(self.ids[place_target(plan, place)], outcome, before)
        for unit_id in plan.ends:
            self._close("version", [before[unit_id]])
        self._children(before)
        self._systems()
        self._people_and_contacts()
        self._successions()
        return {"made": self.made, "closed": self.closed}

    def _version(self, unit_id: int, outcome: Outcome, before: dict[int, UnitVersion]) -> None:
        old = before.get(unit_id)
        if old is not None:
            self._close("version", [old])
        # the picture's place of the unit, or of what it mainly takes
        model = old or next((before[taken] for taken in outcome.takes if taken in before), None)
        self._make(
            "version",
            UnitVersion(
                unit_id=unit_id,
                code=outcome.code,
                name=outcome.name.strip(),
                kind=outcome.kind,
                subtype=outcome.subtype,
                parent_id=outcome.parent_id,
                # the task goes where the body goes that had it
                is_coordinator=any(before[one].is_coordinator for one in (unit_id, *outcome.takes) if one in before),
                basis=self.event.basis,
                valid_from=self.day,
                tile_column=model.tile_column if model is not None else None,
                tile_row=model.tile_row if model is not None else None,
            ),
        )

    def _children(self, before: dict[int, UnitVersion]) -> None:
        """Units whose parent ends get their new parent."""
        ended = set(self.plan.ends)
        for child in before.values():
            if child.parent_id not in ended or child.unit_id in self.plan.touched:
                continue
            heir = heir_of(self.plan, child.unit_id, before[child.parent_id])
            if heir == NEW:
                heir = self.ids[target_of_unit(self.plan, child.parent_id) or 0]
            self._close("version", [child])
            copy = _copy(child, self.day)
            copy.parent_id, copy.basis = heir, self.event.basis
            self._make("version", copy)

    def _systems(self) -> None:
        for system in System.objects.in_force(self.day).filter(unit_id__in=moving(self.plan)):
            target = target_of_system(self.plan, system)
            if target == system.unit_id:
                continue
            self._close("system", [system])
            if target is not None:
                copy = _copy(system, self.day)
                copy.unit_id, copy.follows_id = self.ids[target], system.pk
                self._make("system", copy)
                for name in SystemName.objects.in_force(self.day).filter(system=system):
                    self._close("system_name", [name])
                    own = _copy(name, self.day)
                    own.system_id = copy.pk
                    self._make("system_name", own)

    def _people_and_contacts(self) -> None:
        """Officers, duty contacts, addresses and networks go with their unit; a head is named for a new unit, not inherited."""
        for name, rows in (
            ("holding", PostHolding.objects.in_force(self.day).filter(unit_id__in=self.plan.ends)),
            ("contact", Contact.objects.in_force(self.day).filter(unit_id__in=self.plan.ends)),
            ("network", Network.objects.in_force(self.day).filter(unit_id__in=self.plan.ends)),
        ):
            for row in rows:
                self._close(name, [row])
                target = target_of_unit(self.plan, row.unit_id)
                if target is None or (name == "holding" and row.kind == PostKind.HEAD):
                    continue
                copy = _copy(row, self.day)
                copy.unit_id = self.ids[target]
                self._make(name, copy)

        self._employments()

    def _employments(self) -> None:
        """Who works at a unit that ends works at its main successor, so that shares over officials have their people."""
        moving = Employment.objects.in_force(self.day).filter(unit_id__in=self.plan.ends).order_by("pk")
        new: dict[tuple[int, int], Employment] = {}
        for old in moving:
            self.closed["employment"][str(old.pk)] = old.valid_to.isoformat() if old.valid_to else None
            target = target_of_unit(self.plan, old.unit_id)
            if target is not None:
                # once, also for somebody of two units that become one
                new.setdefault((old.person_id, self.ids[target]), Employment(
                    person_id=old.person_id, unit_id=self.ids[target], title=old.title, valid_from=self.day, valid_to=old.valid_to,
                ))  # fmt: skip
        ids = [int(pk) for pk in self.closed["employment"]]
        for start in range(0, len(ids), AT_ONCE):
            Employment.objects.filter(pk__in=ids[start : start + AT_ONCE]).update(valid_to=self.day)
        there = Employment.objects.filter(valid_to=None, unit_id__in={unit_id for _person, unit_id in new})
        known = set(there.values_list("person_id", "unit_id"))
        made = Employment.objects.bulk_create([one for key, one in new.items() if key not in known], batch_size=AT_ONCE)
        self.made["employment"] += [one.pk for one in made]

    def _successions(self) -> None:
        rows = []
        for place, outcome in enumerate(self.plan.outcomes):
            successor = self.ids[place_target(self.plan, place)]
            for taken, part in [*((t, False) for t in outcome.takes), *((t, True) for t in outcome.takes_part)]:
                if taken != successor:
                    whole = not part and not any(taken in other.takes_part for other in self.plan.outcomes)
                    rows.append(Succession(reorganisation=self.event, predecessor_id=taken, successor_id=successor,
                                           extent="full" if whole else "part", main=not part))  # fmt: skip
            if outcome.unit_id is None and not outcome.takes and not outcome.takes_part:
                rows.append(Succession(reorganisation=self.event, predecessor=None, successor_id=successor))
        followed = {row.predecessor_id for row in rows}
        rows += [
            Succession(reorganisation=self.event, predecessor_id=unit_id, successor=None)
            for unit_id in self.plan.ends
            if unit_id not in followed
        ]
        if not rows:  # renamed or moved: the event still shows on the unit's page
            rows = [
                Succession(reorganisation=self.event, predecessor_id=unit_id, successor_id=unit_id)
                for unit_id in self.ids.values()
            ]
        Succession.objects.bulk_create(rows)

    def _make(self, name: str, row: DatedModel) -> None:
        row.save(force_insert=True)
        self.made[name].append(row.pk)

    def _close(self, name: str, rows: Sequence[DatedModel]) -> None:
        for row in rows:
            self.closed[name][str(row.pk)] = row.valid_to.isoformat() if row.valid_to else None
            DATED[name].objects.filter(pk=row.pk).update(valid_to=self.day)


def _copy(row: Any, day: date) -> Any:
    """A new unsaved row like this one, in force from `day` on."""
    values = {
        field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key
    }
    return type(row)(**{**values, "valid_from": day, "valid_to": None})


def _free_key(outcome: Outcome, day: date) -> str:
    base = outcome.key or slugify(fold(" ".join((outcome.name, outcome.code, str(day.year)))))[:100]
    number, key = 1, base
    while Unit.objects.filter(key=key).exists():
        number += 1
        key = f"{base}-{number}"
    return key


def check_can_undo(user: User, event: Reorganisation) -> None:
    check_can_manage_registry(user)
    if event.planned_at is None:
        raise ActionDenied(_("Thay đổi này thuộc dữ liệu nạp ban đầu, không hủy được."))
    if event.undone_at is not None:
        raise ActionDenied(_("Lịch sắp xếp này đã được hủy."))
    if event.date <= clock.today():
        raise ActionDenied(
            _("Sắp xếp đã có hiệu lực từ %(day)s. Muốn thay đổi tiếp, hãy lập một lịch sắp xếp mới.")
            % {"day": f"{event.date:%d/%m/%Y}"}
        )
    touched = set(Succession.objects.filter(reorganisation=event).values_list("predecessor_id", "successor_id"))
    units = {unit_id for pair in touched for unit_id in pair if unit_id}
    later = Reorganisation.objects.filter(
        Q(successions__predecessor_id__in=units) | Q(successions__successor_id__in=units),
        pk__gt=event.pk,
        undone_at=None,
        date__gte=event.date,
    ).first()
    if later is not None:
        raise ActionDenied(_("Lịch “%(later)s” dựa trên lịch này. Hủy lịch đó trước.") % {"later": later})


@transaction.atomic
def undo(*, event: Reorganisation, by: User) -> Reorganisation:
    """Take back a reorganisation whose date has not come: the registry is as if it had never been planned."""
    event = Reorganisation.objects.select_for_update().get(pk=event.pk)
    check_can_undo(by, event)
    Succession.objects.filter(reorganisation=event).delete()
    for name, model in reversed(DATED.items()):  # names of a system before the system
        made = event.undo["made"][name]
        for start in range(0, len(made), AT_ONCE):
            model.objects.filter(pk__in=made[start : start + AT_ONCE]).delete()
        for pk, valid_to in event.undo["closed"][name].items():
            # only what still ends with the plan: who was dismissed meanwhile stays dismissed
            model.objects.filter(pk=int(pk), valid_to=event.date).update(
                valid_to=date.fromisoformat(valid_to) if valid_to else None
            )
    Unit.objects.filter(pk__in=event.undo["made"]["unit"]).delete()
    Reorganisation.objects.filter(pk=event.pk).update(undone_at=clock.now(), undone_by=by)
    record_event(action=AuditAction.REORGANISATION_UNDONE, by=by, target=event, detail={"date": event.date.isoformat()})
    event.refresh_from_db()
    return event


@transaction.atomic
def come_into_force() -> int:
    """Give a turn to every planned reorganisation whose date has come; returns how many. Others follow by turn."""
    due = Reorganisation.objects.filter(planned_at__isnull=False, undone_at=None, turn=None, date__lte=clock.today())
    turn = Reorganisation.objects.aggregate(last=Max("turn"))["last"] or 0
    number = 0
    for number, event in enumerate(due.order_by("date", "pk"), start=1):
        Reorganisation.objects.filter(pk=event.pk).update(turn=turn + number)
        record_event(action=AuditAction.REORGANISATION_CAME, by=None, target=event, detail={"turn": turn + number})
    return number
