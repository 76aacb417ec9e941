"""What the parsers of network devices share: the common names beside each device's own.

`src_ip` `src_port` `dst_ip` `dst_port` `protocol` `action` `user`, and `blocked`: whether the device let it pass.
Devices have a dozen words for that (accept, pass, permitted, Built …); `action` keeps the device's own.
"""

from __future__ import annotations

from collections.abc import Iterable

from dekhang.engine.text import Value
from dekhang.pipeline.parse.event import Fields

PROTOCOLS = {
    "1": "icmp", "2": "igmp", "4": "ipip", "6": "tcp", "17": "udp", "41": "ipv6", "47": "gre", "50": "esp", "51": "ah",
    "58": "icmpv6", "88": "eigrp", "89": "ospf", "112": "vrrp", "132": "sctp",
}  # fmt: skip
_ALLOWED = frozenset({
    "accept", "accepted", "allow", "allowed", "pass", "passed", "passthrough", "permit", "permitted", "forward", "built",
    "est-allowed", "start", "close", "timeout", "client-rst", "server-rst", "ip-conn", "nat", "teardown",
})  # fmt: skip
_BLOCKED = frozenset({
    "deny", "denied", "block", "blocked", "drop", "dropped", "reject", "rejected", "discard", "discarded", "prevent",
    "reset", "reset_client", "reset_server", "quarantine", "quarantined",
})  # fmt: skip


def number(value: Value) -> int | None:
    """A port or status written as text; None for anything that is not a whole number of at most nine digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def blocked(action: str) -> bool | None:
    """Whether a device's word for what it did means that nothing passed; None when the word does not tell."""
    word = action.lower()
    if word in _BLOCKED:
        return True
    return False if word in _ALLOWED else None


def protocol(value: str) -> str:
    """The name of an IP protocol, lower case, whether the device writes it by name or by number."""
    return PROTOCOLS.get(value) or value.lower()


def common_names(fields: Fields, names: Iterable[tuple[str, tuple[str, ...]]]) -> None:
    """Add each common name from the first of the device's own names that has a value; ports become numbers."""
    for common, own_names in names:
        if common in fields and common not in own_names:
            continue
        for own in own_names:
            value = fields.get(own)
            if value is None or value == "" or value == "N/A":
                continue
            if common.endswith("_port"):
                port = number(value)
                if port is not None:
                    fields[common] = port
            else:
                fields[common] = value
            break


def verdict(fields: Fields) -> None:
    """Add `blocked` from `action`, when the word tells."""
    action = fields.get("action")
    if isinstance(action, str):
        told = blocked(action)
        if told is not None:
            fields.setdefault("blocked", told)
