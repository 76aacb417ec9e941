"""Filling a configuration template: addresses and token of this installation, checked before they go in.

The templates stand in templates/sources/configs/ and are filled without HTML escaping. No language's quoting is trusted
with what goes in: host and token may only have characters that mean nothing in any of the languages.
"""

import re
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from dekhang.apps.sources.shippers import windowspc
from dekhang.apps.sources.shippers.catalogue import Over, Shipper

PLACEHOLDER = "DAN-MA-NGUON-LOG-VAO-DAY"
CA_PATH = "/etc/dekhang/ca.pem"  # where the steps say to put the certificate authority's file
SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt"  # Debian's and Ubuntu's; the receiver has a public certificate
BOM = "\ufeff"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}")
_ADDRESS = re.compile(r"[0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")


def configuration(shipper: Shipper, *, source_id: int, token: str | None) -> str:
    """The configuration file with everything filled in; without a token, a placeholder that says what to paste.

    Raises:
        ValueError: host or token has characters that could mean something in the file.
    """
    host = settings.INTAKE_HOST
    if not _HOST.fullmatch(host):
        raise ValueError(
            _("DK_INTAKE_HOST=%(host)r không phải tên máy hay địa chỉ IP; hãy sửa rồi khởi động lại.") % {"host": host}
        )
    if token is not None and not _TOKEN.fullmatch(token):
        raise ValueError(_("Mã nguồn log chỉ được có chữ cái không dấu, chữ số, dấu gạch."))
    https = settings.HTTPS_INTAKE_PORT > 0
    url_host = f"[{host}]" if ":" in host else host
    http_port = settings.HTTPS_INTAKE_PORT if https else settings.HTTP_INTAKE_PORT
    facts: dict[str, Any] = {
        "source_id": source_id,
        "token": token or PLACEHOLDER,
        "placeholder": PLACEHOLDER,
        "host": host,
        "host_is_name": not _ADDRESS.fullmatch(host),  # rsyslog compares names of a certificate, never addresses
        "https": https,
        "http_port": http_port,
        "url": f"{'https' if https else 'http'}://{url_host}:{http_port}",
        "udp_port": settings.SYSLOG_UDP_PORT,
        "tls": settings.SYSLOG_TLS_PORT > 0,
        "tcp_port": settings.SYSLOG_TLS_PORT or settings.SYSLOG_TCP_PORT,
        "plain_tcp_port": settings.SYSLOG_TCP_PORT,
        "private_ca": bool(settings.INTAKE_CA),
        "ca_file": CA_PATH if settings.INTAKE_CA else SYSTEM_CA,
        "paths": shipper.reads,
    }
    if shipper.key == windowspc.KEY:
        facts["pc"] = windowspc.facts()
    return render_to_string(f"sources/configs/{shipper.template or shipper.key}.txt", facts)


def is_encrypted(shipper: Shipper) -> bool | None:
    """Whether what its configuration sends is encrypted in this installation; None when people choose the port."""
    if shipper.over is Over.CHOICE:
        return None
    return {Over.HTTP: settings.HTTPS_INTAKE_PORT > 0, Over.SYSLOG: settings.SYSLOG_TLS_PORT > 0, Over.UDP: False}[
        shipper.over
    ]


def download(shipper: Shipper, text: str) -> bytes:
    """The file as its program wants it: Windows PowerShell reads UTF-8 only after a byte order mark."""
    if shipper.filename.endswith(".ps1"):
        text = BOM + text.replace("\n", "\r\n")
    return text.encode("utf-8")
