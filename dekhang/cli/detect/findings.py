"""What a scan finds: a match with the place of its record, and the counts of what was read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dekhang.cli.detect.showing import iso, shortened
from dekhang.engine import Match, Record
from dekhang.engine.rules import LEVELS
from dekhang.engine.text import Value, scalars, text_of

# The first field that says something wins. Windows writes "-" where there is nobody; a logon's target is who logged on.
ACCOUNT_FIELDS = (
    "User", "TargetUserName", "SubjectUserName", "user", "acct", "auid", "cs-username", "UserName", "UserId", "username",
    "userIdentity.userName", "userIdentity.arn", "AccountName", "duser", "suser",
)  # fmt: skip
MACHINE_FIELDS = ("Computer", "host", "hostname", "dhost")
ADDRESS_FIELDS = (
    "IpAddress", "src_ip", "SourceIp", "SourceAddress", "ClientAddress", "c-ip", "addr", "sourceIPAddress", "ClientIP",
    "id.orig_h", "srcip", "src",
)  # fmt: skip
NOBODY = frozenset(("", "-", "?", "(null)", "unset", "4294967295", "n/a", "localhost", "127.0.0.1", "::1", "0.0.0.0"))  # noqa: S104
NAME_CHARS = 200  # of a machine, account or address


@dataclass(slots=True)
class Counts:
    """Records of one file: read = evaluated + unparsable.

    Args:
        problems: places in the file that could not be read.
    """

    read: int = 0
    unparsable: int = 0
    matches: int = 0
    problems: int = 0

    @property
    def evaluated(self) -> int:
        return self.read - self.unparsable


@dataclass(frozen=True, slots=True)
class Finding:
    """A match together with the place of its record.

    Args:
        index: number of the record in its file, from 0; -1 = a correlation's window that ended: no record shows it.
        time_ms: event time, UTC epoch milliseconds; without one (`time_known` false) the file's own time.
        host: the machine that wrote the record, "" = unknown.
    """

    match: Match
    file: str
    index: int
    time_ms: int
    time_known: bool
    host: str
    record: Record

    @property
    def known_ms(self) -> int | None:
        return self.time_ms if self.time_known else None

    @property
    def level(self) -> int:
        """Its place in LEVELS: 0 informational … 4 critical."""
        return LEVELS.index(self.match.rule.level)

    @property
    def machine(self) -> str:
        """The machine concerned, "" = the log does not say."""
        return self.host[:NAME_CHARS] if self.host not in NOBODY else said_first(self.record.fields, MACHINE_FIELDS)

    @property
    def account(self) -> str:
        """The account concerned, "" = the record names none."""
        return said_first(self.record.fields, ACCOUNT_FIELDS)

    @property
    def address(self) -> str:
        """The address that it came from, "" = the record names none, or only this machine itself."""
        return said_first(self.record.fields, ADDRESS_FIELDS)

    def as_dict(self) -> dict[str, Any]:
        """Return what docs/reference/detect.md promises of a line of JSON."""
        match, rule = self.match, self.match.rule
        found: dict[str, Any] = {
            "rule_id": rule.id,
            "title": rule.title,
            "level": rule.level,
            "file": self.file,
            "index": self.index if self.index >= 0 else None,
            "time": iso(self.time_ms) if self.time_known else None,
            "host": self.machine,
            "account": self.account,
            "fields": {name: shortened(value) for name, value in match.fields.items()},
            "tags": list(rule.tags),
            "author": rule.author,
            "license": rule.license,
            "references": list(rule.references),
        }
        if rule.guidance is not None:
            found["title_vi"] = rule.guidance.title_vi
        if rule.correlation is not None:
            found["count"] = match.count
            found["first_time"] = iso(match.first_ms) if match.first_ms is not None else None
            found["last_time"] = iso(match.last_ms) if match.last_ms is not None else None
            found["group"] = dict(match.group)
            found["indexes"] = [key for key in match.keys if key >= 0]
        return found


def said_first(fields: Mapping[str, Value], names: Sequence[str]) -> str:
    """Return the first of the fields that names somebody or something."""
    for name in names:
        if name in fields:
            for one in scalars(fields[name]):
                text = text_of(one).strip()
                if text.lower() not in NOBODY:
                    return text[:NAME_CHARS]
    return ""
