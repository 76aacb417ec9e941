"""Where webhooks may go: public addresses, and what the administrator allows. Looked up once and then held."""

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(ValueError):
    """It may not be sent there; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Place:
    """A checked URL. `pinned`: the address to connect to, as looked up when it was checked."""

    encrypted: bool
    host: str
    port: int
    target: str  # path and query
    pinned: str = ""

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.encrypted else 80) else f"{host}:{self.port}"


def read(url: str) -> Place:
    """The parts of a URL that may be one of a webhook; nothing is looked up.

    Raises:
        AddressRefused: with a sentence.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
        host = host.encode("idna").decode() if not _literal(host) else host
    except (ValueError, UnicodeError):
        raise AddressRefused(
            _("Địa chỉ này không đọc được. Ví dụ đúng: https://may-nhan.example.gov.vn/dekhang")
        ) from None
    if parts.scheme not in ("https", "http") or not url.isascii() or any(c.isspace() or ord(c) < 32 for c in url):
        raise AddressRefused(_("Địa chỉ phải bắt đầu bằng https:// và chỉ gồm ký tự thường."))
    if parts.scheme == "http" and not settings.WEBHOOK_HTTP:
        raise AddressRefused(_("Chỉ gửi tới https://. Quản trị hệ thống mở http:// bằng DK_WEBHOOK_HTTP nếu thật cần."))
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise AddressRefused(_("Không ghi tài khoản, mật khẩu hay dấu # trong địa chỉ; tin gửi đi đã có chữ ký."))
    if not (_literal(host) or HOST.fullmatch(host)):
        raise AddressRefused(_("Tên máy trong địa chỉ không đúng."))
    encrypted = parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(encrypted, host, port or (443 if encrypted else 80), target)


def pinned(place: Place) -> Place:
    """The place with the address that its name has now; every address it has must be allowed.

    Raises:
        AddressRefused: unknown, or one of its addresses is of a private or special network that is not allowed.
    """
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressRefused(_("Không tìm thấy máy “%(host)s”.") % {"host": place.host[:100]}) from None
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    for address in addresses:
        check(ipaddress.ip_address(address.partition("%")[0]))
    return Place(place.encrypted, place.host, place.port, place.target, addresses[0])


def check(address: Address) -> None:
    """Refuse what is not on the public Internet, whatever it is wrapped in, unless the administrator allows its network."""
    inner = _unwrapped(address)
    allowed = [ipaddress.ip_network(network, strict=False) for network in settings.WEBHOOK_NETWORKS]
    if any(inner in network for network in allowed):
        return
    if not inner.is_global or inner.is_multicast or inner.is_reserved or inner.is_unspecified:
        raise AddressRefused(
            _("Máy này ở trong mạng riêng (%(address)s). Quản trị hệ thống mở bằng DK_WEBHOOK_NETWORKS nếu được phép.")
            % {"address": inner}
        )


def _unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that only leads to it."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return inner or address
    return address


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
