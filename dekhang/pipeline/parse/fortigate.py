"""FortiGate (FortiOS): key=value lines, bare or in syslog. Names as Fortinet writes them; Sigma's rules use those."""

from __future__ import annotations

import re

from dekhang.pipeline.parse.device import common_names, protocol, verdict
from dekhang.pipeline.parse.event import Facts
from dekhang.pipeline.parse.keyvalue import pairs
from dekhang.pipeline.parse.times import epoch_ms, iso_ms

STARTS = ("date=", "devname=", "itime=", "timestamp=", "eventtime=", "logver=", "devid=", "logid=", "tz=", "time=")
_UI_ADDRESS = re.compile(r"\(([0-9A-Fa-f.:]{2,45}+)\)")  # ui="https(192.0.2.9)": the administrator's machine
_COMMON = (
    ("src_ip", ("srcip", "remip", "src")),
    ("src_port", ("srcport", "remport", "src_port")),
    ("dst_ip", ("dstip", "dst", "locip")),
    ("dst_port", ("dstport", "dst_port", "locport")),
    ("user", ("user", "xauthuser", "unauthuser", "srcuser")),
)


def recognise(text: str, received_ms: int) -> Facts | None:
    """Facts of a FortiGate line, or None; the caller has seen one of STARTS."""
    if "logid=" not in text and "log_id=" not in text:
        return None
    fields = pairs(text)
    # lines exported from the device's disk leave its name out
    if "type" not in fields or not (
        "devname" in fields or "devid" in fields or "device_id" in fields or "subtype" in fields
    ):
        return None
    common_names(fields, _COMMON)
    if "src_ip" not in fields:
        ui = _UI_ADDRESS.search(str(fields.get("ui", ""))[:256])
        if ui is not None:
            fields["src_ip"] = ui[1]
    proto = fields.get("proto")
    if isinstance(proto, str) and proto:
        fields["protocol"] = protocol(proto)
    kind = str(fields["type"]).lower()[:64]
    if kind != "event":  # an event's action is what an administrator or a daemon did: nothing was let through by it
        verdict(fields)
    host = str(fields.get("devname") or fields.get("devid") or fields.get("device_id") or "")[:255]
    time_ms = _time(fields.get("eventtime"), fields.get("date"), fields.get("time"), fields.get("tz"), received_ms)
    fields["message"] = text
    return Facts("firewall", fields, "fortigate", kind, "firewall", host=host, time_ms=time_ms)


def _time(event_time: object, date: object, time: object, zone: object, received_ms: int) -> int | None:
    """`eventtime` (seconds, or nanoseconds in newer versions); else date and time in the device's zone."""
    if isinstance(event_time, str) and event_time.isascii() and event_time.isdigit() and len(event_time) <= 20:
        return epoch_ms(int(event_time))
    if isinstance(date, str) and isinstance(time, str):
        zone_text = zone if isinstance(zone, str) and len(zone) == 5 and zone[0] in "+-" else ""
        return iso_ms(f"{date}T{time}{zone_text}", received_ms)
    return None
