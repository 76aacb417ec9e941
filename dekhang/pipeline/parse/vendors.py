"""Who writes CEF and LEEF: vendor and product as devices name themselves → the product and category that rules ask for."""

from __future__ import annotations

import re

# words of "vendor product", folded to letters and digits with blanks · product · category. The first that fits counts.
_KNOWN: tuple[tuple[str, str, str], ...] = (
    ("fortinet fortigate", "fortigate", "firewall"),
    ("fortinet fortiweb", "fortiweb", ""),
    ("fortinet forticlient", "forticlient", "antivirus"),
    ("fortinet", "fortinet", ""),
    ("check point", "checkpoint", "firewall"),
    ("palo alto networks pan os", "paloalto", "firewall"),
    ("palo alto networks", "paloalto", ""),
    ("cisco asa", "cisco", "firewall"),
    ("cisco firepower", "cisco", "firewall"),
    ("cisco wsa", "cisco", "proxy"),
    ("cisco ironport", "cisco", "proxy"),
    ("juniper", "juniper", "firewall"),
    ("sonicwall", "sonicwall", "firewall"),
    ("sophos xg", "sophos", "firewall"),
    ("sophos utm", "sophos", "firewall"),
    ("sophos firewall", "sophos", "firewall"),
    ("sophos", "sophos", "antivirus"),
    ("watchguard", "watchguard", "firewall"),
    ("mikrotik", "mikrotik", "firewall"),
    ("netgate pfsense", "pfsense", "firewall"),
    ("stormshield", "stormshield", "firewall"),
    ("forcepoint web", "forcepoint", "proxy"),
    ("forcepoint firewall", "forcepoint", "firewall"),
    ("websense", "websense", "proxy"),
    ("zscaler nssfw", "zscaler", "firewall"),
    ("zscaler", "zscaler", "proxy"),
    ("blue coat", "bluecoat", "proxy"),
    ("bluecoat", "bluecoat", "proxy"),
    ("mcafee web gateway", "mcafee", "proxy"),
    ("squid", "squid", "proxy"),
    ("infoblox", "infoblox", "dns"),
    ("trend micro deep discovery", "trendmicro", ""),
    ("trend micro", "trendmicro", "antivirus"),
    ("kasperskylab", "kaspersky", "antivirus"),
    ("kaspersky", "kaspersky", "antivirus"),
    ("bkav", "bkav", "antivirus"),
    ("cmc", "cmc", "antivirus"),
    ("eset", "eset", "antivirus"),
    ("bitdefender", "bitdefender", "antivirus"),
    ("symantec", "symantec", "antivirus"),
    ("mcafee", "mcafee", "antivirus"),
    ("trellix", "trellix", "antivirus"),
    ("microsoft windows defender", "windefend", "antivirus"),
    ("microsoft defender antivirus", "windefend", "antivirus"),
    ("suricata", "suricata", "ids"),
    ("snort", "snort", "ids"),
    ("f5", "f5", ""),
    ("imperva", "imperva", ""),
    ("incapsula", "incapsula", ""),
)
_NOT_WORDS = re.compile(r"[^a-z0-9]+")
_REMEMBERED_MAX = 1_024  # names come from senders
_remembered: dict[tuple[str, str], tuple[str, str]] = {}


def facts_of(vendor: str, device_product: str) -> tuple[str, str]:
    """(product, category) of a device; an unknown one gets its own product name, folded, and no category."""
    found = _remembered.get((vendor, device_product))
    if found is None:
        found = _look_up(vendor, device_product)
        if len(_remembered) < _REMEMBERED_MAX:
            _remembered[vendor, device_product] = found
    return found


def _look_up(vendor: str, device_product: str) -> tuple[str, str]:
    own = _NOT_WORDS.sub(" ", device_product[:128].lower()).strip()
    words = f"{_NOT_WORDS.sub(' ', vendor[:128].lower()).strip()} {own} "
    for known, product, category in _KNOWN:
        if words.startswith(f"{known} "):
            return product, category
    return own.replace(" ", "_"), ""
