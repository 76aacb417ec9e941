"""pfSense and OPNsense: the comma-separated lines of `filterlog`, and logins on their own pages."""

from __future__ import annotations

import re

from dekhang.pipeline.parse.device import blocked, number
from dekhang.pipeline.parse.event import VALUE_CHARS, Facts, Fields

_HEAD = ("rule", "sub_rule", "anchor", "tracker", "interface", "reason", "action", "direction", "ip_version")
_V4 = ("tos", "ecn", "ttl", "id", "offset", "flags", "protocol_id", "protocol", "length", "src_ip", "dst_ip")
_V6 = ("traffic_class", "flow_label", "hop_limit", "protocol", "protocol_id", "length", "src_ip", "dst_ip")
_TCP = ("src_port", "dst_port", "data_length", "tcp_flags", "sequence", "ack", "window", "urg", "tcp_options")
_UDP = ("src_port", "dst_port", "data_length")
_ICMP = ("icmp_type", "icmp_id", "icmp_sequence")
_AFTER = {
    "tcp": _TCP,
    "udp": _UDP,
    "icmp": _ICMP,
    "icmpv6": _ICMP,
    "ipv6-icmp": _ICMP,
    "carp": ("carp_type", "carp_ttl", "vhid"),
}

_LOGIN = re.compile(
    r"(?:/[^\s:]{0,256}+: )?(?:webConfigurator authentication error for(?: user)?|(?P<ok>Successful login for user)) "
    r"'(?P<user>.{0,256})' from:? (?P<src_ip>[0-9A-Fa-f.:]{2,45}+)",
    re.DOTALL,
)


def recognise(text: str) -> Facts | None:
    """Facts of what filterlog wrote, or None."""
    parts = text[:VALUE_CHARS].split(",", 63)
    if len(parts) < 17:
        return None
    names = _V4 if parts[8] == "4" else _V6 if parts[8] == "6" else None
    if names is None:
        return None
    fields: Fields = dict(zip(_HEAD, parts, strict=False))
    fields.update(zip(names, parts[9:], strict=False))
    fields["protocol"] = protocol = str(fields.get("protocol", "")).lower()
    fields.update(zip(_AFTER.get(protocol, ()), parts[9 + len(names) :], strict=False))
    for name in ("src_port", "dst_port"):
        if name in fields:
            port = number(fields[name])
            if port is None:
                del fields[name]
            else:
                fields[name] = port
    if "" in fields.values():
        fields = {name: value for name, value in fields.items() if value != ""}
    told = blocked(str(fields.get("action", "")))
    if told is not None:
        fields["blocked"] = told
    fields["message"] = text
    return Facts("firewall", fields, "pfsense", "filterlog", "firewall")


def web_login(text: str) -> Facts | None:
    """Facts of a login on the device's page, as php-fpm logs it, or None."""
    matched = _LOGIN.match(text)
    if matched is None:
        return None
    fields: Fields = {
        "user": matched["user"],
        "src_ip": matched["src_ip"].rstrip(":."),
        "action": "login_ok" if matched["ok"] else "login_failed",
        "via": "web",
        "message": text,
    }
    return Facts("firewall", fields, "pfsense", "login", "firewall")
