"""What CEF and LEEF share: their keys under the house's common names, and the kind of event that their device makes."""

from __future__ import annotations

from dekhang.pipeline.parse.device import common_names, protocol, verdict
from dekhang.pipeline.parse.event import Facts, Fields
from dekhang.pipeline.parse.proxyname import proxy_names
from dekhang.pipeline.parse.vendors import facts_of

_COMMON = (
    ("src_ip", ("src", "sourceAddress", "c6a2", "identSrc")),
    ("src_port", ("spt", "srcPort", "sourcePort")),
    ("dst_ip", ("dst", "destinationAddress", "c6a3")),
    ("dst_port", ("dpt", "dstPort", "destinationPort")),
    ("user", ("suser", "usrName", "duser", "sourceUserName", "destinationUserName", "accountName")),
    ("target_user", ("duser", "destinationUserName")),
    ("action", ("act", "action", "deviceAction")),
    ("protocol", ("proto", "transportProtocol")),
    ("url", ("request", "url", "requestUrl")),
    ("file_name", ("fname", "fileName")),
    ("file_path", ("filePath",)),
    ("file_hash", ("fileHash", "oldFileHash")),
    ("process", ("sproc", "dproc")),
    ("src_host", ("shost", "identHostName")),
    ("dst_host", ("dhost",)),
)
_KINDS = {"firewall": "firewall", "proxy": "proxy", "dns": "dns", "antivirus": "antivirus"}
_THREATS = ("virusName", "VirusName", "Virus Name", "threatName", "malwareName", "Malware Name", "VirusThreatName",
            "ThreatName", "cs1", "name")  # fmt: skip


def put_common(fields: Fields) -> None:
    """Add src_ip, src_port, user, action … beside the original keys."""
    common_names(fields, _COMMON)
    proto = fields.get("protocol")
    if isinstance(proto, str):
        fields["protocol"] = protocol(proto)
    verdict(fields)


def facts_of_device(fields: Fields, vendor: str, device_product: str, fallback_kind: str) -> Facts:
    """The facts that vendor and product tell; a proxy's and an antivirus's fields also get the names of Sigma's rules."""
    product, category = facts_of(vendor, device_product)
    if category == "proxy":
        proxy_names(
            fields,
            uri=_text(fields, "request", "url"),
            method=_text(fields, "requestMethod", "method"),
            status=_text(fields, "outcome", "status", "responseCode"),
            client=_text(fields, "src_ip"),
            user=_text(fields, "user"),
            agent=fields.get("requestClientApplication", fields.get("userAgent")),
            referer=_text(fields, "requestContext", "referrer"),
        )
        if "dhost" in fields:
            fields["cs-host"] = fields["dhost"]
    elif category == "antivirus":
        threat = _text(fields, *_THREATS)
        if threat:
            fields.setdefault("Signature", threat)
        path, name = _text(fields, "filePath", "fname", "resource"), _text(fields, "fname")
        if path:
            fields.setdefault("Filename", f"{path.rstrip(chr(92))}\\{name}" if name and path.endswith("\\") else path)
    elif category == "dns":
        query = _text(fields, "destinationDnsDomain", "dhost", "request", "query")
        if query:
            fields.setdefault("query", query.rstrip("."))
    return Facts(_KINDS.get(category, fallback_kind), fields, product, "", category)


def _text(fields: Fields, *names: str) -> str:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value
    return ""
