"""Google Cloud audit logs, and Google Workspace's that are exported there. Source: Cloud Logging's LogEntry, AuditLog.

Rules name a log entry's fields in three ways: as they are (`protoPayload.…`), as Pub/Sub wraps them (`data.…`), and
`gcp.audit.method_name`. Workspace's rules name the event and its parameters alone (`eventName`, `setting_name`).
"""

from __future__ import annotations

from dekhang.pipeline.parse.cloud.names import Document, also, first, objects
from dekhang.pipeline.parse.event import Facts, Fields, flatten, text_of
from dekhang.pipeline.parse.times import any_ms

_ALSO = {
    "gcp.audit.method_name": ("protoPayload.methodName",),
    "data.protoPayload.methodName": ("protoPayload.methodName",),
    "data.protoPayload.serviceName": ("protoPayload.serviceName",),
    "data.protoPayload.authorizationInfo.granted": ("protoPayload.authorizationInfo.granted",),
    "data.protoPayload.authorizationInfo.permission": ("protoPayload.authorizationInfo.permission",),
    "data.protoPayload.resource.type": ("resource.type",),
    "protoPayload.Servicename": ("protoPayload.serviceName",),
    "eventService": ("protoPayload.serviceName",),
    "user": ("protoPayload.authenticationInfo.principalEmail",),
    "src_ip": ("protoPayload.requestMetadata.callerIp",),
}
_WORKSPACE = {"admin.googleapis.com": "google_workspace.admin", "login.googleapis.com": "google_workspace.login"}
_LOG = "cloudaudit.googleapis.com"
_PAIRS = 64


def recognise(document: Document, received_ms: int) -> Facts | None:
    """Facts of an audit log entry, or None. Pub/Sub's wrapping (`data`) is taken off."""
    inner = document.get("data")
    if isinstance(inner, dict) and "protoPayload" in inner:
        document = inner
    payload = document.get("protoPayload")
    if not isinstance(payload, dict) or not ("methodName" in payload or "serviceName" in payload):
        return None
    flat = flatten(document)
    method = first(flat, "protoPayload.methodName")
    fields: Fields = {"message": f"{first(flat, 'protoPayload.serviceName')} {method}".strip(), **also(flat, _ALSO)}
    log = first(flat, "logName")
    if log:  # projects/<project>/logs/cloudaudit.googleapis.com%2Factivity
        at = log.find(_LOG)
        fields["data.protoPayload.logName"] = [log, log[at:]] if at > 0 else log
    metadata = payload.get("metadata")
    for event in objects(metadata.get("event")) if isinstance(metadata, dict) else ():
        name = text_of(event.get("eventName"))
        if name:
            fields.setdefault("eventName", name)
        for parameter in objects(event.get("parameter"))[:_PAIRS]:
            key = text_of(parameter.get("name")).lower()
            if key:
                fields.setdefault(key[:64], text_of(parameter.get("value")))
    fields.update((name, value) for name, value in flat.items() if name not in fields)
    service = _WORKSPACE.get(first(flat, "protoPayload.serviceName"), "gcp.audit")
    return Facts("cloud", fields, "gcp", service, time_ms=any_ms(document.get("timestamp"), received_ms))
