"""Writes: names of systems, address ranges of units, providers."""

import re
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.enums import AuditAction, NameKind
from dekhang.apps.registry.inventory.addresses import taken_by_others
from dekhang.apps.registry.models import DatedModel, Network, Provider, System, SystemName, UnitVersion
from dekhang.apps.registry.planned import drop_copies
from dekhang.apps.registry.policies import check_can_manage_registry, check_works_for_unit
from dekhang.apps.registry.services import register_provider

_NAME = re.compile(r"[^\s,;\"'<>|\\/:@]{1,255}")


def spelled(name: str) -> str:
    """A machine's or domain's name as names are compared: lower case, no dot at the end."""
    return name.strip().rstrip(".").lower()[:255]


@transaction.atomic
def add_name(*, system: System, kind: NameKind, name: str, by: User) -> SystemName:
    """The system shows in logs under this name.

    Raises:
        ActionDenied: `by` does not work for the unit, it is no name, or the system has it already; a domain that
            another unit's system has.
    """
    check_works_for_unit(by, system.unit_id)
    name = spelled(name)
    if not _NAME.fullmatch(name):
        raise ActionDenied(_("“%(name)s” không dùng làm tên máy, tên miền được.") % {"name": name[:60]})
    others = SystemName.objects.in_force(clock.today()).filter(kind=NameKind.DOMAIN, name=name)
    if kind == NameKind.DOMAIN and others.exclude(system__unit_id=system.unit_id).exists():
        raise ActionDenied(_("Tên miền %(name)s đã được đơn vị khác đăng ký. Hỏi cơ quan điều phối.") % {"name": name})
    try:
        with transaction.atomic():
            row = SystemName.objects.create(system=system, kind=kind, name=name, valid_from=clock.today())
    except IntegrityError:
        raise ActionDenied(_("Hệ thống này đã có tên %(name)s rồi.") % {"name": name}) from None
    record_event(action=AuditAction.NAME_ADDED, by=by, target=row, unit_id=system.unit_id, detail={"kind": str(kind)})
    return row


@transaction.atomic
def remove_name(*, name: SystemName, by: User) -> None:
    check_works_for_unit(by, name.system.unit_id)
    drop_copies(name, kind=name.kind, name=name.name, system__follows=name.system_id)
    _end(name)
    record_event(
        action=AuditAction.NAME_REMOVED,
        by=by,
        unit_id=name.system.unit_id,
        detail={"kind": name.kind, "name": name.name},
    )


def check_can_change_networks(user: User, unit_id: int) -> None:
    """The unit's own people, or who keeps the registry: ranges often come from the province's network plan."""
    if user.role not in (Role.COORDINATOR, Role.ADMINISTRATOR):
        check_works_for_unit(user, unit_id)


@transaction.atomic
def add_network(*, unit_id: int, cidr: str, label: str = "", provider: Provider | None = None, by: User) -> Network:
    """Machines with these addresses are the unit's.

    Args:
        cidr: as `addresses.read_range` spells it.
    Raises:
        ActionDenied: `by` may not, or somebody has the range.
    """
    check_can_change_networks(by, unit_id)
    if taken_by_others(unit_id, cidr, clock.today()):
        raise ActionDenied(_("Dải %(cidr)s trùng với dải của đơn vị khác. Hỏi cơ quan điều phối.") % {"cidr": cidr})
    try:
        with transaction.atomic():
            row = Network.objects.create(
                unit_id=unit_id, cidr=cidr, label=label, provider=provider, valid_from=clock.today()
            )
    except IntegrityError:
        raise ActionDenied(_("Đơn vị đã ghi dải %(cidr)s rồi.") % {"cidr": cidr}) from None
    record_event(action=AuditAction.NETWORK_ADDED, by=by, target=row, detail={"cidr": cidr})
    return row


@transaction.atomic
def remove_network(*, network: Network, by: User) -> None:
    check_can_change_networks(by, network.unit_id)
    drop_copies(network, cidr=network.cidr)
    _end(network)
    record_event(action=AuditAction.NETWORK_REMOVED, by=by, unit_id=network.unit_id, detail={"cidr": network.cidr})


@transaction.atomic
def save_provider(*, provider: Provider | None, by: User, **facts: Any) -> Provider:
    """Add a provider (None), or change how its duty desk is reached; what it was before is in the audit log."""
    check_can_manage_registry(by)
    if provider is None:
        return register_provider(by=by, **facts)
    before = {name: getattr(provider, name) for name in ("name", "duty_email", "duty_phone")}
    after = before | facts
    changed = {name: value for name, value in facts.items() if before[name] != value}
    if changed:
        # another desk has not answered yet, whatever the former did
        desk, new_desk = (one["duty_email"] or one["duty_phone"] for one in (before, after))
        Provider.objects.filter(pk=provider.pk).update(
            **facts, **({"last_answered_at": None} if new_desk != desk else {})
        )
        if "name" in changed and provider.unit_id is not None:
            _rename(provider.unit_id, facts["name"])
        record_event(
            action=AuditAction.PROVIDER_CHANGED,
            by=by,
            target=provider,
            detail={"before": {name: before[name] for name in changed}},
        )
        provider.refresh_from_db()
    return provider


@transaction.atomic
def end_provider(*, provider: Provider, by: User) -> None:
    """It serves nobody from today on; what it served stays as history."""
    check_can_manage_registry(by)
    today = clock.today()
    if Network.objects.in_force(today).filter(provider=provider).exists() or System.objects.in_force(today).filter(provider=provider).exists():  # fmt: skip
        raise ActionDenied(_("Còn đơn vị đang dùng doanh nghiệp này. Đổi ở các đơn vị ấy trước."))
    end = max(today, provider.valid_from + timedelta(days=1))
    Provider.objects.filter(pk=provider.pk).update(valid_to=end)
    UnitVersion.objects.in_force(today).filter(unit_id=provider.unit_id).update(valid_to=end)
    record_event(action=AuditAction.PROVIDER_ENDED, by=by, target=provider)


def _rename(unit_id: int, name: str) -> None:
    """The provider's identity as a unit is called so from today on."""
    today = clock.today()
    for version in UnitVersion.objects.in_force(today).filter(unit_id=unit_id):
        if version.valid_from < today:
            UnitVersion.objects.filter(pk=version.pk).update(valid_to=today)
            version.pk, version.valid_from = None, today
        version.name = name
        version.save()


def _end(row: DatedModel) -> None:
    """From today on no more; what was entered by mistake the same day never was."""
    today = clock.today()
    if row.valid_from >= today:
        row.delete()
    else:
        type(row).objects.filter(pk=row.pk).update(valid_to=today)
