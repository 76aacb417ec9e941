"""Cisco: `%ASA-6-302013: …` of firewalls (ASA, FTD, PIX) and `%SEC_LOGIN-4-LOGIN_FAILED: …` of routers and switches."""

from __future__ import annotations

import re

from dekhang.pipeline.parse.device import blocked, number, protocol
from dekhang.pipeline.parse.event import Facts, Fields
from dekhang.pipeline.parse.times import LOCAL_MS, stamp_ms

HEAD_CHARS = 160  # number, host and time may stand before the message's name

_NAME = re.compile(
    r"%(?P<facility>[A-Z][A-Z0-9_]{1,31}+(?:-[A-Z][A-Z0-9_]{0,31}+)*)-(?P<severity>[0-7])-(?P<mnemonic>[A-Z0-9_]{2,48}+): ?"
)
_BEFORE = re.compile(
    r"(?:\d{1,12}: )?(?:(?P<host>[A-Za-z][\w.\-]{0,254}+): )?(?:\d{1,12}: )?[*.]?"
    r"(?P<stamp>[A-Z][a-z]{2} {1,2}\d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d)(?:\.\d{1,9})?(?: (?P<zone>[A-Z]{2,5}))?"
)
_FIREWALLS = frozenset({"ASA", "FTD", "PIX", "FWSM", "ASA-session", "NGIPS"})

# -- the shapes of ASA's messages; every repetition is possessive or bounded


def _end(side: str, *, interface: bool) -> str:
    """One end of a connection: `outside:192.0.2.1/443`, the interface only where the message has one."""
    named = (
        rf"(?P<{side}_interface>[\w.\-]{{1,48}}+):"
        if interface
        else r"(?:(?![0-9A-Fa-f]{1,4}:)[A-Za-z][\w.\-]{0,47}+:)?"
    )
    return rf"{named}(?P<{side}_ip>[0-9A-Fa-f.:]{{2,45}}+)(?:/(?P<{side}_port>[\w\-]{{1,32}}+))?"


_USER_AT = r"(?: ?\((?!type )[^)]{1,128}\))?"  # the identity firewall puts (DOMAIN\user) behind an address
_FLOW = re.compile(
    r"(?P<action>Built|Teardown)(?: (?P<direction>inbound|outbound))? (?P<protocol>\w{2,12})(?: state-bypass)? connection "
    r"(?P<connection>\d{1,20}) (?:for|from) " + _end("src", interface=True) + _USER_AT + r"(?: \([^)]{1,64}\))?" + _USER_AT
    + " to " + _end("dst", interface=True) + _USER_AT
    + r"(?: duration (?P<duration>[\d:hms]{1,16}+) bytes (?P<bytes>\d{1,18}))?(?: (?P<reason>TCP [\w \-]{1,48}))?"
)  # fmt: skip
_ICMP_FLOW = re.compile(
    r"(?P<action>Built|Teardown)(?: (?P<direction>inbound|outbound))? (?P<protocol>ICMP) connection for faddr "
    r"(?P<src_ip>[0-9A-Fa-f.:]{2,45}+)/\d{1,5}.{0,64}? laddr (?P<dst_ip>[0-9A-Fa-f.:]{2,45}+)"
)
_GROUP_DENY = re.compile(
    r"(?P<action>Deny) (?:inbound )?(?:protocol )?(?P<protocol>\w{1,12}) src " + _end("src", interface=True) + _USER_AT + " dst "
    + _end("dst", interface=True) + _USER_AT
    + r'(?: ?\(type (?P<icmp_type>\d{1,3}), code (?P<icmp_code>\d{1,3})\))?(?: by access-group "(?P<acl>[^"]{1,128})")?'
)  # fmt: skip
_ACL = re.compile(
    r"access-list (?P<acl>\S{1,128}+) (?P<action>permitted|denied|est-allowed) (?P<protocol>\w{1,12}) "
    r"(?P<src_interface>[\w.\-]{1,48}+)/(?P<src_ip>[0-9A-Fa-f.:]{2,45}+)\((?P<src_port>\d{1,5})\)" + _USER_AT
    + r" -> (?P<dst_interface>[\w.\-]{1,48}+)/(?P<dst_ip>[0-9A-Fa-f.:]{2,45}+)\((?P<dst_port>\d{1,5})\)"
)  # fmt: skip
_FROM_TO = re.compile(
    r"(?P<action>Deny|Inbound|Login permitted|Login denied|\w{2,5} access (?:denied by ACL|permitted)|\w{2,5} request discarded)"
    r"(?: inbound)?(?: (?P<protocol>TCP|UDP|IP))?(?: connection denied| \(no connection\)| reverse path check)? from "
    + _end("src", interface=False) + " to " + _end("dst", interface=False)
    + r'(?: for user "(?P<user>[^"]{1,256})")?(?: flags (?P<tcp_flags>[A-Z ]{2,32}?))?(?: on interface (?P<src_interface>\S{1,48}))?'
)  # fmt: skip
_AAA_NAMES = {"user": "user", "user IP": "src_ip", "server": "server", "reason": "reason"}
_SESSION = re.compile(
    r"Group (?:<(?P<group>[^>]{0,128})>|\S{1,128}) User (?:<(?P<user>[^>]{0,256})>|(?P<bare_user>\S{1,256})) "
    r"IP <?(?P<src_ip>[0-9A-Fa-f.:]{2,45})>? (?P<rest>.{0,512})",
    re.DOTALL,
)
_DISCONNECTED = re.compile(
    r"Group = (?P<group>[^,]{0,128}), Username = (?P<user>[^,]{0,256}), IP = (?P<src_ip>[0-9A-Fa-f.:]{2,45}), (?P<rest>Session disconnected)"
)
_COMMAND = re.compile(
    r"User '(?P<user>[^']{1,256})'(?:, running '[^']{1,64}' from IP (?P<src_ip>[0-9A-Fa-f.:]{2,45}),)? executed (?:the |cmd: )?"
    r"'?(?P<command>[^']{1,2048})'?"
)
_MANAGEMENT = re.compile(
    r"User authentication (?P<action>succeeded|failed): (?:IP address: ?(?P<src_ip>[0-9A-Fa-f.:]{2,45}), )?Uname: (?P<user>\S{1,256})"
)

_URL = re.compile(
    r"(?:(?P<user>[^\s@]{1,128}+)@)?(?P<src_ip>[0-9A-Fa-f.:]{2,45}+) Accessed (?:JAVA )?URL (?:[^\s@:]{1,128}+@)?"
    r"(?P<dst_ip>[0-9.]{7,15}+):(?P<url>\S{1,4096})"
)

_ASA: dict[str, re.Pattern[str]] = {
    **dict.fromkeys(("302013", "302014", "302015", "302016", "302017", "302018", "302303", "302304"), _FLOW),
    **dict.fromkeys(("302020", "302021"), _ICMP_FLOW),
    **dict.fromkeys(("106010", "106014", "106023"), _GROUP_DENY),
    "106100": _ACL,
    **dict.fromkeys(("106001", "106006", "106007", "106015", "106016", "106021", "605004", "605005", "710002", "710003", "710005"), _FROM_TO),
    **dict.fromkeys(("716001", "716002", "716038", "716039", "722022", "722023", "722037", "722051", "113039"), _SESSION),
    "304001": _URL,
    "113019": _DISCONNECTED,
    **dict.fromkeys(("111008", "111009", "111010"), _COMMAND),
    **dict.fromkeys(("611101", "611102"), _MANAGEMENT),
}  # fmt: skip
# what the message says by its number alone; other actions are the first word of the message, lower case
_ASA_ACTIONS = {
    "605004": "login_failed", "605005": "login_ok", "611101": "login_ok", "611102": "login_failed",
    "113004": "login_ok", "113012": "login_ok", "113005": "login_failed", "113015": "login_failed",
    "113006": "user_locked", "113019": "session_closed", "113039": "session_opened", "716001": "session_opened",
    "716002": "session_closed", "716038": "login_ok", "716039": "login_failed", "111008": "command",
    "111009": "command", "111010": "command", "710003": "denied", "710002": "permitted", "710005": "discarded",
    "106001": "denied",
}  # fmt: skip
_LOCKED = re.compile(r"User (?P<user>.{1,256}?) locked out")

# -- routers and switches

_BRACKETED = re.compile(r"\[(user|Source|localport|Reason): ([^\[\]]{0,256}+)\]")
_IOS_ACL = re.compile(
    r"list (?P<acl>\S{1,128}+) (?P<action>permitted|denied) (?P<protocol>\w{1,12}) (?P<src_ip>[0-9A-Fa-f.:]{2,45}+)"
    r"(?:\((?P<src_port>\d{1,5})\))?(?: \(\S{1,64} [^)]{0,64}\))? -> (?P<dst_ip>[0-9A-Fa-f.:]{2,45}+)(?:\((?P<dst_port>\d{1,5})\))?"
)
_IOS_CONFIG = re.compile(
    r"Configured from (?P<from>\S{1,64}) by (?P<user>\S{1,256})(?: on (?P<line>\S{1,32}))?(?: \((?P<src_ip>[0-9A-Fa-f.:]{2,45})\))?"
)
_IOS_COMMAND = re.compile(r"User: ?(?P<user>\S{1,256})\s{1,4}logged command: ?(?P<command>.{1,2048})", re.DOTALL)
_IOS_SSH = re.compile(
    r"User '(?P<user>[^']{0,256})' authentication for SSH2 Session from (?P<src_ip>[0-9A-Fa-f.:]{2,45}) .{0,256}?(?P<action>Succeeded|Failed)",
    re.DOTALL,
)
_IOS_ACTIONS = {
    "LOGIN_FAILED": "login_failed", "LOGIN_SUCCESS": "login_ok", "WEBLOGIN_SUCCESS": "login_ok",
    "WEBLOGIN_FAILED": "login_failed", "QUIET_MODE_ON": "login_blocked", "CONFIG_I": "config_changed",
    "CONFIG_P": "config_changed", "CFGLOG_LOGGEDCMD": "command",
}  # fmt: skip
_IOS: dict[str, re.Pattern[str]] = {
    "CONFIG_I": _IOS_CONFIG, "CONFIG_P": _IOS_CONFIG, "CFGLOG_LOGGEDCMD": _IOS_COMMAND, "SSH2_USERAUTH": _IOS_SSH,
    **dict.fromkeys(("IPACCESSLOGP", "IPACCESSLOGDP", "IPACCESSLOGNP", "IPACCESSLOGRP", "IPACCESSLOGSP", "ACCESSLOGP", "ACCESSLOGDP", "ACCESSLOGNP", "ACCESSLOGSP"), _IOS_ACL),
}  # fmt: skip


def recognise(text: str, received_ms: int) -> Facts | None:
    """Facts of a Cisco message, or None; the caller has seen a `%` within HEAD_CHARS."""
    name = _NAME.search(text, 0, HEAD_CHARS + 96)
    if name is None:
        return None
    facility, mnemonic = name["facility"], name["mnemonic"]
    fields: Fields = {"facility": facility, "severity": int(name["severity"]), "mnemonic": mnemonic}
    body_at = name.end()
    if facility in _FIREWALLS:
        service = "asa"
        fields["message_id"] = mnemonic
        _asa(mnemonic, text, body_at, fields)
    else:
        service = "ios"
        _ios(mnemonic, text, body_at, fields)
    proto = fields.get("protocol")
    if isinstance(proto, str):
        fields["protocol"] = protocol(proto)
    facts = Facts("firewall", fields, "cisco", service, "firewall")
    if name.start() > 3:
        _before(text[: name.start()], facts, received_ms)
    fields["message"] = text
    return facts


def _before(head: str, facts: Facts, received_ms: int) -> None:
    """Host and time that the device wrote itself: `48: router1: *Dec 10 02:00:00.123 UTC: `."""
    before = _BEFORE.search(head)
    if before is None:
        return
    facts.host = before["host"] or ""
    stamp = before["stamp"]
    if before["zone"] in ("ICT", "VN", "VNT"):  # read as UTC, then set right
        at_ms = stamp_ms(stamp, received_ms + LOCAL_MS)
        facts.time_ms = None if at_ms is None else at_ms - LOCAL_MS
    else:
        facts.time_ms = stamp_ms(stamp, received_ms)


def _take(matched: re.Match[str], fields: Fields) -> None:
    for name, value in matched.groupdict().items():
        if value and name != "rest":
            if name.endswith("_port"):
                port = number(value)
                fields[name] = value if port is None else port  # services are named: outside:192.0.2.1/ssh
            else:
                fields[name] = value


def _asa(number_: str, text: str, at: int, fields: Fields) -> None:
    pattern = _ASA.get(number_)
    if pattern is not None:
        matched = pattern.match(text, at)
        if matched is not None:
            _take(matched, fields)
            if fields.get("direction") == "outbound":  # "for outside:… to inside:…", but the inner side began
                _swap(fields)
            if pattern is _SESSION:
                fields["event"] = matched["rest"][:256]
                if "bare_user" in fields:
                    fields["user"] = fields.pop("bare_user")
            elif number_.startswith("7100"):  # "TCP access denied by ACL from …"
                fields["protocol"] = matched["action"].partition(" ")[0]
    elif number_.startswith("113"):
        _aaa(text[at : at + 2_048], fields)
    _action(number_, fields)


def _aaa(body: str, fields: Fields) -> None:
    """`AAA user authentication Rejected : reason = Invalid password : local database : user = an : user IP = 192.0.2.1`

    A user name is what somebody typed, " : " included: the address is the last one, all else the first.
    """
    for part in body.split(" : "):
        name, sign, value = part.strip().partition(" = ")
        if sign and name in _AAA_NAMES:
            common = _AAA_NAMES[name]
            if common == "src_ip" or common not in fields:
                fields[common] = value.strip()[:256]
    if "user" not in fields and (locked := _LOCKED.search(body)) is not None:
        fields["user"] = locked["user"]


def _action(number_: str, fields: Fields) -> None:
    word = fields.get("action")
    action = _ASA_ACTIONS.get(number_) or (word.lower() if isinstance(word, str) else "")
    if not action:
        return
    fields["action"] = action
    if "src_ip" in fields and not action.startswith(("login", "session", "command", "user")):
        told = blocked(action)
        if told is not None:
            fields["blocked"] = told


def _swap(fields: Fields) -> None:
    for part in ("interface", "ip", "port"):
        source, target = f"src_{part}", f"dst_{part}"
        if source in fields and target in fields:
            fields[source], fields[target] = fields[target], fields[source]


def _ios(mnemonic: str, text: str, at: int, fields: Fields) -> None:
    pattern = _IOS.get(mnemonic)
    if pattern is not None:
        matched = pattern.match(text, at)
        if matched is not None:
            _take(matched, fields)
    elif "[" in text:
        for name, value in _BRACKETED.findall(text[at : at + 2_048]):
            fields[{"Source": "src_ip", "localport": "dst_port", "Reason": "reason"}.get(name, name)] = (
                number(value) or value if name == "localport" else value
            )
    word = fields.get("action")
    if pattern is _IOS_SSH and isinstance(word, str):
        fields["action"] = "login_ok" if word == "Succeeded" else "login_failed"
    elif mnemonic in _IOS_ACTIONS:
        fields["action"] = _IOS_ACTIONS[mnemonic]
    elif isinstance(word, str):
        told = blocked(word)
        if told is not None:
            fields["blocked"] = told
