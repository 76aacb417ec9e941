"""OpenVPN and strongSwan on a Unix machine: who was refused, from where. The lines stay ordinary syslog lines."""

from __future__ import annotations

import re

from dekhang.pipeline.parse.event import Fields

PROGRAMS = frozenset({"openvpn", "ovpn-server", "charon", "charon-systemd", "ipsec", "xl2tpd", "pppd"})

_PEER = re.compile(
    r"(?:(?P<user>[^\s/]{1,256}+)/)?(?P<src_ip>[0-9A-Fa-f.]{7,15}|\[?[0-9A-Fa-f:]{3,45}\]?):(?P<src_port>\d{1,5}) (?P<rest>.*)",
    re.DOTALL,
)
_USERNAME = re.compile(r"username '([^']{1,256})'")
_EAP = re.compile(
    r"(?:EAP|XAuth) .{0,96}?(?:authentication )?of '(?P<user>[^']{1,256})'(?: .{0,32})? (?P<result>failed|successful)|EAP method \w{1,32} (?P<method>failed|succeeded)"
)
_JUDGED = re.compile(r"user '(?P<user>.{1,256})' (?:(?P<ok>authenticated)|could not authenticate)\b")
_REMOTE = re.compile(r"(?:from|with|peer) ([0-9A-Fa-f.]{7,15}|[0-9A-Fa-f:]{3,45})(?=\[\d|$|[\s,])")
_REFUSED = ("TLS Auth Error: Auth Username/Password verification failed", "AUTH_FAILED")


def facts(message: str) -> Fields:
    """`action`, `user`, `src_ip`, `src_port`; empty when the line tells none."""
    found: Fields = {}
    message = message[:512]  # what tells stands at the beginning
    peer = _PEER.match(message)
    rest = message
    if peer is not None:
        found["src_ip"] = peer["src_ip"].strip("[]")
        found["src_port"] = int(peer["src_port"])
        if peer["user"]:
            found["user"] = peer["user"]
        rest = peer["rest"]
    if any(words in rest for words in _REFUSED):
        found["action"] = "login_failed"
    elif "'PUSH_REPLY," in rest:  # "Peer Connection Initiated" comes before the password is judged
        found["action"] = "login_ok"
    elif (judged := _JUDGED.match(rest)) is not None:  # pfSense's own script says it
        found["action"] = "login_ok" if judged["ok"] else "login_failed"
        found["user"] = judged["user"]
    elif (eap := _EAP.search(rest)) is not None:
        result = eap["result"] or eap["method"]
        found["action"] = "login_failed" if result == "failed" else "login_ok"
        if eap["user"]:
            found["user"] = eap["user"]
    named = _USERNAME.search(rest)
    if named is not None and "user" not in found:
        found["user"] = named[1]
    if "src_ip" not in found and (remote := _REMOTE.search(rest)) is not None:
        found["src_ip"] = remote[1]
    return found
