"""Name servers: BIND (named), dnsmasq, Unbound. Names as Sigma's category dns asks: query, record_type, answer."""

from __future__ import annotations

import re

from dekhang.pipeline.parse.event import Facts, Fields
from dekhang.pipeline.parse.times import stamp_ms

_BIND_HEAD = re.compile(
    r"(?P<day>\d\d)-(?P<month>[A-Z][a-z]{2})-(?P<year>\d{4}) (?P<clock>\d\d:\d\d:\d\d)(?:\.\d{1,6})? "
    r"(?:(?P<category>[a-z][a-z\-]{2,24}+): )?(?:(?P<severity>info|debug \d{1,2}|notice|warning|error|critical): )?"
)
_BIND_CATEGORY = re.compile(
    r"(?P<category>queries|rpz|security|query-errors): (?:(?:info|debug \d{1,2}|notice|warning|error): )?"
)
_BIND_CLIENT = re.compile(
    r"client (?:@0x[0-9a-f]{1,16} )?(?P<ip>[0-9A-Fa-f.:]{2,45}+)(?:%\w{1,16})?#(?P<port>\d{1,5})(?: \((?P<asked>[^)]{0,1024})\))?: "
    r"(?:view (?P<view>[^:\s]{1,128}): )?"
)
_BIND_QUERY = re.compile(
    r"query: (?P<name>\S{1,1024}+) (?P<class>[A-Z0-9]{1,16}) (?P<type>[A-Z0-9]{1,16})(?: (?P<flags>[+\-][\w()]{0,24}))?(?: \((?P<server>[0-9A-Fa-f.:]{2,45}+)\))?"
)
_BIND_RPZ = re.compile(
    r"(?P<disabled>disabled )?rpz (?P<trigger>[A-Z\-]{2,16}) (?P<policy>[A-Za-z\-]{2,24}) rewrite (?P<name>[^\s/]{1,1024}+)(?:/(?P<type>[A-Z0-9]{1,16})/(?P<class>[A-Z0-9]{1,16}))?"
    r"(?: via (?P<zone>\S{1,1024}))?"
)
_BIND_DENIED = re.compile(
    r"query(?: \(cache\))? '(?P<name>[^'/]{1,1024})/(?P<type>[A-Z0-9]{1,16})/(?P<class>[A-Z0-9]{1,16})' denied"
)
_BIND_FAILED = re.compile(
    r"query failed \((?P<reason>[\w ]{1,48})\) for (?P<name>[^\s/]{1,1024}+)/(?P<class>[A-Z0-9]{1,16})/(?P<type>[A-Z0-9]{1,16})"
)

_MASQ = re.compile(
    r"(?:\d{1,10} (?P<extra_ip>[0-9A-Fa-f.:]{2,45}+)/(?P<extra_port>\d{1,5}) )?"
    r"(?:query\[(?P<type>[^\]]{1,24})\] (?P<query>\S{0,1024}+) from (?P<ip>[0-9A-Fa-f.:]{2,45}+)"
    r"|(?P<how>reply|cached|config|cached-stale|/\S{1,255}|DHCP|validation|gravity blocked|exactly blacklisted|regex blacklisted) (?P<name>\S{1,1024}+) is (?P<answer>.{0,4096})"
    r"|forwarded (?P<forwarded>\S{1,1024}+) to (?P<server>[0-9A-Fa-f.:#]{2,52}+))",
    re.DOTALL,
)
_UNBOUND = re.compile(
    r"(?:\[\d{1,12}:\d{1,4}\] )?(?:info|query|reply): (?P<ip>[0-9A-Fa-f.:]{2,45}+) (?P<name>\S{1,1024}+) (?P<type>[A-Z0-9]{1,16}) (?P<class>IN|CH|HS|ANY)"
    r"(?: (?P<rcode>[A-Z0-9]{2,16}) \S{1,24} \d \d{1,9})?$"
)
_BRACKETED = {"<CNAME>": "CNAME", "<TXT>": "TXT", "<HTTPS>": "HTTPS", "<SRV>": "SRV", "<MX>": "MX", "<PTR>": "PTR"}
_BLOCKED_BY = ("config", "gravity blocked", "exactly blacklisted", "regex blacklisted")
_NO_DATA = {"NODATA-IPv4": "A", "NODATA-IPv6": "AAAA"}


def bind(text: str) -> Facts | None:
    """Facts of what named wrote about a client's query: asked, rewritten by a policy zone, denied or failed."""
    start = 0
    category = ""
    if not text.startswith("client "):
        head = _BIND_CATEGORY.match(text)
        if head is None:
            return None
        start, category = head.end(), head["category"]
    return _bind(text, start, category)


def bind_file_line(text: str, received_ms: int) -> Facts | None:
    """A line of named's own files: `10-Dec-2019 02:00:00.123 queries: info: client …`, or None."""
    head = _BIND_HEAD.match(text)
    if head is None:
        return None
    facts = _bind(text, head.end(), head["category"] or "")
    if facts is not None:
        facts.time_ms = stamp_ms(f"{head['month']} {head['day']} {head['year']} {head['clock']}", received_ms)
    return facts


def _bind(text: str, start: int, category: str) -> Facts | None:
    client = _BIND_CLIENT.match(text, start)
    if client is None:
        return None
    at = client.end()
    fields: Fields = {"src_ip": client["ip"], "src_port": int(client["port"])}
    if client["view"]:
        fields["view"] = client["view"]
    if (asked := _BIND_QUERY.match(text, at)) is not None:
        fields["action"] = "query"
        if asked["flags"]:
            fields["flags"] = asked["flags"]
        if asked["server"]:
            fields["dst_ip"] = asked["server"]
    elif (asked := _BIND_RPZ.match(text, at)) is not None:
        fields["action"] = "rpz_disabled" if asked["disabled"] else "rpz"
        fields["rpz_trigger"], fields["rpz_policy"] = asked["trigger"], asked["policy"]
        fields["blocked"] = not asked["disabled"] and asked["policy"].upper() not in ("PASSTHRU", "DISABLED")
        if asked["zone"]:
            fields["rpz_zone"] = asked["zone"]
    elif (asked := _BIND_DENIED.match(text, at)) is not None:
        fields["action"], fields["blocked"] = "denied", True
    elif (asked := _BIND_FAILED.match(text, at)) is not None:
        fields["action"], fields["rcode"] = "failed", asked["reason"]
    else:
        return None
    _question(asked["name"], asked["type"], fields)
    if asked["class"]:
        fields["class"] = asked["class"]
    if category:
        fields["dns_category"] = category
    return _facts(text, fields, "bind")


def dnsmasq(text: str) -> Facts | None:
    """Facts of a query, an answer or a forwarding; None for what dnsmasq says of itself and of DHCP."""
    matched = _MASQ.match(text)
    if matched is None:
        return None
    fields: Fields = {}
    if matched["extra_ip"]:
        fields["src_ip"], fields["src_port"] = matched["extra_ip"], int(matched["extra_port"])
    if matched["type"]:
        fields["action"] = "query"
        fields["src_ip"] = matched["ip"]
        _question(matched["query"], matched["type"], fields)
    elif matched["how"]:
        fields["action"] = "hosts" if matched["how"].startswith("/") else matched["how"].replace(" ", "_")
        answer = matched["answer"]
        _question(matched["name"], _type_of(answer), fields)
        fields["answer"] = answer
        if matched["how"] in _BLOCKED_BY:
            fields["blocked"] = True
    else:
        fields["action"], fields["server"] = "forwarded", matched["server"]
        _question(matched["forwarded"], "", fields)
    return _facts(text, fields, "dnsmasq")


def unbound(text: str) -> Facts | None:
    """Facts of a line that log-queries or log-replies made, or None."""
    matched = _UNBOUND.match(text)
    if matched is None:
        return None
    fields: Fields = {"src_ip": matched["ip"], "action": "reply" if matched["rcode"] else "query"}
    _question(matched["name"], matched["type"], fields)
    fields["class"] = matched["class"]
    if matched["rcode"]:
        fields["rcode"] = matched["rcode"]
    return _facts(text, fields, "unbound")


def _question(name: str, record_type: str | None, fields: Fields) -> None:
    fields["query"] = name.rstrip(".") or "."
    if record_type:
        fields["record_type"] = record_type.partition("=")[0]


def _type_of(answer: str) -> str:
    """The type that dnsmasq does not write behind `is`; "" when the answer does not show it."""
    if answer in _BRACKETED or answer in _NO_DATA:
        return _BRACKETED.get(answer) or _NO_DATA[answer]
    if ":" in answer and " " not in answer:
        return "AAAA"
    return "A" if answer.count(".") == 3 and answer.replace(".", "").isdigit() else ""


def _facts(text: str, fields: Fields, product: str) -> Facts:
    fields["message"] = text
    return Facts("dns", fields, product, "query", "dns")
