"""Azure and Entra ID: activity, audit, sign-in logs, risk detections.

They come in three shapes: streamed by diagnostic settings (`category`, the facts under `properties`), exported from
Log Analytics (names in capitals, objects as JSON text), and read from Microsoft Graph (camel case). Rules use names of
all three, so every fact is given under each name that rules know. Source: Azure Monitor table reference (AuditLogs,
SigninLogs, AzureActivity), Microsoft Graph reference (directoryAudit, signIn, riskDetection).
"""

from __future__ import annotations

import re
from typing import Final

from dekhang.pipeline.parse.cloud.names import Document, also, as_text, first, objects, unpacked
from dekhang.pipeline.parse.event import Facts, Fields, flatten, text_of
from dekhang.pipeline.parse.times import any_ms

_CATEGORIES: Final = {  # of diagnostic settings and tables, in lower case
    "auditlogs": "auditlogs",
    "signinlogs": "signinlogs", "noninteractiveusersigninlogs": "signinlogs", "serviceprincipalsigninlogs": "signinlogs",
    "managedidentitysigninlogs": "signinlogs", "adfssigninlogs": "signinlogs",
    "aadnoninteractiveusersigninlogs": "signinlogs", "aadserviceprincipalsigninlogs": "signinlogs",
    "aadmanagedidentitysigninlogs": "signinlogs",
    "userriskevents": "riskdetection", "aaduserriskevents": "riskdetection", "riskyusers": "riskdetection",
    "serviceprincipalriskevents": "riskdetection", "aadriskyusers": "riskdetection",
    "azureactivity": "activitylogs",
}  # fmt: skip
_TIMES = (
    "time", "TimeGenerated", "TimeGenerated [UTC]", "activityDateTime", "createdDateTime", "eventTimestamp",
    "detectedDateTime", "ActivityDateTime", "CreatedDateTime", "DetectedDateTime", "@timestamp",
)  # fmt: skip
_OPERATION = ("operationName", "OperationName", "properties.activityDisplayName", "activityDisplayName",
              "ActivityDisplayName")  # fmt: skip
_COMMON = {
    "src_ip": ("callerIpAddress", "properties.ipAddress", "ipAddress", "IPAddress", "CallerIpAddress", "IpAddress",
               "httpRequest.clientIpAddress", "initiatedBy.user.ipAddress", "properties.initiatedBy.user.ipAddress"),
    "user": ("properties.userPrincipalName", "userPrincipalName", "UserPrincipalName", "caller", "Caller",
             "properties.initiatedBy.user.userPrincipalName", "initiatedBy.user.userPrincipalName", "identity"),
    "correlationId": ("CorrelationId", "properties.correlationId"),
}  # fmt: skip
_ACTIVITY = {
    "operationName": ("operationName.value", "OperationNameValue", "OperationName"),
    "OperationNameValue": ("operationName.value", "operationName"),
    "CategoryValue": ("category.value", "category", "Category"),
    "ResourceProviderValue": ("resourceProviderName.value", "ResourceProvider"),
    "ResourceId": ("resourceId", "_ResourceId"),
    "properties.message": ("operationName.localizedValue", "OperationName", "operationName"),
}
_AUDIT = {
    "operationName": _OPERATION,
    "OperationName": _OPERATION,
    "ActivityDisplayName": ("properties.activityDisplayName", "activityDisplayName", *_OPERATION),
    "ActivityType": _OPERATION,
    "activityType": _OPERATION,
    "properties.message": ("properties.activityDisplayName", *_OPERATION),
    "LoggedByService": ("properties.loggedByService", "loggedByService"),
    "properties.result": ("result", "Result"),
    "failure_status_reason": ("properties.resultReason", "resultReason", "ResultReason", "resultDescription",
                              "ResultDescription"),
    "category": ("Category",),
    "Initiatedby": ("properties.initiatedBy.user.userPrincipalName", "initiatedBy.user.userPrincipalName",
                    "InitiatedBy.user.userPrincipalName", "identity", "Identity"),
}  # fmt: skip
_SIGN_IN = {
    "userAgent": ("properties.userAgent", "UserAgent"),
    "ResultType": ("resultType", "properties.status.errorCode", "status.errorCode"),
    "ResultDescription": ("resultDescription", "properties.status.failureReason", "status.failureReason"),
    "Resultdescription": ("ResultDescription", "resultDescription", "properties.status.failureReason",
                          "status.failureReason"),
    "AuthenticationRequirement": ("properties.authenticationRequirement", "authenticationRequirement"),
    "conditionalAccessStatus": ("properties.conditionalAccessStatus", "ConditionalAccessStatus"),
    "RiskState": ("properties.riskState", "riskState"),
    "ResourceDisplayName": ("properties.resourceDisplayName", "resourceDisplayName"),
    "Username": ("properties.userPrincipalName", "userPrincipalName", "UserPrincipalName"),
    "ClientApp": ("properties.clientAppUsed", "clientAppUsed", "ClientAppUsed"),
    "ActivityDetails": ("properties.authenticationProcessingDetails", "authenticationProcessingDetails",
                        "AuthenticationProcessingDetails"),
}  # fmt: skip
_RISK = {"riskEventType": ("properties.riskEventType", "RiskEventType", "riskType", "properties.riskType", "RiskType")}
_PROTOCOLS = {"devicecode": "Device Code", "ropc": "ROPC"}  # as rules write what the sign-in log calls deviceCode, ropc
_DOTTED = re.compile(r"[A-Za-z][\w.]{2,100}")
_PAIRS = 64  # of an event's details


def recognise(document: Document, received_ms: int) -> Facts | None:
    """Facts of a record, or None when the document is none of Azure's."""
    service = _service(document)
    if not service:
        return None
    flat = flatten(document)
    fields: Fields = {"message": ""}
    if service == "auditlogs":
        _audit(document, flat, fields)
    elif service == "signinlogs":
        _sign_in(document, flat, fields)
    elif service == "activitylogs":
        fields.update(also(flat, _ACTIVITY))
        if "ResourceProviderValue" not in fields and "ResourceProviderValue" not in flat:
            operation = first({**flat, **fields}, "operationName")
            if "/" in operation:
                fields["ResourceProviderValue"] = operation.partition("/")[0]
    else:
        fields.update(also(flat, _RISK))
    fields.update(also(flat, _COMMON))
    fields.update((name, value) for name, value in flat.items() if name not in fields)
    words = (first(fields, "operationName", "OperationName", "riskEventType"), first(fields, "user"))
    fields["message"] = " ".join(filter(None, words))
    time_ms = next((found for name in _TIMES if (found := any_ms(document.get(name), received_ms)) is not None), None)
    return Facts("cloud", fields, "azure", service, time_ms=time_ms)


def _service(document: Document) -> str:
    for name in ("category", "Type", "Category"):
        category = document.get(name)
        if isinstance(category, str) and ("operationName" in document or "OperationName" in document or name == "Type"):
            service = _CATEGORIES.get(category.lower())
            if service:
                return service
    properties = document.get("properties")
    inner: Document = properties if isinstance(properties, dict) else {}
    for one in (document, inner):
        kind = one.get("riskEventType") or one.get("RiskEventType")
        if isinstance(kind, str):
            # what privileged identity management reports has names like these
            return "pim" if kind.endswith(("AlertIncident", "AlertConfiguration")) else "riskdetection"
        if ("activityDisplayName" in one or "ActivityDisplayName" in one) and _has(
            one, "loggedByService", "LoggedByService", "targetResources", "TargetResources"
        ):
            return "auditlogs"
        if _has(one, "userPrincipalName", "UserPrincipalName") and _has(
            one, "conditionalAccessStatus", "ConditionalAccessStatus", "clientAppUsed", "ClientAppUsed"
        ):
            return "signinlogs"
    if "OperationNameValue" in document and _has(document, "CategoryValue", "ResourceId", "_ResourceId"):
        return "activitylogs"
    operation = document.get("operationName")
    name = text_of(operation.get("value")) if isinstance(operation, dict) else text_of(operation)
    if "/" in name and text_of(document.get("resourceId")).startswith("/"):
        return "activitylogs"
    return ""


def _has(document: Document, *names: str) -> bool:
    return any(name in document for name in names)


def _audit(document: Document, flat: Fields, fields: Fields) -> None:
    properties = document.get("properties")
    inner: Document = properties if isinstance(properties, dict) else document
    category = text_of(inner.get("category")) or text_of(document.get("Category"))
    if category:  # the stream's own category is AuditLogs for all
        fields["Category"] = category
    fields.update(also({**flat, **fields}, _AUDIT))
    result = first(flat, "properties.result", "result", "Result")
    reason = first(fields, "failure_status_reason")
    fields["Status"] = [one for one in (result, reason) if one]
    raw = next(
        (found for name in ("targetResources", "TargetResources") if (found := inner.get(name)) is not None), None
    )
    targets = objects(raw)
    if targets:
        text = as_text(unpacked(raw))
        fields["TargetResources"] = text
        fields["properties.targetResources"] = text
        fields["targetResources.type"] = [text_of(one.get("type")) for one in targets]
        fields["Target"] = [text_of(one.get("userPrincipalName")) or text_of(one.get("displayName")) for one in targets]
        _modified(targets, fields)
    for one in objects(inner.get("additionalDetails") or inner.get("AdditionalDetails"))[:_PAIRS]:
        name = text_of(one.get("key"))
        if _DOTTED.fullmatch(name):
            fields.setdefault(f"additionalDetails.{name}", text_of(one.get("value")))


def _modified(targets: list[Document], fields: Fields) -> None:
    changes = [
        change
        for target in targets
        for change in objects(target.get("modifiedProperties") or target.get("ModifiedProperties"))
    ][:_PAIRS]
    if not changes:
        return
    names = [text_of(change.get("displayName")) for change in changes]
    new = [text_of(change.get("newValue")) for change in changes]
    fields["TargetResources.modifiedProperties"] = as_text(changes)
    fields["TargetResources.modifiedProperties.newValue"] = list(new)
    fields["TargetResources.ModifiedProperties.NewValue"] = list(new)
    fields["TargetResources.ModifiedProperties.DisplayName"] = list(names)
    for name, value in zip(names, new, strict=True):
        if "." in name and _DOTTED.fullmatch(name):  # such as ConsentContext.IsAdminConsent
            fields.setdefault(name, value.strip('"'))


def _sign_in(document: Document, flat: Fields, fields: Fields) -> None:
    properties = document.get("properties")
    inner: Document = properties if isinstance(properties, dict) else document
    fields.update(also(flat, _SIGN_IN))
    result = fields.get("ResultType", flat.get("ResultType"))
    if result is not None:
        fields["Status"] = "Success" if str(result) == "0" else "Failure"
    device = unpacked(inner.get("deviceDetail") or inner.get("DeviceDetail"))
    if isinstance(device, dict):
        for name, other in (("trusttype", "trustType"), ("deviceId", "deviceId"), ("isCompliant", "isCompliant")):
            value = device.get(other)
            if value is None or isinstance(value, (str, bool)):
                fields[f"DeviceDetail.{name}"] = value
    for name in ("networkLocationDetails", "NetworkLocationDetails"):
        if name in inner:
            fields["NetworkLocationDetails"] = as_text(inner[name])
    protocol = first(flat, "properties.authenticationProtocol", "authenticationProtocol", "AuthenticationProtocol")
    if protocol:
        fields["properties.message"] = _PROTOCOLS.get(protocol.lower(), protocol)
