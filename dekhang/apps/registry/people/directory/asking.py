"""Asks the directory server. Only reads, never follows it to other servers, never speaks a password in the clear.

Where the server is and with which account stand in the settings of the machine (DK_LDAP_…): who may edit pages must not
be able to have the password sent to a server of their own.
"""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import ldap3
from django.conf import settings
from django.utils.translation import gettext as _
from ldap3.core.exceptions import LDAPException, LDAPInvalidFilterError
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import parse_dn

from dekhang.apps.core.workbooks.reading import ROWS
from dekhang.apps.registry.models import Directory

SECONDS = 20  # for connecting, and for each answer
PAGE = 500
PORTS = {"ldap": 389, "ldaps": 636}
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class DirectoryFault(Exception):
    """The directory cannot be asked; the sentence says why and what to do. It never holds a password."""


@dataclass(frozen=True, slots=True)
class Found:
    """One entry: its DN, the wanted attributes by our names ("" when missing), the OUs above it, nearest first."""

    dn: str
    values: dict[str, str]
    ous: tuple[str, ...]


def people(directory: Directory, *, code: str = "") -> Iterator[Found]:
    """Every entry that the filter picks under the base; with `code` only that person's.

    Raises:
        DirectoryFault: no server in the settings, it does not answer, refuses the account, or does not know the filter.
    """
    attributes = {name: getattr(directory, f"{name}_attribute") for name in NAMES}
    wanted = [attribute for attribute in attributes.values() if attribute]
    picked = directory.filter.strip()
    if code:
        picked = f"(&{picked}({directory.code_attribute}={escape_filter_chars(code)}))"
    connection = _connected()
    try:
        entries = connection.extend.standard.paged_search(
            directory.base, picked, attributes=wanted, paged_size=PAGE, generator=True
        )
        for number, entry in enumerate(entry for entry in entries if entry.get("type") == "searchResEntry"):
            if number >= ROWS:
                raise DirectoryFault(_("Danh bạ trả về hơn %(limit)d người. Thu hẹp bộ lọc.") % {"limit": ROWS})
            yield _found(entry, attributes)
    except LDAPInvalidFilterError as error:
        raise DirectoryFault(
            _("Bộ lọc không đúng cú pháp LDAP. Ví dụ: (&(objectClass=person)(employeeNumber=*)).")
        ) from error
    except LDAPException as error:
        raise DirectoryFault(_("Danh bạ từ chối câu hỏi: %(why)s.") % {"why": _why(error)}) from error
    finally:
        connection.unbind()


NAMES = ("code", "name", "email", "phone", "title", "unit")


def _connected() -> ldap3.Connection:
    place = urlsplit(settings.LDAP_SERVER)
    if place.scheme not in PORTS or not place.hostname:
        raise DirectoryFault(
            _(
                "Chưa khai máy chủ danh bạ: đặt DK_LDAP_SERVER, ví dụ ldaps://danhba.tinh.example.gov.vn, rồi chạy lại hệ thống."
            )
        )
    in_clear = place.scheme == "ldap" and not settings.LDAP_STARTTLS
    if in_clear and place.hostname not in LOCAL:
        raise DirectoryFault(_("Mật khẩu sẽ đi không mã hóa tới máy khác. Dùng ldaps://… hoặc đặt DK_LDAP_STARTTLS=1."))
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=settings.LDAP_CA or None)
    server = ldap3.Server(
        place.hostname,
        port=place.port or PORTS[place.scheme],
        use_ssl=place.scheme == "ldaps",
        tls=tls,
        get_info=ldap3.NONE,
        connect_timeout=SECONDS,
    )
    before = ldap3.AUTO_BIND_TLS_BEFORE_BIND if settings.LDAP_STARTTLS else ldap3.AUTO_BIND_NO_TLS
    try:
        return ldap3.Connection(
            server,
            user=settings.LDAP_BIND or None,
            password=settings.LDAP_PASSWORD or None,
            auto_bind=before,
            read_only=True,
            auto_referrals=False,
            receive_timeout=SECONDS,
            check_names=False,
            raise_exceptions=True,
        )
    except LDAPException as error:
        raise DirectoryFault(
            _(
                "Không vào được danh bạ %(host)s: %(why)s. Kiểm tra DK_LDAP_SERVER, DK_LDAP_CA, DK_LDAP_BIND và mật khẩu."
            )
            % {"host": place.hostname, "why": _why(error)}
        ) from error
    except (OSError, ssl.SSLError) as error:
        raise DirectoryFault(
            _("Không tới được danh bạ %(host)s: %(why)s.") % {"host": place.hostname, "why": str(error)[:200]}
        ) from error


def _why(error: LDAPException) -> str:
    """The server's word for it, cut; our own password is never part of it."""
    text = str(getattr(error, "description", "") or error)[:200]
    return text.replace(settings.LDAP_PASSWORD, "…") if settings.LDAP_PASSWORD else text


def _found(entry: dict[str, Any], attributes: dict[str, str]) -> Found:
    given = {name.lower(): value for name, value in entry["attributes"].items()}
    values = {name: _text(given.get(attribute.lower())) if attribute else "" for name, attribute in attributes.items()}
    try:
        ous = tuple(value for kind, value, _sep in parse_dn(entry["dn"])[1:] if kind.lower() == "ou")
    except LDAPException:
        ous = ()
    return Found(entry["dn"], values, ous)


def _text(value: Any) -> str:
    """The first value of an attribute as text."""
    if isinstance(value, list | tuple):
        value = value[0] if value else ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return "" if value is None else str(value)
