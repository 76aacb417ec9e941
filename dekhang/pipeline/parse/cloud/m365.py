"""Microsoft 365's unified audit log. Source: Office 365 Management Activity API schema.

All its records are `m365 · audit`. Rules for other services of m365 ask for `eventSource`, `eventName` and `status`:
the workload, the operation (the alert's name where the record is an alert) and whether it went well.
"""

from __future__ import annotations

import orjson

from dekhang.pipeline.parse.cloud.names import Document, also, as_text
from dekhang.pipeline.parse.event import Facts, Fields, flatten, text_of
from dekhang.pipeline.parse.times import any_ms

_ALSO = {
    "user": ("UserId", "UserKey"),
    "src_ip": ("ClientIP", "ClientIPAddress", "ActorIpAddress"),
}
_SEARCHED = ("Parameters", "OperationProperties", "ModifiedProperties", "ExtendedProperties", "Target", "Actor")
_PAIRS = 64


def recognise(document: Document, received_ms: int) -> Facts | None:
    """Facts of a record; of a portal's export too, whose column AuditData holds the record as JSON text."""
    inner = document.get("AuditData")
    if isinstance(inner, str) and inner.startswith("{"):
        try:
            inner = orjson.loads(inner)
        except orjson.JSONDecodeError:
            return None
    if isinstance(inner, dict):
        document = inner
    operation, workload = document.get("Operation"), document.get("Workload")
    if not isinstance(operation, str) or not isinstance(workload, str):
        return None
    flat = flatten(document)
    fields: Fields = {"message": f"{workload} {operation}"}
    fields["eventSource"] = workload
    name = text_of(document.get("Name"))
    fields["eventName"] = name if name and "Alert" in operation else operation
    result = text_of(document.get("ResultStatus"))
    fields["status"] = "failure" if result.lower() in ("failed", "failure", "false") else "success"
    fields.update(also(flat, _ALSO))
    for part in _SEARCHED:
        text = as_text(document.get(part))
        if text is not None:
            fields[part] = text
    for part in ("ExtendedProperties", "DeviceProperties"):  # such as RequestType, which rules name alone
        pairs = document.get(part)
        for pair in pairs[:_PAIRS] if isinstance(pairs, list) else ():
            if isinstance(pair, dict) and isinstance(pair.get("Name"), str) and pair["Name"] not in flat:
                fields.setdefault(pair["Name"][:64], text_of(pair.get("Value")))
    payload = document.get("Data")
    if isinstance(payload, str):
        fields.setdefault("Payload", payload)
    fields.update((name, value) for name, value in flat.items() if name not in fields)
    return Facts("cloud", fields, "m365", "audit", time_ms=any_ms(document.get("CreationTime"), received_ms))
