"""Ranges of addresses: reading what a person typed, who has them, and whose an address is on a day."""

import ipaddress
from collections.abc import Iterable
from datetime import date
from typing import TypeAlias

from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.registry.models import Network

Range: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
WIDEST = {4: 12, 6: 28}  # prefix lengths; a wider range would be a provider's, not a unit's


class AddressFault(ValueError):
    """What is wrong with a range, as a sentence."""


def read_range(text: str) -> str:
    """One address or range in its own spelling.

    Raises:
        AddressFault: not an address, or too wide.
    """
    word = text.strip()
    try:
        network = ipaddress.ip_network(word, strict=False)
    except ValueError as error:
        raise AddressFault(
            _("“%(word)s” không phải dải địa chỉ IP. Ví dụ đúng: 192.0.2.0/24 hoặc 192.0.2.15.") % {"word": word[:60]}
        ) from error
    if network.prefixlen < WIDEST[network.version]:
        raise AddressFault(_("Dải “%(word)s” quá rộng cho một đơn vị. Ghi đúng dải của đơn vị.") % {"word": word[:60]})
    return str(network)


def taken_by_others(unit_id: int, cidr: str, day: date) -> bool:
    """Whether another unit has some of a public range on `day`. Private ranges may repeat: each is behind its own router."""
    mine = ipaddress.ip_network(cidr)
    if mine.is_private:
        return False
    others = Network.objects.in_force(day).exclude(unit_id=unit_id).values_list("cidr", flat=True)
    return any(mine.version == other.version and mine.overlaps(other) for other in map(ipaddress.ip_network, others))


def owners(addresses: Iterable[str], day: date | None = None) -> dict[str, int]:
    """Address → the unit whose range holds it on `day`, the narrowest range first.

    An address that several units have at the same width is nobody's: guessing would show one unit's machine to another.
    """
    ranges: list[tuple[Range, int]] = [
        (ipaddress.ip_network(cidr), unit_id)
        for cidr, unit_id in Network.objects.in_force(day or clock.today()).values_list("cidr", "unit_id")
    ]
    found: dict[str, int] = {}
    for text in set(addresses):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        holding = [(r.prefixlen, unit_id) for r, unit_id in ranges if r.version == address.version and address in r]
        narrowest = max((width for width, _unit in holding), default=None)
        units = {unit_id for width, unit_id in holding if width == narrowest}
        if len(units) == 1:
            found[text] = units.pop()
    return found
