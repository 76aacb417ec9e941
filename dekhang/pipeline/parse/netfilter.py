"""Netfilter's LOG target and UFW, in the kernel's lines: `IN=eth0 OUT= … SRC=192.0.2.1 DST=… PROTO=TCP SPT=1 DPT=22 SYN`."""

from __future__ import annotations

import re

from dekhang.pipeline.parse.device import common_names, protocol
from dekhang.pipeline.parse.event import Facts, Fields
from dekhang.pipeline.parse.keyvalue import pairs

_HEAD = re.compile(r"(?:\[[ \d.]{1,32}\] )?(?P<prefix>.{0,128}?):? ?(?=IN=\S{0,32} OUT=)", re.DOTALL)
_WORD = re.compile(r"\b(BLOCK|DROP|DENY|REJECT|ALLOW|ACCEPT|AUDIT)", re.IGNORECASE)
_ACTIONS = {"drop": "drop", "block": "block", "deny": "deny", "reject": "reject", "allow": "allow", "accept": "accept"}
_COMMON = (
    ("src_ip", ("SRC",)),
    ("dst_ip", ("DST",)),
    ("src_port", ("SPT",)),
    ("dst_port", ("DPT",)),
)


def recognise(text: str) -> Facts | None:
    """Facts of a packet that the kernel logged, or None."""
    if " SRC=" not in text or " PROTO=" not in text:
        return None
    head = _HEAD.match(text)
    if head is None:
        return None
    prefix = head["prefix"].strip(" []:")
    fields: Fields = pairs(text[head.end() :])
    common_names(fields, _COMMON)
    proto = fields.get("PROTO")
    if isinstance(proto, str):
        fields["protocol"] = protocol(proto)
    if prefix:  # the only place that can tell the verdict: LOG itself neither drops nor accepts
        fields["prefix"] = prefix
        word = _WORD.search(prefix)
        action = _ACTIONS.get(word[1].lower()) if word is not None else None
        if action is not None:
            fields["action"] = action
            fields["blocked"] = action not in ("allow", "accept")
    fields["message"] = text
    return Facts("firewall", fields, "linux", "netfilter", "firewall")
