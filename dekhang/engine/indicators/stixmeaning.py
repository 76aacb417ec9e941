"""What a STIX comparison means for log fields: a value to look up anywhere, or a condition on certain fields.

The objects of STIX are not those of a log, so here stands which field may hold which property. A property that no log
here has makes the pattern unusable, and the reason names it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from dekhang.engine.expressions import (
    DEPTH_MAX,
    And,
    Atom,
    CidrTest,
    ExistsTest,
    Expression,
    Not,
    NumberTest,
    Or,
    RegexTest,
    Test,
    TextTest,
    ValueTest,
    Wild,
    WildcardTest,
    depth,
)
from dekhang.engine.expressions import Comparison as Order
from dekhang.engine.indicators import values
from dekhang.engine.indicators.fieldroles import FILE_FIELDS
from dekhang.engine.indicators.shapes import Kind
from dekhang.engine.indicators.stixtree import Comparison, Junction, Node, PatternProblem
from dekhang.engine.indicators.values import ValueProblem
from dekhang.engine.predicates import RegexError, regex
from dekhang.engine.text import fold, text_of

DESTINATIONS = (
    "DestinationIp",
    "DestinationHostname",
    "DestAddress",
    "dest_ip",
    "dst_ip",
    "dstip",
    "id.resp_h",
    "r-dns",
    "dst",
)
SOURCES = ("SourceIp", "SourceHostname", "SourceAddress", "IpAddress", "src_ip", "srcip", "id.orig_h", "c-ip", "src")
USERS = ("User", "TargetUserName", "SubjectUserName", "user", "acct", "cs-username")
IMAGES = ("Image", "NewProcessName", "ProcessName", "exe", "comm")
PARENTS = ("ParentImage", "ParentProcessName")
AGENTS = ("cs-user-agent", "http.http_user_agent", "user_agent", "c-useragent")
HOSTS = ("cs-host", "http.hostname", "host", "hostname", "r-dns")
NAMES = ("QueryName", "dns.rrname", "query", "DestinationHostname", *HOSTS, "tls.sni", "server_name")
URLS = ("cs-uri", "http.url", "uri", "url", "c-uri", "request", "cs-referer")


@dataclass(frozen=True, slots=True)
class Place:
    """Fields that may hold a property; `last`: the property is only the part behind the last slash of the value."""

    fields: tuple[str, ...]
    last: bool = False


PLACES: dict[str, Place] = {
    "network-traffic:dst_ref.value": Place(DESTINATIONS),
    "network-traffic:src_ref.value": Place(SOURCES),
    "network-traffic:dst_port": Place(("DestinationPort", "dest_port", "dst_port", "dstport", "id.resp_p", "DestPort")),
    "network-traffic:src_port": Place(("SourcePort", "src_port", "srcport", "id.orig_p", "IpPort")),
    "network-traffic:protocols": Place(("Protocol", "proto", "app_proto", "service")),
    "network-traffic:extensions.http-request-ext.request_value": Place(URLS),
    "network-traffic:extensions.http-request-ext.request_method": Place(("cs-method", "http.http_method", "method")),
    "network-traffic:extensions.http-request-ext.request_header.User-Agent": Place(AGENTS),
    "network-traffic:extensions.http-request-ext.request_header.Host": Place(HOSTS),
    "domain-name:value": Place(NAMES),
    "url:value": Place(URLS),
    "ipv4-addr:value": Place((*DESTINATIONS, *SOURCES)),
    "ipv6-addr:value": Place((*DESTINATIONS, *SOURCES)),
    "email-addr:value": Place(("from", "to", "sender", "recipient", "mailfrom", "rcptto", "smtp.mail_from", "smtp.rcpt_to")),
    "email-message:subject": Place(("subject", "Subject", "email.subject")),
    "file:name": Place(FILE_FIELDS, last=True),
    "process:command_line": Place(("CommandLine", "ProcessCommandLine", "command", "proctitle", "ScriptBlockText")),
    "process:cwd": Place(("CurrentDirectory", "cwd", "pwd")),
    "process:pid": Place(("ProcessId", "NewProcessId", "pid")),
    "process:parent_ref.command_line": Place(("ParentCommandLine",)),
    "process:creator_user_ref.user_id": Place(USERS),
    "process:creator_user_ref.account_login": Place(USERS),
    "process:extensions.windows-service-ext.service_name": Place(("ServiceName",)),
    "windows-registry-key:values.name": Place(("TargetObject", "ObjectValueName"), last=True),
    "windows-registry-key:values.data": Place(("Details", "NewValue")),
    "user-account:user_id": Place(USERS),
    "user-account:account_login": Place(USERS),
    "user-account:display_name": Place(USERS),
    **dict.fromkeys(("process:name", "process:image_ref.name", "process:binary_ref.name"), Place(IMAGES, last=True)),
    **dict.fromkeys(
        ("process:parent_ref.name", "process:parent_ref.image_ref.name", "process:parent_ref.binary_ref.name"),
        Place(PARENTS, last=True),
    ),
}  # fmt: skip
FOLDERS = ("file:parent_directory_ref.path", "directory:path")
REGISTRY_KEY = "windows-registry-key:key"
REGISTRY_FIELDS = ("TargetObject", "ObjectName")
HIVE = re.compile(r"(?:hkey_[a-z_]+|hk[a-z]{1,2}|\\registry\\(?:machine|user))\\", re.I)

HASHED = re.compile(
    r"(?:file|artifact|x509-certificate|process:(?:image|binary)_ref)[:.]hashes\.(MD5|SHA-?1|SHA-?256|SHA-?512)\Z", re.I
)
OTHER_HASH = re.compile(r".*[:.]hashes\.", re.I)

ORDERS: dict[str, Order] = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


def _address(text: str) -> tuple[Kind, str]:
    return values.network(text) if "/" in text else values.address(text)


# properties whose value can stand anywhere in a record
ANYWHERE: dict[str, Callable[[str], tuple[Kind, str]]] = {
    "ipv4-addr:value": _address,
    "ipv6-addr:value": _address,
    "domain-name:value": lambda text: (Kind.DOMAIN, values.domain(text)),
    "url:value": values.url,
    "email-addr:value": lambda text: (Kind.EMAIL, values.email(text)),
    "email-message:from_ref.value": lambda text: (Kind.EMAIL, values.email(text)),
    "email-message:sender_ref.value": lambda text: (Kind.EMAIL, values.email(text)),
    "file:name": lambda text: (Kind.FILENAME, values.filename(text)),
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a pattern comes to: it matches when any of `observables` is seen or `condition` holds."""

    observables: tuple[tuple[Kind, str], ...]
    condition: Expression | None


def meaning_of(node: Node) -> Meaning:
    """Return what a pattern means for one event.

    Raises:
        PatternProblem: a property, an operator or a value of it has no meaning here.
    """
    observables: list[tuple[Kind, str]] = []
    conditions: list[Expression] = []
    for part in node.parts if isinstance(node, Junction) and node.how == "or" else (node,):
        found = observables_of(part) if isinstance(part, Comparison) else None
        if found is not None:
            observables.extend(found)
        else:
            conditions.append(condition_of(part))
    condition = None if not conditions else conditions[0] if len(conditions) == 1 else Or(tuple(conditions))
    if condition is not None and depth(condition) > DEPTH_MAX:
        raise PatternProblem(f"Mẫu lồng sâu hơn {DEPTH_MAX} tầng.", unusable=True)
    return Meaning(tuple(observables), condition)


def observables_of(test: Comparison) -> list[tuple[Kind, str]] | None:
    """Return the values that one comparison asks for if they are simply looked up; None if it is a condition."""
    read = _reader(test.path)
    if read is None or test.negated or test.operator not in ("=", "IN", "ISSUBSET"):
        return None
    if test.operator == "ISSUBSET" and read is not _address:
        return None
    try:
        return [read(_text(literal)) for literal in test.literals]
    except ValueProblem as problem:
        if test.path == "file:name":
            return None  # a name with blanks: a condition on the fields that hold names
        raise PatternProblem(str(problem), unusable=False) from problem


def condition_of(node: Node) -> Expression:
    """Return a tree of comparisons as a condition on the fields of one event."""
    if isinstance(node, Junction):
        parts = tuple(condition_of(part) for part in node.parts)
        return And(parts) if node.how == "and" else Or(parts)
    negated = node.negated != (node.operator == "!=")
    found = None if negated else observables_of(node)
    if found is not None:
        return _either([_seen(kind, value) for kind, value in found])
    if negated and _reader(node.path) is not None and node.path not in PLACES:
        raise PatternProblem(
            f"Phủ định của `{node.path}` đúng với gần như mọi sự kiện nên không dùng được.", unusable=True
        )
    return _either([_on(field, last, node, negated) for field, last in _fields(node.path)])


def _reader(path: str) -> Callable[[str], tuple[Kind, str]] | None:
    if HASHED.match(path):
        return lambda text: (Kind.HASH, values.file_hash(text))
    return ANYWHERE.get(path)


def _fields(path: str) -> list[tuple[str, bool]]:
    if path in FOLDERS:
        return [(field, False) for field in FILE_FIELDS]
    if path == REGISTRY_KEY:
        return [(field, False) for field in REGISTRY_FIELDS]
    place = PLACES.get(path)
    if place is None:
        kind = "mã băm loại này" if OTHER_HASH.match(path) else "thuộc tính này"
        raise PatternProblem(f"`{path}`: không log nào ở đây ghi {kind}.", unusable=True)
    return [(field, place.last) for field in place.fields]


def _on(field: str, last: bool, test: Comparison, negated: bool) -> Expression:
    """Return a comparison about one field."""
    if test.operator == "EXISTS":
        found: Expression = Atom(field, ExistsTest())
    else:
        found = _either([Atom(field, one) for literal in test.literals for one in _tests(test, literal, last)])
    return And((Atom(field, ValueTest()), Not(found))) if negated else found


def _tests(test: Comparison, literal: str | int | float | bool, last: bool) -> list[Test]:
    """Return tests of which one must pass."""
    text = _text(literal)
    if test.operator in ORDERS:
        if isinstance(literal, (str, bool)):
            raise PatternProblem(f"`{test.operator}` chỉ so được số, không so được “{text[:60]}”.", unusable=True)
        return [NumberTest(ORDERS[test.operator], literal)]
    if test.operator == "ISSUBSET":
        try:
            return [CidrTest(text)]
        except ValueError:
            raise PatternProblem(f"“{text[:60]}” không phải là dải địa chỉ (CIDR).", unusable=False) from None
    if test.operator == "ISSUPERSET":
        raise PatternProblem("ISSUPERSET hỏi về dải địa chỉ; log chỉ ghi từng địa chỉ.", unusable=True)
    if test.operator == "MATCHES":
        return [_regex(text, last)]
    if test.operator == "LIKE":
        return [_like(text, last)]
    if test.path == REGISTRY_KEY:  # logs shorten the hive in their own ways and put the value's name behind the key
        return [TextTest("contains", fold("\\" + HIVE.sub("", text, count=1).strip("\\")))]
    if test.path in FOLDERS:
        folder = fold(text.rstrip("\\/"))
        return [TextTest("startswith", folder + "\\"), TextTest("startswith", folder + "/")]
    if last:
        return [TextTest("equals", fold(text)), *(TextTest("endswith", slash + fold(text)) for slash in "\\/")]
    return [TextTest("equals", fold(text))]


def _regex(pattern: str, last: bool) -> RegexTest:
    if last and pattern.startswith("^"):
        pattern = r"(?:^|[\\/])" + pattern[1:]
    try:
        regex(pattern, "")
    except RegexError as error:
        raise PatternProblem(f"Biểu thức chính quy sai: {error}", unusable=False) from error
    return RegexTest(pattern)


def _like(text: str, last: bool) -> Test:
    """Return LIKE: % any characters, _ exactly one."""
    if last:
        shape = "".join({"%": r"[^\\/]*", "_": r"[^\\/]"}.get(char) or re.escape(char) for char in text)
        return RegexTest(rf"(?:^|[\\/]){shape}$", "is")
    parts: list[str | Wild] = []
    for char in re.split(r"([%_])", fold(text)):
        if char == "%" and (not parts or parts[-1] is not Wild.MANY):
            parts.append(Wild.MANY)
        elif char == "_":
            parts.append(Wild.ONE)
        elif char and char != "%":
            parts.append(char)
    return WildcardTest(tuple(parts)) if parts else TextTest("equals", "")


def _seen(kind: Kind, value: str) -> Expression:
    """Return "this value is somewhere in the record", as far as a condition can say it."""
    if kind is Kind.NETWORK or (kind is Kind.IP and ":" in value):
        return _either([Atom(field, CidrTest(value)) for field in (*DESTINATIONS, *SOURCES)])
    if kind is Kind.FILENAME:
        return _either([Atom(field, TextTest("equals", value)) for field in FILE_FIELDS] + [
            Atom(field, TextTest("endswith", slash + value)) for field in FILE_FIELDS for slash in "\\/"
        ])  # fmt: skip
    if kind is Kind.DOMAIN:
        return Atom(None, RegexTest(rf"(?:^|[^A-Za-z0-9_-]){re.escape(value)}\.?(?:$|[^A-Za-z0-9._-])", "i"))
    if kind is Kind.IP:
        return Atom(None, RegexTest(rf"(?:^|[^A-Za-z0-9._-]){re.escape(value)}\.?(?:$|[^A-Za-z0-9._-])"))
    return Atom(None, TextTest("contains", fold(value)))


def _either(parts: list[Expression] | list[Atom]) -> Expression:
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _text(literal: str | int | float | bool) -> str:
    return text_of(literal)
