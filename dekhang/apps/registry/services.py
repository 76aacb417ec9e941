"""Writes of the registry: who holds which post, how a unit is reached, which systems it runs, and the first load."""

from datetime import date, timedelta

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import PROVINCE_ROLES
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.data import Places
from dekhang.apps.registry.data import load_places as read_places
from dekhang.apps.registry.enums import AuditAction, ContactKind, PostKind, UnitKind
from dekhang.apps.registry.models import (
    Contact,
    PostHolding,
    Provider,
    Reorganisation,
    Succession,
    System,
    SystemName,
    Unit,
    UnitVersion,
)
from dekhang.apps.registry.planned import drop_copies, drop_copies_of_system
from dekhang.apps.registry.policies import check_can_manage_registry, check_works_for_unit
from dekhang.apps.registry.search import fold


@transaction.atomic
def fill_post(
    *, unit_id: int, kind: PostKind, user: User, by: User | None, valid_from: date | None = None, decision: str = ""
) -> PostHolding:
    """`user` holds the post at the unit from `valid_from` (today) on; several people may hold one kind of post.

    Raises:
        ActionDenied: `by` may not manage the registry (None: the system itself), the account works for the whole
            province, or already holds the post.
    """
    if by is not None:
        check_can_manage_registry(by)
    day = valid_from or clock.today()
    if user.role in PROVINCE_ROLES:
        raise ActionDenied(_("Tài khoản này làm việc cho cả tỉnh, không giữ vị trí ở một đơn vị."))
    if PostHolding.objects.in_force(day).filter(unit_id=unit_id, kind=kind, user=user).exists():
        raise ActionDenied(_("Người này đang giữ vị trí đó rồi."))
    holding = PostHolding.objects.create(unit_id=unit_id, kind=kind, user=user, valid_from=day, decision=decision)
    record_event(action=AuditAction.POST_FILLED, by=by, target=user, unit_id=unit_id, detail={"post": str(kind)})
    return holding


@transaction.atomic
def vacate_post(*, holding: PostHolding, by: User) -> None:
    """The person no longer holds the post from today on."""
    check_can_manage_registry(by)
    drop_copies(holding, user=holding.user_id, kind=holding.kind)
    today = clock.today()
    if holding.valid_from >= today:  # entered by mistake the same day: it never was
        holding.delete()
    else:
        PostHolding.objects.filter(pk=holding.pk).update(valid_to=today)
    record_event(
        action=AuditAction.POST_VACATED,
        by=by,
        target=holding.user,
        unit_id=holding.unit_id,
        detail={"post": holding.kind},
    )


@transaction.atomic
def add_contact(
    *, unit_id: int, kind: ContactKind, value: str, label: str = "", user: User | None = None, by: User | None
) -> Contact:
    if by is not None:
        check_works_for_unit(by, unit_id)
    contact = Contact.objects.create(
        unit_id=unit_id, kind=kind, value=value, label=label, user=user, valid_from=clock.today()
    )
    record_event(action=AuditAction.CONTACT_ADDED, by=by, unit_id=unit_id, detail={"kind": str(kind)})
    return contact


@transaction.atomic
def remove_contact(*, contact: Contact, by: User) -> None:
    check_works_for_unit(by, contact.unit_id)
    drop_copies(contact, kind=contact.kind, value=contact.value)
    today = clock.today()
    if contact.valid_from >= today:
        contact.delete()
    else:
        Contact.objects.filter(pk=contact.pk).update(valid_to=today)
    record_event(action=AuditAction.CONTACT_REMOVED, by=by, unit_id=contact.unit_id, detail={"kind": contact.kind})


@transaction.atomic
def confirm_contact(*, contact: Contact, by: User) -> Contact:
    """A person of the unit says "I am on duty"; whoever shows it as proof records evidence from `last_answered_at`."""
    check_works_for_unit(by, contact.unit_id)
    Contact.objects.filter(pk=contact.pk).update(last_answered_at=clock.now())
    record_event(action=AuditAction.CONTACT_ANSWERED, by=by, unit_id=contact.unit_id, detail={"contact": contact.pk})
    contact.refresh_from_db()
    return contact


@transaction.atomic
def register_system(
    *,
    unit_id: int,
    name: str,
    by: User | None,
    level: int | None = None,
    public_facing: bool = False,
    provider: Provider | None = None,
) -> System:
    if by is not None:
        check_works_for_unit(by, unit_id)
    system = System.objects.create(
        unit_id=unit_id,
        name=name,
        level=level,
        public_facing=public_facing,
        provider=provider,
        valid_from=clock.today(),
    )
    record_event(action=AuditAction.SYSTEM_REGISTERED, by=by, target=system, detail={"level": level})
    return system


@transaction.atomic
def retire_system(*, system: System, by: User) -> None:
    check_works_for_unit(by, system.unit_id)
    drop_copies_of_system(system)
    end = max(clock.today(), system.valid_from + timedelta(days=1))
    System.objects.filter(pk=system.pk).update(valid_to=end)
    SystemName.objects.in_force(clock.today()).filter(system=system).update(valid_to=end)
    record_event(action=AuditAction.SYSTEM_RETIRED, by=by, target=system)


@transaction.atomic
def register_provider(
    *, name: str, by: User | None, duty_phone: str = "", duty_email: str = "", valid_from: date | None = None
) -> Provider:
    """An ISP that serves the province, with its identity as a bearer of duties: a unit of kind `isp`."""
    if by is not None:
        check_can_manage_registry(by)
    day = valid_from or clock.today()
    unit = Unit.objects.create(key=f"isp-{slugify(fold(name))[:80]}-{Unit.objects.count() + 1}")
    UnitVersion.objects.create(unit=unit, name=name, kind=UnitKind.ISP, valid_from=day)
    provider = Provider.objects.create(
        unit=unit, name=name, duty_phone=duty_phone, duty_email=duty_email, valid_from=day
    )
    record_event(action=AuditAction.PROVIDER_REGISTERED, by=by, unit_id=unit.pk, detail={"name": name})
    return provider


@transaction.atomic
def load_places(places: Places | None = None, *, until: date | None = None) -> int:
    """Load the province's units through time into an empty registry; returns the number of units.

    Args:
        until: the last day that is loaded; later changes stay in the record, to be planned (reorganise/record.py).
    Raises:
        ActionDenied: there are units already; changes after the first load are reorganisations, not loads.
    """
    if Unit.objects.exists():
        raise ActionDenied(_("Danh sách đơn vị đã có. Thay đổi đơn vị bằng nghiệp vụ sắp xếp, không nạp lại."))
    places = places or read_places()
    versions = [v for v in places.versions if until is None or v.valid_from <= until]
    keys = dict.fromkeys(version.unit_key for version in versions)
    units = {unit.key: unit for unit in Unit.objects.bulk_create(Unit(key=key) for key in keys)}
    UnitVersion.objects.bulk_create(
        UnitVersion(
            unit=units[version.unit_key],
            code=version.code,
            name=version.name,
            kind=version.kind,
            subtype=version.subtype,
            parent=units[version.parent_key] if version.parent_key else None,
            is_coordinator=version.is_coordinator,
            basis=version.basis,
            valid_from=version.valid_from,
            valid_to=version.valid_to
            if until is None or version.valid_to is None or version.valid_to <= until
            else None,
            tile_column=version.tile.column if version.tile else None,
            tile_row=version.tile.row if version.tile else None,
        )
        for version in versions
    )
    for event in places.events:
        if until is not None and event.date > until:
            continue
        reorganisation = Reorganisation.objects.create(
            date=event.date, kind=event.kind, basis=event.basis, note=event.note
        )
        Succession.objects.bulk_create(
            Succession(
                reorganisation=reorganisation,
                predecessor=units[relation.predecessor_key] if relation.predecessor_key else None,
                successor=units[relation.successor_key] if relation.successor_key else None,
                extent=relation.extent,
                main=relation.main,
            )
            for relation in event.successions
        )
    record_event(action=AuditAction.REGISTRY_LOADED, by=None, detail={"units": len(units)})
    return len(units)
