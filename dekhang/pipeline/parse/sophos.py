"""Sophos: XG and SFOS firewalls (`device_name=… log_type=…`) and the older UTM (`id="2001" … sys="SecureNet"`)."""

from __future__ import annotations

import re

from dekhang.pipeline.parse.device import common_names, protocol, verdict
from dekhang.pipeline.parse.event import Facts, Fields
from dekhang.pipeline.parse.keyvalue import pairs
from dekhang.pipeline.parse.proxyname import proxy_names
from dekhang.pipeline.parse.times import iso_ms

STARTS = ("device=", "device_name=", 'id="')
_UTM_HEAD = re.compile(r"(\d{4}):(\d\d):(\d\d)-(\d\d:\d\d:\d\d) (\S{1,255}+) [\w\-]{1,64}+(?:\[\d{1,10}\])?: (?=id=\")")
_COMMON = (
    ("src_ip", ("src_ip", "srcip")),
    ("src_port", ("src_port", "srcport")),
    ("dst_ip", ("dst_ip", "dstip")),
    ("dst_port", ("dst_port", "dstport")),
    ("user", ("user", "user_name", "username")),
    ("action", ("action", "log_subtype", "status")),
    ("protocol", ("protocol", "proto")),
)


def recognise(text: str, received_ms: int) -> Facts | None:
    """Facts of a Sophos line, or None; the caller has seen one of STARTS."""
    if text.startswith('id="'):
        return _utm(text) if ' sys="' in text[:256] else None
    if "log_type=" not in text or ("log_component=" not in text and "log_subtype=" not in text):
        return None
    fields = pairs(text)
    service = str(fields.get("log_type", "")).lower().replace(" ", "_")[:64]
    time_ms = None
    stamp = fields.get("timestamp")
    if isinstance(stamp, str):
        time_ms = iso_ms(stamp, received_ms)
    elif isinstance(fields.get("date"), str) and isinstance(fields.get("time"), str):
        time_ms = iso_ms(f"{fields['date']}T{fields['time']}", received_ms)
    host = str(fields.get("device_name") or fields.get("device") or "")[:255]
    return _facts(text, fields, service, host, time_ms)


def recognise_file_line(text: str, received_ms: int) -> Facts | None:
    """A line of UTM's own files: `2019:12:10-09:00:00 utm ulogd[1]: id="2001" …`, or None."""
    head = _UTM_HEAD.match(text)
    if head is None:
        return None
    facts = _utm(text[head.end() :])
    if facts is not None:
        facts.host = head[5]
        facts.time_ms = iso_ms(f"{head[1]}-{head[2]}-{head[3]}T{head[4]}", received_ms)
    return facts


def _utm(text: str) -> Facts:
    fields = pairs(text)
    service = str(fields.get("sub", "")).lower()[:64]
    if service in ("http", "httpproxy") and fields.get("url"):
        return _utm_web(text, fields)
    return _facts(text, fields, service, "", None)


def _utm_web(text: str, fields: Fields) -> Facts:
    facts = _facts(text, fields, "http", "", None)
    facts.kind = facts.category = "proxy"
    user = fields.get("user")
    proxy_names(
        fields,
        uri=str(fields["url"]),
        method=str(fields.get("method", "")),
        status=str(fields.get("statuscode", "")),
        client=str(fields.get("src_ip", "")),
        user=user if isinstance(user, str) else "",
        agent=fields.get("useragent") or fields.get("ua"),
        referer=str(fields.get("referer") or ""),
        size=str(fields.get("size", "")),
    )
    return facts


def _facts(text: str, fields: Fields, service: str, host: str, time_ms: int | None) -> Facts:
    common_names(fields, _COMMON)
    proto = fields.get("protocol")
    if isinstance(proto, str):
        fields["protocol"] = protocol(proto)
    verdict(fields)
    fields["message"] = text
    return Facts("firewall", fields, "sophos", service, "firewall", host=host, time_ms=time_ms)
