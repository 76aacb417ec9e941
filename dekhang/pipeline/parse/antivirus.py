"""Findings of antivirus programs: `Signature`, `Filename`, `Action`, as Sigma's rules for `category: antivirus` ask.

ClamAV's lines and ESET PROTECT's JSON are documented by their makers. Symantec's comma-separated line, Sophos Central's
JSON and the pairs of other products (`threat=… file=…`) are written from experience with such logs: a record counts as
a finding only when it names both a threat and an object. Windows Defender's events are `windows`; CEF is read in `cef`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from dekhang.pipeline.parse.event import Facts, Fields, flatten, text_of
from dekhang.pipeline.parse.times import any_ms

_CLAMAV = frozenset({"clamd", "clamav", "clamscan", "clamdscan", "clamonacc", "clamav-daemon", "clamav-milter"})
_FOUND = " FOUND"
_SIGNATURE_TAIL = re.compile(r"\((?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}):(\d{1,15})\)$")
_CLAMAV_NAME = re.compile(r"[\w.\-/:\[\]()+!]{3,200}")
_SCANNER_ARROW = " -> "  # clamscan's own log puts a time and an arrow before the path

_SIGNATURES: Final = (
    "threat_name", "threatname", "threat", "virus_name", "virusname", "virus", "malware_name", "malwarename", "malware",
    "detection_name", "detectionname", "signature_name", "risk_name", "riskname", "verdict_name",
)  # fmt: skip
_FILES: Final = (
    "object_uri", "filename", "file_name", "file_path", "filepath", "path", "object", "objectname", "object_name",
    "infected_file", "infectedfile", "location", "targetpath", "target_path", "file",
)  # fmt: skip
_ACTIONS: Final = (
    "action_taken", "actiontaken", "actual_action", "actualaction", "action", "action_performed", "result", "status",
)  # fmt: skip
_MACHINES: Final = ("hostname", "computer_name", "computername", "computer", "endpoint", "device_name", "machine")
_USERS: Final = ("username", "user_name", "user", "account")
_TIMES: Final = ("occured", "occurred", "when", "time", "timestamp", "detected_at", "created_at", "@timestamp")
_PAIR = re.compile(r"([A-Za-z][\w .]{0,40}?)\s?[=:]\s?(?:\"([^\"]{0,4096})\"|'([^']{0,4096})'|([^\s,;|\"']{1,4096}+))")
_LINE_CHARS = 16_384  # of a line that are looked at; findings are short
_SYMANTEC = re.compile(r"(?:Virus found|Security risk found|Potential risk found|Compressed File),")
_NOTHING = frozenset({"", "-", "none", "null", "n/a", "unknown", "no", "false", "0", "clean", "ok"})


def of_document(document: dict[str, Any], received_ms: int) -> Facts | None:
    """Facts of a finding as JSON: ESET PROTECT's syslog, Sophos Central's events, other products' with plain names."""
    names = {name.lower().replace(" ", "_").replace("-", "_"): name for name in document if len(name) <= 64}
    signature = _named(document, names, _SIGNATURES)
    if not signature and "filename" in names:  # Sigma's own pair of names; a signature alone may be anything
        signature = _named(document, names, ("signature",))
    if not signature:
        return None
    location = _named(document, names, _FILES)
    if not location and "threat_type" not in names and document.get("type") != "Event::Endpoint::Threat::Detected":
        return None
    fields = flatten(document)
    _common(fields, signature, location, _named(document, names, _ACTIONS), _named(document, names, _USERS))
    host = _named(document, names, _MACHINES)
    time_ms = next(
        (
            found
            for name in _TIMES
            if name in names and (found := any_ms(document[names[name]], received_ms)) is not None
        ),
        None,
    )
    return Facts("antivirus", fields, "", "", "antivirus", host=host, time_ms=time_ms)


def of_line(program: str, message: str) -> Facts | None:
    """Facts of a finding in a line of text, None for everything else such a program says.

    Args:
        program: of the syslog line; "" for a line of a scanner's own log file.
    """
    if message.endswith(_FOUND) and len(message) <= _LINE_CHARS:
        facts = _clamav(message)
        if facts is not None or program in _CLAMAV:
            return facts
    if program in _CLAMAV:
        return None
    if "," in message and (start := _SYMANTEC.search(message[:256])) is not None:
        return _symantec(message[start.start() : _LINE_CHARS])
    return _pairs(message) if _names_a_threat(message) else None


def _clamav(message: str) -> Facts | None:
    """`/path: Signature FOUND`, with or without the hash and size that clamd can add."""
    body = message[: -len(_FOUND)]
    path, separator, signature = body.rpartition(": ")
    if not separator or not path:
        return None
    fields: Fields = {"message": message}
    tail = _SIGNATURE_TAIL.search(signature)
    if tail is not None:
        fields["Hashes"] = signature[tail.start() + 1 : tail.start(1) - 1]
        signature = signature[: tail.start()]
    if _CLAMAV_NAME.fullmatch(signature) is None:
        return None
    _, arrow, behind = path.rpartition(_SCANNER_ARROW)
    fields["Signature"] = signature
    fields["Filename"] = (behind if arrow else path).removeprefix("ScanOnAccess: ")
    fields["Action"] = "found"
    return Facts("antivirus", fields, "clamav", "", "antivirus")


def _symantec(message: str) -> Facts | None:
    """`Virus found,IP Address: …,Computer name: …,Risk name: …,File path: …,Actual action: …`."""
    fields: Fields = {"message": message}
    for part in message.split(",")[:128]:
        name, colon, value = part.partition(": ")
        if colon and 0 < len(name) <= 64:
            fields.setdefault(name.strip(), value.strip())
    signature, location = text_of(fields.get("Risk name")), text_of(fields.get("File path"))
    if not signature:
        return None
    user = text_of(fields.get("User")) or text_of(fields.get("User Name"))
    _common(fields, signature, location, text_of(fields.get("Actual action")), user)
    return Facts("antivirus", fields, "symantec", "", "antivirus", host=text_of(fields.get("Computer name")))


def _names_a_threat(message: str) -> bool:
    """A cheap look before the pairs are taken apart."""
    head = message[:_LINE_CHARS].lower()
    return ("threat" in head or "virus" in head or "malware" in head) and (
        "file" in head or "path" in head or "object" in head
    )


def _pairs(message: str) -> Facts | None:
    found: dict[str, Any] = {}
    for name, double, single, bare in _PAIR.findall(message[:_LINE_CHARS]):
        key = name.strip().lower().replace(" ", "_").replace(".", "_")
        found.setdefault(key, double or single or bare)
        if len(found) >= 128:
            break
    names = {name: name for name in found}
    signature, location = _named(found, names, _SIGNATURES), _named(found, names, _FILES)
    if not signature or not location:
        return None
    fields: Fields = {"message": message, **found}
    _common(fields, signature, location, _named(found, names, _ACTIONS), _named(found, names, _USERS))
    return Facts("antivirus", fields, "", "", "antivirus", host=_named(found, names, _MACHINES))


def _common(fields: Fields, signature: str, location: str, action: str, user: str) -> None:
    fields["Signature"] = signature
    if location:
        fields["Filename"] = location.removeprefix("file:///")
    if action:
        fields["Action"] = action
    if user:
        fields.setdefault("user", user)
    fields.setdefault("message", f"{signature} {location}".rstrip())


def _named(document: dict[str, Any], names: dict[str, str], wanted: tuple[str, ...]) -> str:
    """The first of the names whose value says something; `threat` may hold an object with a name."""
    for name in wanted:
        if name in names:
            value = document[names[name]]
            text = text_of(value.get("name")) if isinstance(value, dict) else text_of(value)
            if text.lower() not in _NOTHING:
                return text
    return ""
