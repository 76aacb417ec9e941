"""Zeek's logs: JSON as Zeek writes it, or its tab-separated files that `formats` turned into one object a line.

The log's name is the service: `_path` (or `_zeek` from `formats`), else what the fields tell.
Source: Zeek manual, "Zeek log formats" and the log files' reference.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from dekhang.engine.text import Value
from dekhang.pipeline.parse.event import Facts, Fields, flatten
from dekhang.pipeline.parse.times import any_ms

_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")
# names that occur together in one log only; the first that are all there decide
_BY_FIELDS: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (log, frozenset(names))
    for log, names in (
        ("conn", ("conn_state", "proto")),
        ("dns", ("query", "trans_id")),
        ("dns", ("query", "qtype_name")),
        ("http", ("method", "uri")),
        ("http", ("status_code", "trans_depth")),
        ("smb_files", ("action", "name", "path")),
        ("smb_files", ("action", "size", "times.modified")),
        ("smb_mapping", ("path", "share_type")),
        ("dce_rpc", ("endpoint", "operation")),
        ("kerberos", ("request_type", "client")),
        ("kerberos", ("request_type", "service")),
        ("ntlm", ("domainname", "username")),
        ("ntlm", ("hostname", "username")),
        ("rdp", ("cookie", "security_protocol")),
        ("rdp", ("cookie", "result")),
        ("rdp", ("security_protocol", "result")),
        ("ssh", ("auth_attempts", "client")),
        ("ssh", ("version", "server", "client")),
        ("ssl", ("cipher", "established")),
        ("ssl", ("server_name", "established")),
        ("x509", ("certificate.serial",)),
        ("files", ("fuid", "source")),
        ("pe", ("machine", "is_exe")),
        ("smtp", ("mailfrom", "rcptto")),
        ("smtp", ("helo", "trans_depth")),
        ("ftp", ("command", "user")),
        ("dhcp", ("uids", "msg_types")),
        ("notice", ("note", "msg")),
        ("weird", ("name", "notice", "peer")),
        ("tunnel", ("tunnel_type", "action")),
        ("snmp", ("community", "get_requests")),
        ("software", ("software_type", "name")),
        ("intel", ("seen.indicator", "sources")),
    )
)
_TOLD: dict[str, tuple[str, ...]] = {  # what one wants to see of a record at a glance
    "conn": ("proto", "service", "conn_state"),
    "dns": ("qtype_name", "query", "rcode_name"),
    "http": ("method", "host", "uri", "status_code"),
    "ssl": ("server_name", "version"),
    "smb_files": ("action", "path", "name"),
    "smb_mapping": ("path", "share_type"),
    "dce_rpc": ("endpoint", "operation"),
    "kerberos": ("request_type", "client", "service"),
    "ntlm": ("username", "domainname"),
    "rdp": ("cookie", "result"),
    "ssh": ("client", "server"),
    "x509": ("certificate.subject",),
    "files": ("mime_type", "filename"),
    "notice": ("note", "msg"),
    "weird": ("name", "addl"),
}


def recognise(document: dict[str, Any], received_ms: int, path: str = "") -> Facts | None:
    """Facts of a Zeek record, or None.

    Args:
        path: of the log file, when a shipper tells it: `/opt/zeek/logs/current/dns.log`.
    """
    if "ts" not in document:
        return None
    log = document.get("_path") or document.get("_zeek")
    if log is None and not ("uid" in document or "id.orig_h" in document or "fuid" in document or "note" in document
                            or "uids" in document or "certificate.serial" in document):  # fmt: skip
        return None
    fields = _flat(document)
    if not isinstance(log, str):
        log = _log_of_file(path) or _log_of_fields(fields)
    log = log.lower()
    if _NAME.fullmatch(log) is None:
        return None
    fields.pop("_zeek", None)
    if "message" not in fields:
        fields["message"] = " ".join(_shown(fields.get(name)) for name in _TOLD.get(log, ()) if fields.get(name))
    source = fields.get("id.orig_h")
    if isinstance(source, str):
        fields.setdefault("src_ip", source)
    target = fields.get("id.resp_h")
    if isinstance(target, str):
        fields.setdefault("dst_ip", target)
    return Facts("zeek", fields, "zeek", log, time_ms=any_ms(document["ts"], received_ms))


def _flat(document: dict[str, Any]) -> Fields:
    """Zeek's JSON is flat already, its names with dots; only what a shipper nested is flattened."""
    for value in document.values():
        kind = value.__class__
        if kind is dict or (kind is list and any(item.__class__ in (dict, list) for item in value)):
            return flatten(document)
    return document


def _log_of_file(path: str) -> str:
    """`dns.log`, `dns.02:00:00-03:00:00.log.gz` → `dns`."""
    name = PurePosixPath(path.replace("\\", "/")).name.partition(".")[0].lower() if ".log" in path else ""
    return name if _NAME.fullmatch(name) else ""


def _log_of_fields(fields: Fields) -> str:
    for log, names in _BY_FIELDS:
        if names <= fields.keys():
            return log
    return ""


def _shown(value: Value) -> str:
    return str(value)[:1_000]
