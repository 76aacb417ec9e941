"""What a field's name stands for: columns of the lake, and the spellings under which parsers give it.

Case, spaces, hyphens and accents in a name do not matter when the name is one of these; any other name is looked for
as it is typed.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from dekhang.pipeline.stores.search.folding import fold

# what people type → the lake's columns, which the worker fills from such fields; and fields beside them. Columns are
# looked through ten times as fast as fields
_COLUMNS: dict[str, tuple[str, ...]] = {
    "host": ("host",), "may": ("host",), "computer": ("host",),
    "user": ("user",), "taikhoan": ("user",), "nguoidung": ("user",),
    "srcip": ("src_ip",), "diachi": ("src_ip",), "ip": ("src_ip",),
    "eventcode": ("event_code",), "code": ("event_code",), "ma": ("event_code",),
    "kind": ("kind",), "loai": ("kind",),
    "product": ("product",), "service": ("service",), "category": ("category",),
    "message": ("message",), "noidung": ("message",),
    "problem": ("problem",), "loidoc": ("problem",),
}  # fmt: skip
_MORE: dict[str, tuple[str, ...]] = {
    "ip": (
        "IpAddress", "SourceIp", "DestinationIp", "SourceAddress", "DestAddress", "ClientAddress", "dest_ip", "c-ip",
        "s-ip", "id.orig_h", "id.resp_h", "dst_ip",
    ),
    "message": ("Message",),
}  # fmt: skip
# as parsers write them (docs/reference/fields.md); Defender's names have spaces
_SPELLINGS = (
    "AccountName", "Action", "AuthenticationPackageName", "CallTrace", "Channel", "ClientAddress", "CommandLine",
    "Company", "Contents", "CurrentDirectory", "Description", "DestAddress", "DestPort", "DestinationHostname",
    "DestinationIp", "DestinationPort", "Details", "EventID", "EventType", "Filename", "GrantedAccess", "Hashes",
    "Image", "ImageLoaded", "ImagePath", "Imphash", "Initiated", "IntegrityLevel", "IpAddress", "IpPort",
    "LogonProcessName", "LogonType", "MemberName", "MemberSid", "NewProcessName", "ObjectName", "ObjectServer",
    "OriginalFileName", "ParentCommandLine", "ParentImage", "ParentProcessName", "ParentUser", "Path", "Payload",
    "PipeName", "ProcessGuid", "ProcessId", "ProcessName", "Product", "Protocol", "Provider_Name", "QueryName",
    "QueryResults", "QueryStatus", "RelativeTargetName", "RuleName", "ScriptBlockText", "ServiceFileName",
    "ServiceName", "ServiceType", "ShareName", "Signature", "Signed", "SourceAddress", "SourceHostname", "SourceImage",
    "SourceIp", "SourcePort", "StartType", "Status", "SubStatus", "SubjectDomainName", "SubjectUserName", "TargetFilename",
    "TargetImage", "TargetObject", "TargetUserName", "TargetUserSid", "TaskContent", "TaskName", "Threat Name",
    "TicketEncryptionType", "TicketOptions", "Workstation", "WorkstationName",
    "action", "acct", "addr", "alert.category", "alert.severity", "alert.signature", "alert.signature_id", "app_proto",
    "auid", "c-ip", "c-useragent", "comm", "command", "cs-cookie", "cs-host", "cs-method", "cs-referer", "cs-uri",
    "cs-uri-decoded", "cs-uri-query", "cs-uri-stem", "cs-user-agent", "cs-username", "cwd", "dest_ip", "dest_port",
    "dns.rrname", "dst_ip", "dst_port", "event_type", "eventName", "eventSource", "exe", "facility", "flow_id",
    "http.hostname", "http.http_user_agent", "http.url", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "key",
    "name", "operationName", "pid", "ppid", "proctitle", "program", "proto", "query", "record_type", "res", "s-ip",
    "sc-bytes", "sc-status", "severity", "sourceIPAddress", "src_port", "success", "syscall", "target_user", "terminal",
    "tls.sni", "tty", "type", "uid", "uri", "userAgent", "userIdentity.arn", "userIdentity.userName",
)  # fmt: skip
UNIT_NAMES = frozenset({"unit", "donvi"})
SOURCE_NAMES = frozenset({"source", "nguon"})
ID_NAMES = frozenset({"id", "eventid64", "sukien"})


@dataclass(frozen=True, slots=True)
class Places:
    """Where a named value may stand; any of them will do."""

    columns: tuple[str, ...]
    fields: tuple[str, ...]


def plain(name: str) -> str:
    """Return a name as it is looked up: src-ip, src_ip and SrcIp are one."""
    return fold(name).replace("-", "").replace("_", "").replace(" ", "")


@functools.cache
def _known() -> dict[str, tuple[str, ...]]:
    known: dict[str, list[str]] = {}
    for spelling in _SPELLINGS:
        known.setdefault(plain(spelling), []).append(spelling)
    return {name: tuple(spellings) for name, spellings in known.items()}


def places(name: str) -> Places:
    """Return where a field of this name stands."""
    key = plain(name)
    columns = _COLUMNS.get(key, ())
    fields = _MORE.get(key, ()) if columns else (name, *_known().get(key, ()))
    return Places(columns, tuple(dict.fromkeys(fields)))
