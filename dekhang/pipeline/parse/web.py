"""Access logs of Apache and nginx: combined, common and JSON, with Sigma's W3C names."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from dekhang.pipeline.parse.event import Facts, Fields, text_of
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
_DECODE_ROUNDS = 3  # %2527 and deeper: attackers encode twice


def recognise_line(text: str, *, product: str = "") -> Facts | None:
    """Facts of a common or combined log line, or None."""
    if "[" not in text[:700]:
        return None
    matched = _LINE.match(text)
    if matched is None:
        return None
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


def recognise_document(document: dict[str, Any], received_ms: int) -> Facts | None:
    """Facts of an nginx or Apache access log written as JSON, or None."""
    address = document.get("remote_addr") or document.get("remote_ip") or document.get("clientip")
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
        text_of(document.get("status") or document.get("response")),
        text_of(document.get("body_bytes_sent") or document.get("bytes_sent") or document.get("bytes")),
        fields,
    )
    for names, sigma_name in (
        (("http_referer", "referer", "referrer"), "cs-referer"),
        (("http_user_agent", "user_agent", "agent", "useragent"), "cs-user-agent"),
        (("http_host", "host", "server_name", "vhost"), "cs-host"),
        (("http_x_forwarded_for", "x_forwarded_for"), "x-forwarded-for"),
    ):
        for name in names:
            value = document.get(name)
            if isinstance(value, str) and value not in ("", "-"):
                fields[sigma_name] = value
                break
    time_ms = None
    for name in ("time_iso8601", "msec", "@timestamp", "timestamp", "time", "time_local"):
        if name in document:
            value = document[name]
            time_ms = any_ms(value, received_ms)
            if time_ms is None and isinstance(value, str):
                time_ms = clf_ms(value)
            if time_ms is not None:
                break
    summary = f"{address} {fields.get('cs-method', '')} {fields.get('cs-uri', '')} {fields.get('sc-status', '')}"
    host = text_of(document.get("hostname"))
    return _facts(summary, fields, "apache" if "clientip" in document else "nginx", time_ms, host)


def _facts(message: str, fields: Fields, product: str, time_ms: int | None, host: str = "") -> Facts:
    fields["message"] = message
    return Facts("web_access", fields, product, "access", "webserver", host=host, time_ms=time_ms)


def _request(request: str, fields: Fields) -> None:
    matched = _REQUEST.match(request)
    if matched is None:  # TLS on the plain port, scanners, nothing at all
        fields["cs-uri"] = request
        fields["cs-uri-decoded"] = _decoded(request, "")
        return
    _uri(matched[1], matched[2], matched[3] or "", fields)


def _uri(method: str, uri: str, version: str, fields: Fields) -> None:
    stem, question, query = uri.partition("?")
    fields["cs-method"] = method
    fields["cs-uri"] = uri
    fields["cs-uri-stem"] = stem
    if question:
        fields["cs-uri-query"] = query
    fields["cs-uri-decoded"] = _decoded(stem, question + query)
    if version:
        fields["cs-version"] = version


def _decoded(stem: str, query: str) -> str:
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
