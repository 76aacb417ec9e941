"""MikroTik RouterOS: firewall lines, logins and what accounts do."""

from __future__ import annotations

import re

from dekhang.pipeline.parse.device import number
from dekhang.pipeline.parse.event import Facts, Fields

_TOPICS = re.compile(r"(?P<topics>[a-z][a-z0-9!\-]{1,31}+(?:,[a-z0-9!\-]{1,32}+){1,6}) (?=\S)")
_KNOWN_TOPICS = frozenset({
    "system", "firewall", "account", "error", "critical", "warning", "info", "debug", "dhcp", "pppoe", "ppp", "l2tp",
    "pptp", "sstp", "ovpn", "ipsec", "wireless", "interface", "script", "dns", "web-proxy", "hotspot", "ntp", "route",
})  # fmt: skip
_PACKET = re.compile(
    r"(?P<prefix>.{0,128}?)\bin:(?P<in>\S{1,64}) out:(?P<out>[^\s,]{1,64}),? (?P<middle>.{0,512}?)proto (?P<protocol>[\w\-]{1,24}+)"
    r"(?: \((?P<detail>[^)]{1,64})\))?, (?P<a>[0-9A-Fa-f.:\[\]]{2,64}+)->(?P<b>[0-9A-Fa-f.:\[\]]{2,64}+)(?:, (?P<after>.{0,512}))?",
    re.DOTALL,
)
_STATE = re.compile(r"connection-state:(\S{1,48}?)(?:,|\s|$)")
_MAC = re.compile(r"src-mac ([0-9A-Fa-f:]{17})")
_LENGTH = re.compile(r"\blen (\d{1,9})")
_LOGIN_FAILURE = re.compile(
    r"login failure for user (?P<user>.{0,256}) from (?P<src_ip>\S{1,64}) via (?P<via>[\w\-]{1,32})", re.DOTALL
)
_LOGIN_FAILURE_LOCAL = re.compile(r"login failure for user (?P<user>.{0,256}) via (?P<via>[\w\-]{1,32})", re.DOTALL)
_ACCOUNT = re.compile(
    r"user (?P<user>.{0,256}) logged (?P<way>in|out)(?: from (?P<src_ip>\S{1,64}))? via (?P<via>[\w\-]{1,32})",
    re.DOTALL,
)
_CHANGED = re.compile(
    r"(?P<what>.{1,128}) (?P<did>added|changed|removed|moved) by (?:(?P<via>[\w\-]{1,32}):)?(?P<user>[^\s@]{1,256})(?:@(?P<src_ip>[0-9A-Fa-f.:]{2,45}))?"
)
_PPP_FAILURE = re.compile(r"<(?P<session>[^>]{1,128})>: user (?P<user>.{0,256}) authentication failed", re.DOTALL)


def recognise(text: str) -> Facts | None:
    """Facts of a RouterOS line, or None. Without its topics only packets and logins tell that it is one."""
    fields: Fields = {}
    topics = _TOPICS.match(text) if "," in text[:64] else None
    body = text
    if topics is not None:
        words = topics["topics"].split(",")
        if not _KNOWN_TOPICS.issuperset(words):
            return None
        fields["topics"] = words
        body = text[topics.end() :]
    service = str(fields["topics"][0]) if topics is not None and isinstance(fields["topics"], list) else "system"
    if "out:" in body[:256] and "->" in body and _packet(body[:2_048], fields):
        service = "firewall"
    elif not _account(body[:1_024], fields) and topics is None:
        return None
    fields["message"] = text
    return Facts("firewall", fields, "mikrotik", service, "firewall")


def _packet(body: str, fields: Fields) -> bool:
    packet = _PACKET.match(body)
    if packet is None:
        return False
    prefix = packet["prefix"].rstrip(" :,")
    if prefix:  # "drop-telnet input:": the words of the rule's log-prefix, then the chain
        label, _, chain = prefix.rpartition(" ")
        fields["chain"] = chain
        if label:
            fields["prefix"] = label
    fields["in_interface"] = packet["in"]
    if packet["out"] not in ("(none)", "(unknown"):
        fields["out_interface"] = packet["out"]
    fields["protocol"] = packet["protocol"].lower()
    if packet["detail"]:
        fields["tcp_flags" if fields["protocol"] == "tcp" else "detail"] = packet["detail"]
    for side, place in (("src", packet["a"]), ("dst", packet["b"])):
        _place(side, place, fields)
    for name, pattern in (("connection_state", _STATE), ("src_mac", _MAC)):
        found = pattern.search(packet["middle"])
        if found is not None:
            fields[name] = found[1]
    length = _LENGTH.search(packet["after"] or "")
    if length is not None:
        fields["length"] = int(length[1])
    return True


def _place(side: str, place: str, fields: Fields) -> None:
    """`192.0.2.1:443`, `192.0.2.1` (no ports: ICMP), `[2001:db8::1]:443`, `2001:db8::1`."""
    address, colon, port = place.rpartition(":")
    if place.startswith("["):
        address = address.strip("[]")
    elif not colon or ":" in address:
        address, port = place, ""
    fields[f"{side}_ip"] = address
    known = number(port)
    if known is not None:
        fields[f"{side}_port"] = known


def _account(body: str, fields: Fields) -> bool:
    if (matched := _LOGIN_FAILURE.match(body) or _LOGIN_FAILURE_LOCAL.match(body)) is not None:
        fields["action"] = "login_failed"
    elif (matched := _ACCOUNT.match(body)) is not None:
        fields["action"] = "login_ok" if matched["way"] == "in" else "logout"
    elif (matched := _PPP_FAILURE.match(body)) is not None:
        fields["action"] = "login_failed"
    elif "topics" in fields and (matched := _CHANGED.match(body)) is not None:
        fields["action"] = "config_changed"
        fields["object"], fields["change"] = matched["what"], matched["did"]
    else:
        return False
    for name in ("user", "src_ip", "via", "session"):
        value = matched.groupdict().get(name)
        if value:
            fields[name] = value
    return True
