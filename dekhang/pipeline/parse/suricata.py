"""Suricata's EVE JSON, flattened with dots."""

from __future__ import annotations

from typing import Any

from dekhang.pipeline.parse.event import Facts, flatten, text_of
from dekhang.pipeline.parse.times import any_ms


def recognise(document: dict[str, Any], received_ms: int) -> Facts | None:
    """Facts of an EVE record, or None. Filebeat's module keeps the original under `suricata.eve`."""
    inner = document.get("suricata")
    if isinstance(inner, dict) and isinstance(inner.get("eve"), dict):
        document = {"timestamp": document.get("@timestamp"), **inner["eve"]}
    event_type = document.get("event_type")
    if not isinstance(event_type, str) or not ("src_ip" in document or "flow_id" in document or event_type == "stats"):
        return None
    fields = flatten(document)
    signature = fields.get("alert.signature")
    fields["message"] = signature if isinstance(signature, str) else event_type
    host = text_of(document.get("host"))
    return Facts(
        "suricata",
        fields,
        "suricata",
        event_type.lower()[:64],
        "ids",
        host=host,
        time_ms=any_ms(document.get("timestamp"), received_ms),
    )
