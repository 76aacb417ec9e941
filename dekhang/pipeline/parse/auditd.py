"""Linux audit records, one a line: pairs, hexadecimal values, the inner pairs of msg='…'."""

from __future__ import annotations

import ipaddress
import re

from dekhang.pipeline.parse.event import FIELDS_PER_RECORD, LIST_ITEMS, VALUE_CHARS, Facts, Fields
from dekhang.pipeline.parse.syscalls import name_of

_HEAD = re.compile(
    r"(?:node=(?P<node>\S{1,255}+) )?type=(?P<type>[\w\[\]-]{1,64}+) (?:msg=)?audit\((?P<time>\d{1,12}\.\d{1,9}):(?P<serial>\d{1,18})\):? ?"
)
_JOURNAL_HEAD = re.compile(r"(?P<type>[A-Z][A-Z0-9_]{2,40}+) (?=\w{1,32}=)")
# the value: '…', "…" or up to a blank; \x1d parts the enriched copy that auditd may add
_PAIR = re.compile(r"([A-Za-z_][\w\-\[\]]{0,63}+)=(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\x1d]*+))")
_HEX = re.compile(r"(?:[0-9A-F]{2}){1,}+", re.ASCII)
_HEX_FIELDS = frozenset({
    "exe", "comm", "cmd", "proctitle", "acct", "cwd", "name", "data", "key", "dir", "path", "old", "new", "ocomm",
    "vm", "watch", "file", "grp", "saddr_path",
})  # fmt: skip
_ARGUMENT = re.compile(r"a(\d{1,4})(?:\[(\d{1,4})\])?")
_NUMBERS = {
    "1100": "USER_AUTH", "1101": "USER_ACCT", "1105": "USER_START", "1106": "USER_END", "1112": "USER_LOGIN",
    "1123": "USER_CMD", "1130": "SERVICE_START", "1131": "SERVICE_STOP", "1300": "SYSCALL", "1302": "PATH",
    "1305": "CONFIG_CHANGE", "1307": "CWD", "1309": "EXECVE", "1326": "SECCOMP", "1327": "PROCTITLE", "1400": "AVC",
}  # fmt: skip
_UNKNOWN = ("", "?", "(null)", "(none)")


def recognise(text: str) -> Facts | None:
    """Facts of an audit record, or None when the text is none."""
    head = _HEAD.match(text)
    if head is None:
        return None
    body = text[head.end() :]
    kind = head["type"]
    fields: Fields = {"type": _NUMBERS.get(kind, kind), "serial": int(head["serial"])}
    if head["node"]:
        fields["node"] = head["node"]
    _pairs(body, fields)
    _interpret(fields)
    seconds, _, fraction = head["time"].partition(".")
    time_ms = int(seconds) * 1000 + int(fraction[:3].ljust(3, "0"))
    return Facts("linux_auditd", fields, "linux", "auditd", host=str(fields.get("node", "")), time_ms=time_ms)


def recognise_journal(program: str, message: str) -> Facts | None:
    """The shape of journald and rsyslog's kernel lines: `audit[1]: USER_LOGIN pid=… msg='…'` or `kernel: audit: type=…`."""
    if program == "kernel":
        start = message.find("audit: type=")
        return recognise(message[start + 7 :]) if 0 <= start <= 64 else None
    if program not in ("audit", "audispd", "audisp-syslog", "auditd"):
        return None
    found = recognise(message)
    if found is not None or program != "audit":
        return found
    head = _JOURNAL_HEAD.match(message)
    if head is None:
        return None
    fields: Fields = {"type": head["type"]}
    _pairs(message[head.end() :], fields)
    _interpret(fields)
    return Facts("linux_auditd", fields, "linux", "auditd")


def _interpret(fields: Fields) -> None:
    """What follows from the pairs: the call's name, the command, the keys one by one, the names others use."""
    if fields["type"] == "EXECVE":
        join_words(fields)
    elif "syscall" in fields and "SYSCALL" not in fields:  # RAW logs give the number only; rules ask for the name
        name = name_of(str(fields.get("arch", "")), str(fields["syscall"]))
        if name:
            fields["SYSCALL"] = name
    key = fields.get("key")
    if isinstance(key, str) and "\x01" in key:  # several -k of one rule
        fields["key"] = [one for one in key.split("\x01") if one][:LIST_ITEMS]
    _common_names(fields)


def _pairs(body: str, fields: Fields) -> None:
    is_execve = fields["type"] == "EXECVE"
    if fields["type"] in ("AVC", "1400") and "{" in body[:64]:
        verdict, _, rest = body.partition("{")
        fields["seresult"] = verdict.replace("avc:", "").strip()
        fields["seperms"] = rest.partition("}")[0].strip()
    for name, quoted, single, bare in _PAIR.findall(body):
        if len(fields) >= FIELDS_PER_RECORD:
            fields["_truncated"] = True
            return
        if name == "msg" and single:
            _pairs_inside(single, fields)
        elif quoted or single:
            fields.setdefault(name, (quoted or single)[:VALUE_CHARS])
        elif bare not in _UNKNOWN:
            fields.setdefault(name, _decoded(name, bare.rstrip(",)"), is_execve))


def _pairs_inside(body: str, fields: Fields) -> None:
    """The pairs that a program put into msg='…'; they never replace what the kernel said."""
    for name, quoted, single, bare in _PAIR.findall(body):
        if len(fields) >= FIELDS_PER_RECORD:
            fields["_truncated"] = True
            return
        value = quoted or single or bare.rstrip(",)")
        if value not in _UNKNOWN:
            fields.setdefault(name, value[:VALUE_CHARS] if quoted or single else _decoded(name, value, False))
    if body.startswith("PAM: "):  # older: msg='PAM: authentication acct=…'
        fields.setdefault("op", body[: body.find("=") if "=" in body else 64].rsplit(" ", 1)[0][:64])


def _decoded(name: str, value: str, is_execve: bool) -> str:
    """Values that the kernel or a program could not quote come as hexadecimal."""
    if (name in _HEX_FIELDS or (is_execve and _ARGUMENT.fullmatch(name))) and _HEX.fullmatch(value):
        decoded = bytes.fromhex(value).decode("utf-8", "replace")
        if name in ("proctitle", "cmd", "data"):
            decoded = decoded.replace("\x00", " ")
        return decoded.strip("\x00")[:VALUE_CHARS]
    return value[:VALUE_CHARS]


def join_words(fields: Fields) -> None:
    """Join a0, a1 … of EXECVE (long ones come in pieces a1[0], a1[1] …) into `command`."""
    pieces: dict[int, dict[int, str]] = {}
    for name, value in fields.items():
        matched = _ARGUMENT.fullmatch(name)
        if matched is not None:
            pieces.setdefault(int(matched[1]), {})[int(matched[2]) if matched[2] else -1] = str(value)
    words: list[str] = []
    for number, parts in sorted(pieces.items()):
        if len(parts) > 1:
            parts.pop(-1, None)  # what one of several records could already join
        word = "".join(text for _, text in sorted(parts.items()))
        fields[f"a{number}"] = word[:VALUE_CHARS]
        words.append(word)
    fields["command"] = " ".join(words)[:VALUE_CHARS]


def _common_names(fields: Fields) -> None:
    """The names that other Linux records use, so that one view and one rule can ask for them."""
    user = fields.get("acct") or fields.get("AUID") or fields.get("UID")
    if user:
        fields.setdefault("user", user)
    address = fields.get("addr")
    if fields["type"] == "SOCKADDR":  # an address that this machine spoke to, so not src_ip
        _socket_address(str(fields.get("saddr", "")), fields)
    elif address:
        fields.setdefault("src_ip", address)
    if "command" not in fields:
        command = fields.get("cmd") or fields.get("proctitle")
        if command:
            fields["command"] = command
    if fields["type"] in ("USER_LOGIN", "USER_AUTH") and "res" in fields:
        fields.setdefault("action", "login_ok" if fields["res"] in ("success", "1", "yes") else "login_failed")


def _socket_address(saddr: str, fields: Fields) -> None:
    """struct sockaddr in hexadecimal: family (host order, little endian), port (network order), address."""
    if not _HEX.fullmatch(saddr):
        return
    raw = bytes.fromhex(saddr[:256])
    if raw[:2] == b"\x02\x00" and len(raw) >= 8:
        fields.setdefault("addr", str(ipaddress.IPv4Address(raw[4:8])))
    elif raw[:2] == b"\x0a\x00" and len(raw) >= 24:
        fields.setdefault("addr", str(ipaddress.IPv6Address(raw[8:24])))
    elif raw[:2] == b"\x01\x00" and len(raw) > 2:  # a name that starts with NUL is an abstract one
        fields.setdefault("path", raw[2:].lstrip(b"\x00").partition(b"\x00")[0].decode("utf-8", "replace"))
        return
    else:
        return
    fields.setdefault("port", int.from_bytes(raw[2:4], "big"))
