"""Access logs of Apache, nginx and Tomcat: combined, common and JSON, with Sigma's W3C names; Squid's combined form."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from dekhang.pipeline.parse import squid
from dekhang.pipeline.parse.event import Facts, Fields, text_of
from dekhang.pipeline.parse.proxyname import proxy_names
from dekhang.pipeline.parse.times import any_ms, clf_ms

_QUOTED = r'"((?:[^"\\]++|\\.)*+)"'
_LINE = re.compile(
    r"(?:(?P<vhost>[\w.\-]{1,255}+:\d{1,5}) )?(?P<ip>[\w.:\-%]{1,255}+) (?P<ident>\S{1,128}+) (?P<user>.{1,256}?) "
    r"\[(?P<time>\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    + _QUOTED
    + r" (?P<status>\d{3}|-) (?P<bytes>\d{1,18}|-)(?: "
    + _QUOTED
    + " "
    + _QUOTED
    + r")?(?P<rest>.*)",
    re.DOTALL,
)
_REQUEST = re.compile(r"([A-Za-z_\-]{1,32}+) (\S.*?)(?: (HTTP/\d(?:\.\d)?))?$", re.DOTALL)
_BYTE = re.compile(r"\\x([0-9A-Fa-f]{2})")
_PRODUCTS = (
    ("nginx", "nginx"), ("openresty", "nginx"), ("tomcat", "tomcat"), ("catalina", "tomcat"),
    ("localhost_access_log", "tomcat"), ("httpd", "apache"), ("apache", "apache"),
)  # fmt: skip
_DECODE_ROUNDS = 3  # %2527 and deeper: attackers encode twice


def recognise_line(text: str, *, product: str = "") -> Facts | None:
    """Facts of a common or combined log line, or None."""
    if "[" not in text[:700]:
        return None
    matched = _LINE.match(text)
    if matched is None:
        return None
    rest = matched["rest"]
    if rest and (result := squid.result_after(rest)) is not None:
        return _of_squid(text, matched, result)
    fields: Fields = {"c-ip": matched["ip"]}
    if matched["user"] != "-":
        fields["cs-username"] = matched["user"]
    if matched["vhost"]:
        fields["cs-host"] = matched["vhost"]
    _request(_unescaped(matched[6]), fields)
    _numbers(matched["status"], matched["bytes"], fields)
    for number, name in ((9, "cs-referer"), (10, "cs-user-agent")):
        value = matched[number]
        if value and value != "-":
            fields[name] = _unescaped(value)
    return _facts(text, fields, product or "apache", clf_ms(matched["time"]))


def _of_squid(text: str, matched: re.Match[str], result: tuple[str, str]) -> Facts:
    """The combined line of a proxy: the same shape, but the request was to somebody else."""
    fields: Fields = {"s-action": result[0], "s-hierarchy": result[1]}
    request = _REQUEST.match(_unescaped(matched[6]))
    proxy_names(
        fields,
        uri=request[2] if request is not None else matched[6],
        method=request[1] if request is not None else "",
        status=matched["status"],
        client=matched["ip"],
        user=matched["user"],
        agent=None if matched[10] is None else _unescaped(matched[10]),
        referer=matched[9] or "",
        size=matched["bytes"],
    )
    if request is not None and request[3]:
        fields["cs-version"] = request[3]
    return squid.facts(text, fields, clf_ms(matched["time"]))


def product_of(path: str) -> str:
    """The server that a log file's path or a program's name tells; "" when it tells none."""
    lower = path.lower()
    for word, product in _PRODUCTS:
        if word in lower:
            return product
    return ""


def recognise_document(document: dict[str, Any], received_ms: int) -> Facts | None:
    """Facts of an nginx or Apache access log written as JSON, or None."""
    address = document.get("remote_addr") or document.get("remote_ip") or document.get("clientip")
    by_tomcat = address is None and "statusCode" in document and "logicalUserName" in document
    if by_tomcat:  # JsonAccessLogValve: `host` is the client
        address = document.get("remoteAddr") or document.get("host")
    if not isinstance(address, str):
        return None
    request = document.get("request")
    method = text_of(document.get("request_method") or document.get("method") or document.get("verb"))
    uri = text_of(document.get("request_uri") or document.get("uri") or document.get("url"))
    if not isinstance(request, str) and not uri:
        return None
    fields: Fields = {"c-ip": address}
    user = text_of(document.get("remote_user") or document.get("auth") or document.get("user"))
    if user and user != "-":
        fields["cs-username"] = user
    if isinstance(request, str) and request:
        _request(request, fields)
    else:
        _uri(method, uri, text_of(document.get("server_protocol") or document.get("protocol")), fields)
    _numbers(
        text_of(document.get("status") or document.get("response") or document.get("statusCode")),
        text_of(
            document.get("body_bytes_sent")
            or document.get("bytes_sent")
            or document.get("bytes")
            or document.get("size")
        ),
        fields,
    )
    for names, sigma_name in (
        (("http_referer", "referer", "referrer"), "cs-referer"),
        (("http_user_agent", "user_agent", "agent", "useragent"), "cs-user-agent"),
        (("http_host", "host", "server_name", "vhost"), "cs-host"),
        (("http_x_forwarded_for", "x_forwarded_for"), "x-forwarded-for"),
    ):
        for name in names:
            value = None if by_tomcat and name == "host" else document.get(name)
            if isinstance(value, str) and value not in ("", "-"):
                fields[sigma_name] = value
                break
    time_ms = None
    for name in ("time_iso8601", "msec", "@timestamp", "timestamp", "time", "time_local"):
        if name in document:
            value = document[name]
            time_ms = any_ms(value, received_ms)
            if time_ms is None and isinstance(value, str):
                time_ms = clf_ms(value.strip("[]"))
            if time_ms is not None:
                break
    summary = f"{address} {fields.get('cs-method', '')} {fields.get('cs-uri', '')} {fields.get('sc-status', '')}"
    host = text_of(document.get("hostname"))
    product = "tomcat" if by_tomcat else "apache" if "clientip" in document else "nginx"
    return _facts(summary, fields, product, time_ms, host)


def _facts(message: str, fields: Fields, product: str, time_ms: int | None, host: str = "") -> Facts:
    fields["message"] = message
    return Facts("web_access", fields, product, "access", "webserver", host=host, time_ms=time_ms)


def _request(request: str, fields: Fields) -> None:
    matched = _REQUEST.match(request)
    if matched is None:  # TLS on the plain port, scanners, nothing at all
        fields["cs-uri"] = request
        fields["cs-uri-decoded"] = decoded_uri(request, "")
        return
    _uri(matched[1], matched[2], matched[3] or "", fields)


def _uri(method: str, uri: str, version: str, fields: Fields) -> None:
    stem, question, query = uri.partition("?")
    fields["cs-method"] = method
    fields["cs-uri"] = uri
    fields["cs-uri-stem"] = stem
    if question:
        fields["cs-uri-query"] = query
    fields["cs-uri-decoded"] = decoded_uri(stem, question + query)
    if version:
        fields["cs-version"] = version


def decoded_uri(stem: str, query: str) -> str:
    text = stem + query.replace("+", " ")
    for _ in range(_DECODE_ROUNDS):
        decoded = unquote(text, errors="replace") if "%" in text else text
        if decoded == text:
            break
        text = decoded
    return text


def _numbers(status: str, size: str, fields: Fields) -> None:
    if status.isdigit():
        fields["sc-status"] = int(status)
    if size.isdigit():
        fields["sc-bytes"] = int(size)


def _unescaped(text: str) -> str:
    """Undo what the web server escaped while writing: \\" and \\xHH."""
    if "\\" not in text:
        return text
    text = _BYTE.sub(lambda matched: chr(int(matched[1], 16)), text)
    return text.replace('\\"', '"').replace("\\\\", "\\")
