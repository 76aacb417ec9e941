"""Error logs of Apache and nginx, and what ModSecurity writes into them."""

from __future__ import annotations

import re

from dekhang.engine.text import Value
from dekhang.pipeline.parse.event import Facts, Fields
from dekhang.pipeline.parse.times import iso_ms, stamp_ms

_NGINX = re.compile(
    r"(?P<year>\d{4})/(?P<month>\d\d)/(?P<day>\d\d) (?P<clock>\d\d:\d\d:\d\d) \[(?P<level>[a-z]{4,6})\] (?P<pid>\d{1,10})#\d{1,20}: (?:\*\d{1,20} )?"
)
_NGINX_IN_SYSLOG = re.compile(
    r"\[(?P<level>emerg|alert|crit|error|warn|notice|info)\] (?P<pid>\d{1,10})#\d{1,20}: (?:\*\d{1,20} )?"
)
_NGINX_PART = re.compile(
    r', (client|server|upstream|host|referrer|request): (?:"((?:[^"\\]++|\\.)*+)"|([^,\s]{1,1024}+))'
)
_APACHE = re.compile(
    r"\[[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2}) (?P<clock>\d\d:\d\d:\d\d)(?:\.\d{1,9})? (?P<year>\d{4})\] "
    r"\[(?:(?P<module>[\w\-]{0,64}+):)?(?P<level>[a-z]{4,6}\d?)\] (?:\[pid (?P<pid>\d{1,10})(?::tid \d{1,20})?\] )?"
    r"(?:\(\d{1,5}\)[^:]{0,128}: )?(?:\[(?:client|remote) (?P<client>[^\]\s]{1,64})\] )?(?:(?P<code>AH\d{5}): )?"
)
_REQUEST = re.compile(r"([A-Za-z]{1,32}+) (\S++)")
_MODSECURITY_PART = re.compile(
    r'\[(file|line|id|rev|msg|data|severity|ver|tag|hostname|uri|unique_id|accuracy|maturity) "((?:[^"\\]++|\\.)*+)"\]'
)
_NGINX_NAMES = {"server": "s-computername", "host": "cs-host", "referrer": "cs-referer", "upstream": "upstream"}
_PARTS_MAX = 128  # a rule of ModSecurity has a dozen tags
_TAIL_CHARS = 32_768  # of a line are looked through for its parts


def recognise(text: str, received_ms: int) -> Facts | None:
    """Facts of a line of an error log, or None; the caller has seen how it begins (`[` or a digit)."""
    if text.startswith("["):
        head = _APACHE.match(text)
        return None if head is None else _apache(text, head, received_ms)
    head = _NGINX.match(text)
    if head is None:
        return None
    facts = _nginx(text, head)
    facts.time_ms = iso_ms(f"{head['year']}-{head['month']}-{head['day']}T{head['clock']}", received_ms)
    return facts


def recognise_in_syslog(text: str, received_ms: int) -> Facts | None:
    """The same inside a syslog line of nginx or httpd, where nginx leaves its own time out."""
    head = _NGINX_IN_SYSLOG.match(text)
    return recognise(text, received_ms) if head is None else _nginx(text, head)


def _nginx(text: str, head: re.Match[str]) -> Facts:
    fields: Fields = {"level": head["level"], "pid": int(head["pid"])}
    for name, quoted, bare in _NGINX_PART.findall(text[-_TAIL_CHARS:]):  # the client's words may look like a part:
        value = quoted or bare  # nginx's own stand last
        if name == "client":
            fields["c-ip"] = value
        elif name == "request":
            _request(value, fields)
        else:
            fields[_NGINX_NAMES[name]] = value
    fields["error"] = text[head.end() :].partition(", client: ")[0]
    if "ModSecurity:" in text:
        _modsecurity(text, fields)
    return _facts(text, fields, "nginx")


def _apache(text: str, head: re.Match[str], received_ms: int) -> Facts:
    fields: Fields = {"level": head["level"]}
    for name in ("module", "code"):
        if head[name]:
            fields[name] = head[name]
    if head["pid"]:
        fields["pid"] = int(head["pid"])
    client = head["client"]
    if client:
        address, _, port = client.rpartition(":")
        if head["pid"] and address and port.isdecimal():  # since 2.4 with the port, IPv6 without brackets too
            fields["c-ip"], fields["src_port"] = address, int(port)
        else:
            fields["c-ip"] = client
    fields["error"] = text[head.end() :]
    if "ModSecurity:" in text:
        _modsecurity(text, fields)
    facts = _facts(text, fields, "apache")
    facts.time_ms = stamp_ms(f"{head['month']} {head['day']} {head['year']} {head['clock']}", received_ms)
    return facts


def _request(request: str, fields: Fields) -> None:
    matched = _REQUEST.match(request)
    if matched is None:
        return
    fields["cs-method"], fields["cs-uri"] = matched[1], matched[2]
    stem, question, query = matched[2].partition("?")
    fields["cs-uri-stem"] = stem
    if question:
        fields["cs-uri-query"] = query


def _modsecurity(text: str, fields: Fields) -> None:
    """`[id "942100"] [msg "…"] [tag "…"]`: the first of a name counts, tags are a list."""
    tags: list[Value] = []
    for number, (name, value) in enumerate(_MODSECURITY_PART.findall(text[:_TAIL_CHARS])):
        if number >= _PARTS_MAX:
            break
        if name == "tag":
            tags.append(value)
        elif name == "uri":
            fields.setdefault("cs-uri-stem", value)
        elif name == "hostname":
            fields.setdefault("cs-host", value)
        else:
            fields.setdefault(f"rule_{name}" if name in ("id", "file", "line", "rev", "ver") else name, value)
    if tags:
        fields["tag"] = tags
    fields["action"] = "denied" if "Access denied" in text[:2_048] else "warning"
    fields["blocked"] = fields["action"] == "denied"
    fields["program"] = "modsecurity"


def _facts(text: str, fields: Fields, product: str) -> Facts:
    address = fields.get("c-ip")
    if address:
        fields["src_ip"] = address
    fields["message"] = text
    return Facts("web_error", fields, product, "error")
