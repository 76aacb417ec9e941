"""The names under which Sigma's proxy rules ask for a request, made from a URL and what stands beside it.

Rules write c-uri for the whole URL and for the path alone: `c-uri` is the first, `cs-uri` the second, and the mapping of
log sources (engine/logsources/web.yml) reads each from both, as it does with c-useragent and cs-user-agent.
"""

from __future__ import annotations

import re

from dekhang.engine.text import Value
from dekhang.pipeline.parse.event import Fields

_URL = re.compile(r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]{0,31}+)://)?(?P<place>[^/?#\s]{0,512}+)(?P<path>[^?#]*+)")
_EXTENSION_CHARS = 16


def proxy_names(
    fields: Fields,
    *,
    uri: str,
    method: str = "",
    status: str = "",
    client: str = "",
    user: str = "",
    agent: Value = None,
    referer: str = "",
    size: str = "",
) -> None:
    """Add c-uri and its parts, cs-host, cs-method, sc-status, c-useragent …; "" and "-" add nothing.

    Args:
        agent: None = the log does not tell it; "" = the client sent none, which a rule may ask for.
    """
    if client and client != "-":
        fields["c-ip"] = client
        fields.setdefault("src_ip", client)
    if user and user != "-":
        fields["cs-username"] = user
        fields.setdefault("user", user)
    if method and method != "-":
        fields["cs-method"] = method
    if uri and uri != "-":
        _uri(uri, method, fields)
    if status.isdecimal() and len(status) < 10:
        fields["sc-status"] = int(status)
    if size.isdecimal() and len(size) < 18:
        fields["sc-bytes"] = int(size)
    if isinstance(agent, str):
        fields["c-useragent"] = "" if agent == "-" else agent
    if referer and referer != "-":
        fields["cs-referrer"] = referer


def _uri(uri: str, method: str, fields: Fields) -> None:
    fields["c-uri"] = uri
    head, question, query = uri.partition("?")
    if question:
        fields["c-uri-query"] = query
    matched = _URL.match(head)
    if matched is None:
        return
    place, path = matched["place"], matched["path"]
    if place and (matched["scheme"] or method == "CONNECT"):
        fields["cs-host"] = _host(place, fields)
    if path:
        fields["c-uri-stem"] = path
        if path != uri:
            fields["cs-uri"] = path + question + query
        _, dot, extension = path.rpartition("/")[2].rpartition(".")
        if dot and extension and len(extension) <= _EXTENSION_CHARS:
            fields["c-uri-extension"] = extension.lower()


def _host(place: str, fields: Fields) -> str:
    """The host of `user:password@host:port`; the port becomes dst_port."""
    host = place.rpartition("@")[2]
    name, colon, port = host.rpartition(":")
    if not colon or not port.isdecimal() or name.endswith(":") or len(port) > 5:
        return host.strip("[]")
    fields.setdefault("dst_port", int(port))
    return name.strip("[]")
