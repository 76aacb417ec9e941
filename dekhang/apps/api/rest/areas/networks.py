"""Address ranges and names by which a unit's machines are known, and the providers of its lines."""

from datetime import date
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.asked import Day, day_of
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.once import once
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of
from dekhang.apps.api.rest.problems import not_found
from dekhang.apps.api.rest.shapes import Row, UnitId
from dekhang.apps.core import clock
from dekhang.apps.registry.inventory import selectors, services
from dekhang.apps.registry.inventory.forms import NameForm, NetworkForm, ProviderForm
from dekhang.apps.registry.models import Network, Provider, SystemName
from dekhang.apps.registry.policies import check_can_manage_registry, check_works_for_unit
from dekhang.apps.registry.selectors import visible_unit_ids

operations = Operations(Area.REGISTRY)


class NetworkRow(Row):
    id: int
    unit: UnitId
    cidr: str
    label: str
    provider: Annotated[int | None, Field(alias="provider_id")]
    valid_from: date
    valid_to: date | None


class NameRow(Row):
    id: int
    system: Annotated[int, Field(alias="system_id")]
    kind: str
    name: str


class ProviderRow(Row):
    id: int
    name: str
    duty_email: str
    duty_phone: str
    valid_from: date
    valid_to: date | None


def _unit(request: HttpRequest, unit_id: int) -> int:
    if unit_id not in visible_unit_ids(request.user):
        raise not_found()
    return unit_id


@operations.read("/networks", Page[NetworkRow])
def networks(
    request: HttpRequest, day: Day = None, unit: int | None = None, limit: Limit = 50, cursor: Cursor = ""
) -> dict[str, Any]:
    """Dải địa chỉ của các đơn vị vào một ngày."""
    found = selectors.networks_of(request.user, day_of(day))
    return page_of(found if unit is None else found.filter(unit_id=unit), limit, cursor)


@operations.create("/units/{unit_id}/networks", NetworkRow)
def add_network(request: HttpRequest, unit_id: Id, body: body_of(NetworkForm)) -> Any:  # type: ignore[valid-type]
    """Ghi một dải địa chỉ của đơn vị."""
    services.check_can_change_networks(request.user, _unit(request, unit_id))
    facts = checked(NetworkForm(typed(body)))
    return once(request, lambda: NetworkRow.from_orm(services.add_network(unit_id=unit_id, by=request.user, **facts)))


@operations.do("/networks/{network_id}/remove")
def remove_network(request: HttpRequest, network_id: Id) -> None:
    """Bỏ một dải địa chỉ từ hôm nay."""
    visible = visible_unit_ids(request.user)
    one = get_object_or_404(Network.objects.in_force(clock.today()), pk=network_id, unit_id__in=visible)
    services.remove_network(network=one, by=request.user)


@operations.create("/units/{unit_id}/system-names", NameRow)
def add_name(request: HttpRequest, unit_id: Id, body: body_of(NameForm)) -> Any:  # type: ignore[valid-type]
    """Ghi tên máy hoặc tên miền của một hệ thống."""
    check_works_for_unit(request.user, _unit(request, unit_id))
    facts = checked(NameForm(typed(body), unit_id=unit_id))
    return once(request, lambda: NameRow.from_orm(services.add_name(by=request.user, **facts)))


@operations.do("/system-names/{name_id}/remove")
def remove_name(request: HttpRequest, name_id: Id) -> None:
    """Bỏ một tên từ hôm nay."""
    visible = visible_unit_ids(request.user)
    one = get_object_or_404(SystemName.objects.in_force(clock.today()), pk=name_id, system__unit_id__in=visible)
    services.remove_name(name=one, by=request.user)


@operations.read("/providers", Page[ProviderRow])
def providers(request: HttpRequest, day: Day = None, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Doanh nghiệp viễn thông và nơi trực của họ."""
    return page_of(selectors.providers_on(day_of(day)), limit, cursor)


@operations.create("/providers", ProviderRow)
def add_provider(request: HttpRequest, body: body_of(ProviderForm)) -> Any:  # type: ignore[valid-type]
    """Ghi thêm một doanh nghiệp."""
    check_can_manage_registry(request.user)
    facts = checked(ProviderForm(typed(body)))
    return once(request, lambda: ProviderRow.from_orm(services.save_provider(provider=None, by=request.user, **facts)))


def _provider(provider_id: int) -> Provider:
    return get_object_or_404(Provider.objects.in_force(clock.today()), pk=provider_id)


@operations.change("/providers/{provider_id}", ProviderRow)
def change_provider(request: HttpRequest, provider_id: Id, body: body_of(ProviderForm)) -> Provider:  # type: ignore[valid-type]
    """Sửa tên, nơi trực của một doanh nghiệp."""
    check_can_manage_registry(request.user)
    facts = checked(ProviderForm(typed(body)))
    return services.save_provider(provider=_provider(provider_id), by=request.user, **facts)


@operations.do("/providers/{provider_id}/end")
def end_provider(request: HttpRequest, provider_id: Id) -> None:
    """Doanh nghiệp thôi phục vụ từ hôm nay."""
    check_can_manage_registry(request.user)
    services.end_provider(provider=_provider(provider_id), by=request.user)
