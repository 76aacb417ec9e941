"""Logs of cloud services, Zeek and antivirus programs carry the names that Sigma's rules ask for."""

import json
from typing import Any

import pytest

from dekhang.pipeline.parse import ParsedEvent, parse

RECEIVED = 1_575_943_300_000
AT = 1_575_943_200_000


def read(raw: str | dict[str, Any], kind: str = "") -> ParsedEvent:
    if isinstance(raw, dict):
        raw = json.dumps(raw)
    return parse(raw.encode(), source_kind=kind, received_ms=RECEIVED)


def facts(event: ParsedEvent) -> tuple[str, str, str, str]:
    return event.kind, event.record.product, event.record.service, event.record.category


CLOUDTRAIL = {
    "eventVersion": "1.08",
    "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::1:user/lan", "userName": "lan"},
    "eventTime": "2019-12-10T02:00:00Z",
    "eventSource": "iam.amazonaws.com",
    "eventName": "PutUserPolicy",
    "awsRegion": "ap-southeast-1",
    "sourceIPAddress": "192.0.2.7",
    "userAgent": "[S3 Browser 9]",
    "requestParameters": {"policyDocument": '{"Effect":"Allow","Resource":"arn:aws:s3:::x/*"}', "enable": False},
    "responseElements": None,
}


@pytest.mark.parametrize(
    "document",
    [
        CLOUDTRAIL,
        {"Records": [CLOUDTRAIL]},
        {"version": "0", "detail-type": "AWS API Call via CloudTrail", "source": "aws.iam", "detail": CLOUDTRAIL},
        {"message": json.dumps(CLOUDTRAIL), "@timestamp": "2019-12-10T02:00:09Z"},
    ],
    ids=["record", "alone in Records", "EventBridge", "wrapped"],
)
def test_cloudtrail_has_nested_names_and_searchable_parts(document: dict[str, Any]) -> None:
    event = read(document)

    fields = event.record.fields
    assert facts(event) == ("cloud", "aws", "cloudtrail", "")
    assert (fields["userIdentity.type"], fields["requestParameters.enable"]) == ("IAMUser", False)
    assert (fields["user"], fields["src_ip"], fields["status"]) == ("lan", "192.0.2.7", "success")
    # a rule searches in the parameters as a text; a policy is a JSON text inside of them
    assert any('"Allow"' in text for text in fields["requestParameters"])
    assert "responseElements.ConsoleLogin" not in fields and fields["responseElements"] is None
    assert event.time_ms == AT


AUDIT = {
    "activityDisplayName": "Update user",
    "category": "UserManagement",
    "loggedByService": "Core Directory",
    "result": "success",
    "resultReason": "",
    "initiatedBy": {"user": {"userPrincipalName": "lan", "ipAddress": "192.0.2.7"}},
    "targetResources": [
        {
            "type": "User",
            "userPrincipalName": "minh",
            "modifiedProperties": [
                {"displayName": "StrongAuthenticationRequirement", "oldValue": "[]", "newValue": '[{"State":0}]'},
                {"displayName": "ConsentContext.IsAdminConsent", "oldValue": None, "newValue": '"False"'},
            ],
        }
    ],
    "additionalDetails": [{"key": "additionalInfo", "value": "Successfully recovered"}],
}
AUDIT_SHAPES = {
    "Graph": {**AUDIT, "activityDateTime": "2019-12-10T02:00:00Z"},
    "diagnostic settings": {
        "time": "2019-12-10T02:00:00Z", "operationName": "Update user", "category": "AuditLogs",
        "resourceId": "/tenants/1/providers/Microsoft.aadiam", "properties": AUDIT,
    },
    "Log Analytics": {
        "TimeGenerated": "2019-12-10T02:00:00Z", "OperationName": "Update user", "Category": "UserManagement",
        "Type": "AuditLogs", "LoggedByService": "Core Directory", "Result": "success",
        "ActivityDisplayName": "Update user", "TargetResources": json.dumps(AUDIT["targetResources"]),
        "AdditionalDetails": json.dumps(AUDIT["additionalDetails"]),
    },
}  # fmt: skip


@pytest.mark.parametrize("shape", AUDIT_SHAPES)
def test_entra_audit_logs_have_the_names_of_all_three_shapes(shape: str) -> None:
    event = read(AUDIT_SHAPES[shape])

    fields = event.record.fields
    assert facts(event) == ("cloud", "azure", "auditlogs", "")
    for name in ("operationName", "OperationName", "ActivityDisplayName", "properties.message", "activityType"):
        assert fields[name] == "Update user", name
    assert (fields["Category"], fields["LoggedByService"]) == ("UserManagement", "Core Directory")
    assert "success" in fields["Status"] and fields["properties.result"] == "success"
    assert fields["TargetResources.ModifiedProperties.DisplayName"][0] == "StrongAuthenticationRequirement"
    assert '"State":0' in fields["TargetResources.ModifiedProperties.NewValue"][0]
    assert fields["ConsentContext.IsAdminConsent"] == "False"
    assert fields["additionalDetails.additionalInfo"] == "Successfully recovered"
    assert fields["targetResources.type"] == ["User"]
    assert event.time_ms == AT


SIGN_IN_SHAPES = {
    "Graph": {
        "createdDateTime": "2019-12-10T02:00:00Z", "userPrincipalName": "lan", "ipAddress": "192.0.2.7",
        "clientAppUsed": "Browser", "conditionalAccessStatus": "success", "userAgent": "axios/1",
        "status": {"errorCode": 50053, "failureReason": "locked"}, "deviceDetail": {"deviceId": "", "isCompliant": False},
        "authenticationProtocol": "deviceCode",
    },
    "diagnostic settings": {
        "time": "2019-12-10T02:00:00Z", "operationName": "Sign-in activity", "category": "SignInLogs",
        "resultType": "50053", "resultDescription": "locked", "callerIpAddress": "192.0.2.7",
        "properties": {
            "userPrincipalName": "lan", "conditionalAccessStatus": "success", "userAgent": "axios/1",
            "deviceDetail": {"deviceId": "", "isCompliant": False}, "authenticationProtocol": "deviceCode",
        },
    },
    "Log Analytics": {
        "TimeGenerated": "2019-12-10T02:00:00Z", "Type": "SigninLogs", "UserPrincipalName": "lan",
        "IPAddress": "192.0.2.7", "ResultType": "50053", "ResultDescription": "locked", "UserAgent": "axios/1",
        "ConditionalAccessStatus": "success", "DeviceDetail": '{"deviceId":"","isCompliant":false}',
        "AuthenticationProtocol": "deviceCode",
    },
}  # fmt: skip


@pytest.mark.parametrize("shape", SIGN_IN_SHAPES)
def test_sign_in_logs_have_the_names_of_all_three_shapes(shape: str) -> None:
    event = read(SIGN_IN_SHAPES[shape])

    fields = event.record.fields
    assert facts(event) == ("cloud", "azure", "signinlogs", "")
    assert (str(fields["ResultType"]), fields["ResultDescription"], fields["Status"]) == ("50053", "locked", "Failure")
    assert (fields["userAgent"], fields["conditionalAccessStatus"], fields["user"], fields["src_ip"]) == (
        "axios/1", "success", "lan", "192.0.2.7",
    )  # fmt: skip
    assert (fields["DeviceDetail.deviceId"], fields["DeviceDetail.isCompliant"]) == ("", False)
    assert fields["properties.message"] == "Device Code"
    assert event.time_ms == AT


def test_azure_activity_risk_and_privileged_identity() -> None:
    activity = read(
        {
            "time": "2019-12-10T02:00:00Z", "resourceId": "/SUBSCRIPTIONS/1", "category": "Administrative",
            "operationName": "MICROSOFT.KEYVAULT/VAULTS/WRITE", "callerIpAddress": "192.0.2.7",
        }
    )  # fmt: skip
    risk = read({"riskEventType": "anonymizedIPAddress", "detectedDateTime": "2019-12-10T02:00:00Z", "riskState": "x"})
    pim = read({"riskEventType": "noMfaOnRoleActivationAlertIncident", "createdDateTime": "2019-12-10T02:00:00Z"})

    assert [facts(one)[1:3] for one in (activity, risk, pim)] == [
        ("azure", "activitylogs"), ("azure", "riskdetection"), ("azure", "pim"),
    ]  # fmt: skip
    fields = activity.record.fields
    assert fields["OperationNameValue"] == fields["operationName"] == "MICROSOFT.KEYVAULT/VAULTS/WRITE"
    assert (fields["CategoryValue"], fields["ResourceId"]) == ("Administrative", "/SUBSCRIPTIONS/1")
    assert fields["ResourceProviderValue"] == "MICROSOFT.KEYVAULT"


INBOX_RULE = {
    "CreationTime": "2019-12-10T02:00:00", "Operation": "New-InboxRule", "Workload": "Exchange", "RecordType": 1,
    "ResultStatus": "True", "UserId": "lan", "ClientIP": "192.0.2.7",
    "Parameters": [{"Name": "ForwardTo", "Value": "x"}],
}  # fmt: skip


@pytest.mark.parametrize("document", [INBOX_RULE, {"Operations": "New-InboxRule", "AuditData": json.dumps(INBOX_RULE)}])
def test_m365_audit_also_out_of_an_export(document: dict[str, Any]) -> None:
    event = read(document)

    fields = event.record.fields
    assert facts(event) == ("cloud", "m365", "audit", "")
    assert "ForwardTo" in fields["Parameters"]
    assert (fields["eventSource"], fields["eventName"], fields["status"]) == ("Exchange", "New-InboxRule", "success")
    assert (fields["user"], fields["src_ip"], event.time_ms) == ("lan", "192.0.2.7", AT)


def test_m365_alerts_are_named_by_the_alert() -> None:
    event = read(
        {
            "CreationTime": "2019-12-10T02:00:00", "Operation": "AlertTriggered", "Workload": "SecurityComplianceCenter",
            "Name": "Suspicious inbox forwarding", "ResultStatus": "Succeeded", "Data": "{}",
        }
    )  # fmt: skip

    fields = event.record.fields
    assert (fields["eventSource"], fields["eventName"]) == ("SecurityComplianceCenter", "Suspicious inbox forwarding")


def test_google_cloud_and_workspace() -> None:
    entry = {
        "timestamp": "2019-12-10T02:00:00Z",
        "logName": "projects/p/logs/cloudaudit.googleapis.com%2Factivity",
        "resource": {"type": "k8s_cluster"},
        "protoPayload": {
            "serviceName": "k8s.io", "methodName": "io.k8s.core.v1.pods.create",
            "authenticationInfo": {"principalEmail": "lan"}, "requestMetadata": {"callerIp": "192.0.2.7"},
            "authorizationInfo": [{"permission": "a.delete", "granted": True}],
        },
    }  # fmt: skip
    admin = {
        "timestamp": "2019-12-10T02:00:00Z",
        "protoPayload": {
            "serviceName": "admin.googleapis.com", "methodName": "google.admin",
            "metadata": {"event": [{"eventName": "ENFORCE_STRONG_AUTHENTICATION", "parameter": [
                {"name": "NEW_VALUE", "value": "false"}, {"name": "SETTING_NAME", "value": "ContextAwareAccess"}]}]},
        },
    }  # fmt: skip
    plain, wrapped, workspace = read(entry), read({"data": entry}), read(admin)

    for event in (plain, wrapped):
        fields = event.record.fields
        assert facts(event) == ("cloud", "gcp", "gcp.audit", "")
        assert fields["gcp.audit.method_name"] == fields["data.protoPayload.methodName"] == "io.k8s.core.v1.pods.create"
        assert fields["data.protoPayload.authorizationInfo.granted"] == [True]
        assert "cloudaudit.googleapis.com%2Factivity" in fields["data.protoPayload.logName"]
        assert fields["data.protoPayload.resource.type"] == "k8s_cluster"
        assert event.time_ms == AT
    fields = workspace.record.fields
    assert facts(workspace)[1:3] == ("gcp", "google_workspace.admin")
    assert (fields["eventName"], fields["new_value"], fields["setting_name"], fields["eventService"]) == (
        "ENFORCE_STRONG_AUTHENTICATION", "false", "ContextAwareAccess", "admin.googleapis.com",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("document", "source", "field", "value"),
    [
        ({"@timestamp": 1_575_943_200_000, "action": "org.add_member", "actor": "lan", "org": "tinh", "actor_ip": "192.0.2.7"},
         ("github", "audit", ""), "action", "org.add_member"),
        ({"published": "2019-12-10T02:00:00Z", "eventType": "zone.delete", "actor": {"alternateId": "lan"},
          "outcome": {"result": "SUCCESS"}, "target": [{"displayName": "a"}, {"displayName": "b"}]},
         ("okta", "okta", ""), "target.displayName", ["a", "b"]),
        ({"timestamp": "2019-12-10T02:00:00Z", "auditType": {"action": "User login failed", "category": "Authentication"},
          "author": {"name": "lan"}}, ("bitbucket", "audit", ""), "auditType.category", "Authentication"),
        ({"event_type_id": 532, "account_id": 1, "created_at": "2019-12-10T02:00:00Z"},
         ("onelogin", "onelogin.events", ""), "event_type_id", 532),
        ({"event_type": "authentication", "factor": "x", "txid": "1", "timestamp": 1_575_943_200, "reason": "bypass_user"},
         ("cisco", "duo", ""), "reason", "bypass_user"),
        ({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "verb": "create", "requestURI": "/api",
          "requestReceivedTimestamp": "2019-12-10T02:00:00Z", "objectRef": {"resource": "pods"},
          "requestObject": {"spec": {"volumes": [{"hostPath": {"path": "/"}}]}}},
         ("kubernetes", "audit", "application"), "hostPath", ["/"]),
        ({"logtype": 4002, "node_id": "bay-1", "src_host": "192.0.2.7", "utc_time": "2019-12-10 02:00:00.000000",
          "logdata": {"USERNAME": "root"}}, ("opencanary", "", "application"), "logtype", 4002),
    ],
    ids=["GitHub", "Okta", "Bitbucket", "OneLogin", "Duo", "Kubernetes", "OpenCanary"],
)  # fmt: skip
def test_audit_logs_of_other_services(
    document: dict[str, Any], source: tuple[str, ...], field: str, value: Any
) -> None:
    event = read(document)

    assert facts(event) == ("cloud", *source)
    assert event.record.fields[field] == value
    assert event.time_ms == AT


# ------------------------------------------------------------------------------------------------- Zeek


@pytest.mark.parametrize(
    ("document", "log"),
    [
        ({"_path": "dns", "query": "x.example.gov.vn", "qtype_name": "A", "answers": ["192.0.2.9"], "rejected": False}, "dns"),
        ({"_zeek": "smb_files", "action": "SMB::FILE_OPEN", "path": "\\\\h\\IPC$", "name": "svcctl"}, "smb_files"),
        ({"method": "PUT", "uri": "/x", "user_agent": "WebDAV", "host": "h"}, "http"),
        ({"endpoint": "svcctl", "operation": "CreateServiceW"}, "dce_rpc"),
        ({"request_type": "TGS", "client": "lan", "service": "x", "cipher": "rc4-hmac"}, "kerberos"),
        ({"proto": "tcp", "conn_state": "S0"}, "conn"),
        ({"path": "\\\\h\\c$", "name": "a", "action": "SMB::FILE_OPEN"}, "smb_files"),
        ({"cookie": "lan", "security_protocol": "HYBRID", "result": "encrypted"}, "rdp"),
        ({"version": 2, "client": "a", "server": "b", "auth_attempts": 1}, "ssh"),
        ({"certificate.serial": "8BB00EE"}, "x509"),
    ],
)  # fmt: skip
def test_zeek_logs_are_named_by_path_or_fields(document: dict[str, Any], log: str) -> None:
    event = read({"ts": 1_575_943_200.0, "uid": "C1", "id.orig_h": "192.0.2.7", "id.resp_h": "192.0.2.8", **document})

    assert facts(event) == ("zeek", "zeek", log, "")
    assert (event.record.fields["id.orig_h"], event.record.fields["src_ip"]) == ("192.0.2.7", "192.0.2.7")
    assert event.time_ms == AT


def test_zeek_with_nested_addresses_has_sigmas_names() -> None:
    event = read({"ts": "2019-12-10T02:00:00.000Z", "_path": "conn", "id": {"orig_h": "192.0.2.7", "resp_p": 53}})

    assert (event.record.fields["id.orig_h"], event.record.fields["id.resp_p"]) == ("192.0.2.7", 53)


# ------------------------------------------------------------------------------------------------- antivirus


@pytest.mark.parametrize(
    ("line", "signature", "filename"),
    [
        ("Dec 10 02:00:00 h clamd[7]: /var/www/a b.php: Php.Webshell.X-1 FOUND", "Php.Webshell.X-1", "/var/www/a b.php"),
        ("Dec 10 02:00:00 h clamd[7]: /x: Eicar-Signature(44d88612fea8a8f36de82e1278abb02f:68) FOUND", "Eicar-Signature", "/x"),
        ("/srv/chung/x.doc: Win.Test.EICAR_HDB-1 FOUND", "Win.Test.EICAR_HDB-1", "/srv/chung/x.doc"),
        ("Tue Dec 10 02:00:00 2019 -> /srv/x.jsp: Jsp.Shell FOUND", "Jsp.Shell", "/srv/x.jsp"),
        ("<52>Dec 10 02:00:00 sep SymantecServer: Virus found,IP Address: 192.0.2.7,Computer name: PC1,Source: Real Time"
         " Scan,Risk name: Hacktool.Mimikatz,Occurrences: 1,File path: C:\\x\\m.exe,Actual action: Cleaned",
         "Hacktool.Mimikatz", "C:\\x\\m.exe"),
        ('<52>Dec 10 02:00:00 av agent: threat_name="W32.Ransom.X" file_path="C:\\a.exe" action=blocked user=lan',
         "W32.Ransom.X", "C:\\a.exe"),
    ],
)  # fmt: skip
def test_findings_in_lines(line: str, signature: str, filename: str) -> None:
    event = read(line)

    fields = event.record.fields
    assert (event.kind, event.record.category) == ("antivirus", "antivirus")
    assert (fields["Signature"], fields["Filename"]) == (signature, filename)
    assert fields["Action"] and fields["message"]


def test_findings_in_json() -> None:
    eset = read(
        {
            "event_type": "Threat_Event", "hostname": "pc01", "occured": "10-Dec-2019 02:00:00", "severity": "Critical",
            "threat_type": "trojan", "threat_name": "Win32/PSW.Mimikatz", "object_uri": "file:///C:/x/m.exe",
            "action_taken": "cleaned by deleting", "username": "lan",
        }
    )  # fmt: skip
    sophos = read(
        {
            "type": "Event::Endpoint::Threat::Detected", "when": "2019-12-10T02:00:00Z", "threat": "Mal/Generic-S",
            "location": "PC1", "name": "Malware detected",
        }
    )  # fmt: skip

    assert (eset.record.fields["Signature"], eset.record.fields["Filename"], eset.record.fields["Action"]) == (
        "Win32/PSW.Mimikatz", "C:/x/m.exe", "cleaned by deleting",
    )  # fmt: skip
    assert (eset.kind, eset.host, sophos.kind, sophos.time_ms) == ("antivirus", "pc01", "antivirus", AT)
    assert sophos.record.fields["Signature"] == "Mal/Generic-S"


@pytest.mark.parametrize(
    "raw",
    [
        "Dec 10 02:00:00 h clamd[7]: SelfCheck: Database status OK.",
        "Dec 10 02:00:00 h sshd[7]: Failed password for virus=x file=/y from 192.0.2.7 port 1 ssh2",
        "Dec 10 02:00:00 h app[7]: 404 NOT FOUND",
        "Dec 10 02:00:00 h app[7]: no virus in file /x",
        {"signature": "abc", "path": "/api", "user": "lan"},
        {"threat": None, "path": "/api"},
    ],
)
def test_what_is_no_finding_is_none(raw: str | dict[str, Any]) -> None:
    assert read(raw).kind != "antivirus"


# ------------------------------------------------------------------------------------------------- no parser's


def test_json_that_no_parser_knows_keeps_its_names_for_a_mapping_of_the_users() -> None:
    plain = read({"app": "van-ban", "user": {"name": "lan"}, "timestamp": "2019-12-10T02:00:00Z"})
    worded = read({"app": "van-ban", "message": "Đã tải về", "user": {"name": "lan"}, "time": "2019-12-10T02:00:00Z"})

    for event in (plain, worded):
        assert (event.kind, event.record.product) == ("raw", "")
        assert (event.record.fields["app"], event.record.fields["user.name"], event.time_ms) == ("van-ban", "lan", AT)
    assert worded.record.fields["message"] == "Đã tải về"
    assert "van-ban" in plain.record.fields["message"]
