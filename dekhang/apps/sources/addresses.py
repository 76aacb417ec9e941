"""IP addresses that a source sends plain syslog from: reading what a person typed, and who else has them."""

import ipaddress
from collections.abc import Iterable
from typing import TypeAlias

from django.utils.translation import gettext as _

from dekhang.apps.sources.enums import SourceState
from dekhang.apps.sources.models import LogSource

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
MOST = 50
WIDEST = {4: 16, 6: 32}  # prefix lengths: nobody's network of machines is wider, and a wider one would catch others'


class AddressFault(ValueError):
    """What is wrong with an address, as a sentence."""


def read(text: str) -> list[str]:
    """One address or network a line (or comma): checked, in one spelling, each once.

    Raises:
        AddressFault: not an address, too wide, or too many.
    """
    words = list(dict.fromkeys(text.replace(",", " ").replace(";", " ").split()))
    if len(words) > MOST:
        raise AddressFault(_("Ghi nhiều nhất %(n)d địa chỉ; nhiều hơn thì dùng dải mạng.") % {"n": MOST})
    found = []
    for word in words:
        try:
            network = ipaddress.ip_network(word, strict=False)
        except ValueError as error:
            raise AddressFault(
                _("“%(word)s” không phải địa chỉ IP. Ví dụ đúng: 192.0.2.15 hoặc 192.0.2.0/24.") % {"word": word[:60]}
            ) from error
        if network.prefixlen < WIDEST[network.version]:
            raise AddressFault(_("Dải “%(word)s” quá rộng. Hãy ghi đúng dải mạng của máy gửi.") % {"word": word[:60]})
        found.append(str(network.network_address) if network.num_addresses == 1 else str(network))
    return list(dict.fromkeys(found))


def taken_by_others(unit_id: int, addresses: Iterable[str]) -> str | None:
    """The first of `addresses` that overlaps a source in use of another unit; its events could not be told apart."""
    mine = [ipaddress.ip_network(address) for address in addresses]
    if not mine:
        return None
    others = LogSource.objects.exclude(unit_id=unit_id).exclude(state=SourceState.RETIRED).exclude(addresses=[])
    for listed in others.values_list("addresses", flat=True):
        for other in listed:
            for network in mine:
                if _overlap(network, ipaddress.ip_network(other, strict=False)):
                    return str(network.network_address if network.num_addresses == 1 else network)
    return None


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)
