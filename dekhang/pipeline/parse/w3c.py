"""Records of W3C extended logs, which `formats` gives as JSON under the header's names: IIS, Tomcat, proxies, Windows Firewall."""

from __future__ import annotations

from typing import Any

from dekhang.pipeline.parse.device import number, protocol, verdict
from dekhang.pipeline.parse.event import Facts, Fields, flatten
from dekhang.pipeline.parse.proxyname import proxy_names
from dekhang.pipeline.parse.times import LOCAL_MS, iso_ms
from dekhang.pipeline.parse.web import decoded_uri

# names of other headers → the names that Sigma's rules use
_NAMES = {
    "cs(User-Agent)": "cs-user-agent", "cs(Referer)": "cs-referer", "cs(Cookie)": "cs-cookie", "cs(Host)": "cs-host",
    "cs(Content-Type)": "cs-content-type", "cs(X-Forwarded-For)": "x-forwarded-for", "X-Forwarded-For": "x-forwarded-for",
    "c-agent": "cs-user-agent", "rs(Content-Type)": "rs-content-type", "c-dns": "c-dns", "cs-auth-user": "cs-username",
}  # fmt: skip
_PROXY_NAMES = frozenset({
    "r-dns", "r-ip", "r-host", "r-port", "r-supplier-ip", "s-action", "s-hierarchy", "s-supplier-name", "sc-filter-result",
    "sc-filter-category", "cs-categories", "cs-uri-scheme", "c-uri", "x-exception-id", "cs-threat-risk",
})  # fmt: skip
_NUMBERS = frozenset({
    "sc-status", "sc-substatus", "sc-win32-status", "sc-bytes", "cs-bytes", "time-taken", "s-port", "c-port", "r-port", "cs-uri-port",
})  # fmt: skip
_PACKET_NAMES = (("src_ip", "src-ip"), ("dst_ip", "dst-ip"), ("src_port", "src-port"), ("dst_port", "dst-port"))


def recognise(document: dict[str, Any], received_ms: int) -> Facts | None:
    """Facts of a record with `_w3c` (the text of `#Software:`, or ""), or None."""
    software = document.get("_w3c")
    if not isinstance(software, str):
        return None
    fields: Fields = {}
    for name, value in flatten(document).items():
        if name == "_w3c" or value in ("-", "", None):
            continue
        name = _NAMES.get(name, name)
        if name in _NUMBERS and (known := number(value)) is not None:
            value = known
        fields.setdefault(name, value)
    # "#Time Format: Local" of Windows Firewall: read as if UTC, then set right
    shift_ms = LOCAL_MS if "Windows Firewall" in software else 0
    time_ms = _time(fields, received_ms + shift_ms)
    if time_ms is not None:
        time_ms -= shift_ms
    if "src-ip" in fields and "dst-ip" in fields:
        return _packet(software, fields, time_ms)
    if not _PROXY_NAMES.isdisjoint(document):
        return _proxy(software, fields, time_ms)
    return _web(software, fields, time_ms)


def _time(fields: Fields, received_ms: int) -> int | None:
    """W3C times are UTC by the standard; `date` and `time` are two columns, in some logs one."""
    date, time = fields.get("date"), fields.get("time")
    if isinstance(date, str) and isinstance(time, str):
        return iso_ms(f"{date}T{time}", received_ms)
    stamp = fields.get("date-time") or fields.get("timestamp")
    return iso_ms(stamp, received_ms) if isinstance(stamp, str) else None


def _web(software: str, fields: Fields, time_ms: int | None) -> Facts:
    is_iis = "Internet Information Services" in software or "s-sitename" in fields or not software
    if is_iis:  # IIS writes a blank as + and has no other escape for it in these columns
        for name in ("cs-user-agent", "cs-referer", "cs-cookie"):
            value = fields.get(name)
            if isinstance(value, str):
                fields[name] = value.replace("+", " ")
    stem, query = str(fields.get("cs-uri-stem", "")), str(fields.get("cs-uri-query", ""))
    if stem:
        fields.setdefault("cs-uri", f"{stem}?{query}" if query else stem)
    uri = str(fields.get("cs-uri", ""))
    if uri:
        head, _, tail = uri.partition("?")
        fields.setdefault("cs-uri-stem", head)
        if tail:
            fields.setdefault("cs-uri-query", tail)
        fields["cs-uri-decoded"] = decoded_uri(head, f"?{tail}" if tail else "")
    fields["message"] = (
        f"{fields.get('c-ip', '-')} {fields.get('cs-method', '-')} {uri} {fields.get('sc-status', '-')} {fields.get('cs-user-agent', '')}"
    ).rstrip()
    product = "iis" if is_iis else "tomcat" if "Tomcat" in software else "apache" if "Apache" in software else ""
    host = str(fields.get("s-computername") or fields.get("s-ip") or "")[:255]
    return Facts("web_access", fields, product, "access", "webserver", host=host, time_ms=time_ms)


def _proxy(software: str, fields: Fields, time_ms: int | None) -> Facts:
    uri = str(fields.get("c-uri") or fields.get("cs-uri") or "")
    host = str(fields.get("cs-host") or fields.get("r-dns") or fields.get("r-host") or "")
    if not uri:
        stem = str(fields.get("cs-uri-path") or fields.get("cs-uri-stem") or "")
        scheme = str(fields.get("cs-uri-scheme") or "")
        query = str(fields.get("cs-uri-query") or "").removeprefix("?")
        uri = (f"{scheme}://{host}" if scheme and host else "") + stem + (f"?{query}" if query else "")
    agent = fields.get("cs-user-agent")
    proxy_names(
        fields,
        uri=uri,
        method=str(fields.get("cs-method") or ""),
        client=str(fields.get("c-ip") or ""),
        user=str(fields.get("cs-username") or ""),
        agent=agent if isinstance(agent, str) else None,
        referer=str(fields.get("cs-referer") or ""),
    )
    if host:
        fields["cs-host"] = host
    target = fields.get("r-ip") or fields.get("s-supplier-ip")
    if target:
        fields.setdefault("dst_ip", target)
    result = fields.get("sc-filter-result")
    if isinstance(result, str):
        fields["action"] = result
        fields["blocked"] = result.upper() == "DENIED"
    fields["message"] = f"{fields.get('c-ip', '-')} {fields.get('cs-method', '-')} {uri} {fields.get('sc-status', '-')}"
    product = "bluecoat" if "SGOS" in software else "isa" if "ISA" in software or "TMG" in software else ""
    return Facts(
        "proxy", fields, product, "access", "proxy", host=str(fields.get("s-computername") or "")[:255], time_ms=time_ms
    )


def _packet(software: str, fields: Fields, time_ms: int | None) -> Facts:
    """pfirewall.log of Windows: `date time action protocol src-ip dst-ip src-port dst-port …`."""
    for common, own in _PACKET_NAMES:
        value = fields.get(own)
        known = number(value) if common.endswith("_port") else value
        if known is not None:
            fields[common] = known
    proto = fields.get("protocol")
    if isinstance(proto, str):
        fields["protocol"] = protocol(proto)
    verdict(fields)
    fields["message"] = " ".join(
        str(fields.get(name, "-")) for name in ("action", "protocol", "src_ip", "src_port", "dst_ip", "dst_port")
    )
    product = "windows" if "Microsoft" in software else ""
    return Facts("firewall", fields, product, "pfirewall", "firewall", time_ms=time_ms)
