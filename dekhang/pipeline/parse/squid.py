"""Squid's access.log: its native form and the combined form, under the names of Sigma's proxy rules."""

from __future__ import annotations

import re

from dekhang.pipeline.parse.event import Facts, Fields
from dekhang.pipeline.parse.proxyname import proxy_names
from dekhang.pipeline.parse.times import epoch_ms

_NATIVE = re.compile(
    r"(?P<time>\d{9,11}\.\d{3}) {1,9}(?P<elapsed>-?\d{1,12}) (?P<client>\S{1,255}+) (?P<result>[A-Z_]{3,48}+)/(?P<status>\d{3}) "
    r"(?P<size>\d{1,18}) (?P<method>\S{1,32}+) (?P<uri>\S++) (?P<user>\S{1,256}+) "
    r"(?P<hierarchy>[A-Z_]{2,48}+)/(?P<peer>\S{1,255}+) (?P<type>\S{1,255}+)(?P<headers> \[.*)?",
    re.DOTALL,
)
_RESULT = re.compile(r" ?(?P<result>(?:TCP|UDP|NONE)[A-Z_]{0,40}+):(?P<hierarchy>[A-Z_]{2,48}+)(?=$| )")
_HEADER = re.compile(
    r"(?:^|\\n|\\r\\n|\[)(User-Agent|Referer|Cookie|Host): (.{0,4096}?)(?=\\r|\\n|\] \[|\]?$)", re.IGNORECASE
)


def recognise(text: str) -> Facts | None:
    """Facts of a native line, or None. With log_mime_hdrs the headers of request and answer follow in brackets."""
    matched = _NATIVE.match(text)
    if matched is None:
        return None
    fields: Fields = {"s-action": matched["result"], "s-hierarchy": matched["hierarchy"]}
    if matched["elapsed"].isdigit():
        fields["time-taken"] = int(matched["elapsed"])
    _peer(matched["peer"], fields)
    if matched["type"] != "-":
        fields["rs-content-type"] = matched["type"]
    agent = None
    referer = ""
    if matched["headers"]:
        headers = {name.lower(): value for name, value in reversed(_HEADER.findall(matched["headers"][:16_384]))}
        agent = headers.get("user-agent", "")  # the headers are there and this one is not: the client sent none
        referer = headers.get("referer", "")
        if "cookie" in headers:
            fields["cs-cookie"] = headers["cookie"]
    proxy_names(
        fields,
        uri=matched["uri"],
        method=matched["method"],
        status=matched["status"],
        client=matched["client"],
        user=matched["user"],
        agent=agent,
        referer=referer,
        size=matched["size"],
    )
    return facts(text, fields, epoch_ms(float(matched["time"])))


def result_after(rest: str) -> tuple[str, str] | None:
    """(result, hierarchy) when what follows a combined log line is Squid's `TCP_MISS:HIER_DIRECT`."""
    matched = _RESULT.match(rest) if rest.startswith((" TCP", " UDP", " NONE")) else None
    return None if matched is None else (matched["result"], matched["hierarchy"])


def facts(text: str, fields: Fields, time_ms: int | None) -> Facts:
    """Facts of one of Squid's lines whose fields have been found."""
    result = fields.get("s-action")
    if isinstance(result, str):
        fields["action"] = result
        fields["blocked"] = "DENIED" in result
    fields["message"] = text
    return Facts("proxy", fields, "squid", "access", "proxy", time_ms=time_ms)


def _peer(peer: str, fields: Fields) -> None:
    if peer == "-":
        return
    if ":" in peer or peer.replace(".", "").isdigit():
        fields["dst_ip"] = peer
    else:
        fields["s-peer"] = peer
