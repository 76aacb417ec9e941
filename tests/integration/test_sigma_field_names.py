"""Sigma's rules for Linux, cloud services, Zeek and antivirus ask for names that our parsers give, and are routed to them.

A sample of every log in the shape its maker documents goes through the parser; a rule's fields must be among the names
that come out, by themselves or through the aliases of the mapping. What is not, stands in NEVER_GIVEN with the reason.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dekhang.engine import default_mapping
from dekhang.engine.records import Record
from dekhang.engine.rules import Rule
from dekhang.engine.text import plain_name
from dekhang.pipeline.parse import parse
from dekhang.pipeline.parse.audit_join import joined
from dekhang.pipeline.rulebook import load_rules

SHARED = Path(os.environ.get("DEKHANG_SHARED", Path(__file__).resolve().parents[3] / "shared"))
SIGMA = SHARED / "data/sigma"
RECEIVED = 1_575_943_300_000
FOLDERS = ("rules/linux", "rules/cloud", "rules/identity", "rules/application", "rules/network/zeek",
           "rules/category/antivirus")  # fmt: skip

SYSMON = {"Provider_Name": "Linux-Sysmon", "Channel": "Linux-Sysmon/Operational", "Computer": "may-chu", "User": "root",
          "ProcessGuid": "{1}", "ProcessId": 1, "Image": "/bin/sh"}  # fmt: skip
ENTRA_USER = {"userPrincipalName": "lan", "ipAddress": "192.0.2.7"}
CHANGE = {"displayName": "ConsentContext.IsAdminConsent", "oldValue": None, "newValue": '"False"'}
ZEEK = {"ts": 1_575_943_200.0, "uid": "C1", "id.orig_h": "192.0.2.7", "id.orig_p": 4, "id.resp_h": "192.0.2.8",
        "id.resp_p": 5}  # fmt: skip

SAMPLES: tuple[str | dict[str, Any], ...] = (
    # auditd, as auditd with log_format = ENRICHED writes
    "type=SYSCALL msg=audit(1575943200.1:1): arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=2 "
    'ppid=1 pid=2 auid=0 uid=0 euid=0 ses=1 comm="tar" exe="/bin/tar" key="k"\x1dSYSCALL=execve UID="root"',
    "type=EXECVE msg=audit(1575943200.1:1): argc=8 " + " ".join(f'a{n}="x"' for n in range(8)),
    'type=CWD msg=audit(1575943200.1:1): cwd="/"',
    'type=PATH msg=audit(1575943200.1:1): item=0 name="/bin/tar" inode=1 nametype=CREATE',
    "type=SERVICE_STOP msg=audit(1575943200.1:2): pid=1 uid=0 msg='unit=ufw comm=\"systemd\" exe=\"/x\" res=success'",
    "Dec 10 02:00:00 may-chu sudo: lan : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/id",
    "Dec 10 02:00:00 may-chu sshd[1]: Failed password for root from 192.0.2.7 port 1 ssh2",
    "Dec 10 02:00:00 may-chu CRON[1]: (root) CMD (x)",
    "Dec 10 02:00:00 may-chu systemd[1]: Started x.",
    "Dec 10 02:00:00 may-chu clamd[1]: /x: Eicar-Test FOUND",
    # Sysmon for Linux: names of the Sysmon manual
    {**SYSMON, "EventID": 1, "CommandLine": "x", "CurrentDirectory": "/", "LogonId": 1, "ParentImage": "/bin/sh",
     "ParentCommandLine": "x"},
    {**SYSMON, "EventID": 3, "Initiated": "true", "DestinationIp": "192.0.2.8", "DestinationHostname": "-",
     "DestinationPort": 1, "SourceIp": "192.0.2.7"},
    {**SYSMON, "EventID": 11, "TargetFilename": "/x"},
    # AWS
    {"eventVersion": "1.08", "eventSource": "iam.amazonaws.com", "eventName": "X", "eventTime": "2019-12-10T02:00:00Z",
     "eventType": "AwsApiCall", "errorCode": "X", "errorMessage": "x", "userAgent": "x", "sourceIPAddress": "192.0.2.7",
     "userIdentity": {"type": "IAMUser", "arn": "x", "sessionContext": {"sessionIssuer": {"type": "Role"}}},
     "requestParameters": {"enable": False, "attribute": "x", "layers": ["x"], "userName": "lan",
                           "containerDefinitions": [{"command": ["x"]}]},
     "responseElements": {"publiclyAccessible": True, "ConsoleLogin": "Success", "accessKey": {"userName": "lan"},
                          "pendingModifiedValues": {"masterUserPassword": "****"}},
     "additionalEventData": {"MFAUsed": "No"}},
    # Azure and Entra ID
    {"time": "2019-12-10T02:00:00Z", "resourceId": "/SUBSCRIPTIONS/1", "category": "Administrative",
     "operationName": "MICROSOFT.KEYVAULT/VAULTS/WRITE"},
    {"activityDateTime": "2019-12-10T02:00:00Z", "activityDisplayName": "Update user", "category": "UserManagement",
     "loggedByService": "Core Directory", "result": "success", "resultReason": "x", "initiatedBy": {"user": ENTRA_USER},
     "targetResources": [{"type": "User", "displayName": "x", "modifiedProperties": [CHANGE]}],
     "additionalDetails": [{"key": "additionalInfo", "value": "x"}]},
    {"createdDateTime": "2019-12-10T02:00:00Z", **ENTRA_USER, "clientAppUsed": "x", "conditionalAccessStatus": "success",
     "userAgent": "x", "authenticationRequirement": "singleFactorAuthentication", "resourceDisplayName": "x",
     "riskState": "none", "status": {"errorCode": 0, "failureReason": "x"}, "networkLocationDetails": [],
     "deviceDetail": {"deviceId": "", "trustType": "", "isCompliant": False}, "authenticationProtocol": "ropc",
     "authenticationProcessingDetails": "x"},
    {"riskEventType": "newCountry", "detectedDateTime": "2019-12-10T02:00:00Z"},
    {"riskEventType": "staleSignInAlertIncident", "createdDateTime": "2019-12-10T02:00:00Z"},
    # Microsoft 365
    {"CreationTime": "2019-12-10T02:00:00", "Operation": "Set-Mailbox", "Workload": "Exchange", "ResultStatus": "True",
     "Parameters": [{"Name": "x", "Value": "x"}], "OperationProperties": [{"Name": "x", "Value": "x"}], "ObjectId": "x"},
    {"CreationTime": "2019-12-10T02:00:00", "Operation": "TIMailData", "Workload": "ThreatIntelligence",
     "DeliveryAction": "Blocked", "Directionality": "Inbound"},
    {"CreationTime": "2019-12-10T02:00:00", "Operation": "UserLoggedIn", "Workload": "AzureActiveDirectory",
     "ApplicationId": "x", "ExtendedProperties": [{"Name": "RequestType", "Value": "Cmsi:Cmsi"}]},
    {"CreationTime": "2019-12-10T02:00:00", "Operation": "AlertTriggered", "Workload": "SecurityComplianceCenter",
     "Name": "x", "Data": "{}"},
    # Google
    {"timestamp": "2019-12-10T02:00:00Z", "logName": "projects/p/logs/cloudaudit.googleapis.com%2Factivity",
     "resource": {"type": "x"}, "protoPayload": {"serviceName": "k8s.io", "methodName": "x",
                                                 "authorizationInfo": [{"permission": "x", "granted": True}]}},
    {"timestamp": "2019-12-10T02:00:00Z", "protoPayload": {
        "serviceName": "admin.googleapis.com", "metadata": {"event": [{"eventName": "X", "parameter": [
            {"name": "SETTING_NAME", "value": "x"}, {"name": "NEW_VALUE", "value": "x"}]}]}}},
    {"timestamp": "2019-12-10T02:00:00Z", "protoPayload": {
        "serviceName": "login.googleapis.com", "metadata": {"event": {"eventName": "suspicious_login"}}}},
    # others
    {"@timestamp": 1_575_943_200_000, "action": "org.add_member", "actor": "lan", "org": "tinh"},
    {"published": "2019-12-10T02:00:00Z", "eventType": "x", "legacyEventType": "x", "displayMessage": "x",
     "actor": {"alternateId": "lan"}, "outcome": {"result": "x", "reason": "x"}, "target": [{"displayName": "x"}],
     "securityContext": {"isProxy": False},
     "debugContext": {"debugData": {"requestUri": "/", "behaviors": "x", "logOnlySecurityData": "x"}}},
    {"timestamp": "2019-12-10T02:00:00Z", "auditType": {"action": "x", "category": "x"}},
    {"event_type_id": 1, "account_id": 1, "created_at": "2019-12-10T02:00:00Z"},
    {"event_type": "authentication", "factor": "x", "txid": "1", "reason": "x", "timestamp": 1_575_943_200},
    {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "verb": "create", "requestURI": "/", "userAgent": "x",
     "objectRef": {"resource": "pods", "namespace": "x", "subresource": "x", "apiGroup": "x"},
     "responseStatus": {"code": 403}, "requestReceivedTimestamp": "2019-12-10T02:00:00Z",
     "requestObject": {"spec": {"volumes": [{"hostPath": {"path": "/"}}],
                                "containers": [{"securityContext": {"capabilities": {"add": ["X"]}}}]}}},
    {"logtype": 4002, "node_id": "bay-1", "utc_time": "2019-12-10 02:00:00.000000", "logdata": {}},
    # Zeek: names of its manual
    {**ZEEK, "_path": "dce_rpc", "endpoint": "svcctl", "operation": "x"},
    {**ZEEK, "_path": "dns", "query": "x", "qtype_name": "A", "answers": ["x"], "rejected": False, "Z": 0},
    {**ZEEK, "_path": "http", "method": "GET", "host": "x", "uri": "/", "user_agent": "x", "status_code": 200,
     "request_body_len": 0, "resp_mime_types": ["x"], "client_header_names": ["X"]},
    {**ZEEK, "_path": "kerberos", "request_type": "TGS", "service": "x", "cipher": "x"},
    {**ZEEK, "_path": "rdp", "cookie": "x"},
    {**ZEEK, "_path": "smb_files", "action": "x", "path": "x", "name": "x"},
    {**ZEEK, "_path": "x509", "certificate.serial": "x"},
)  # fmt: skip

# applications whose logs no parser of ours reads: they are lines of the program's own making (or Windows events)
NOT_OURS = {"rpc_firewall", "django", "jvm", "nodejs", "python", "ruby_on_rails", "spring", "sql", "velocity", "guacamole",
            "vsftpd"}  # fmt: skip
NEVER_GIVEN: dict[tuple[str, str], str] = {}


@pytest.fixture(scope="module")
def records() -> list[Record]:
    if not SIGMA.is_dir():
        pytest.skip("needs the Sigma rules: set DEKHANG_SHARED to the folder of the real material")
    texts = [one if isinstance(one, str) else json.dumps(one) for one in SAMPLES]
    events = [parse(text.encode(), source_kind="", received_ms=RECEIVED) for text in texts]
    assert [text for text, event in zip(texts, events, strict=True) if event.kind == "raw"] == []
    return [event.record for event in joined(events)] + [event.record for event in events]


def test_every_field_of_every_rule_is_a_name_that_a_parser_gives(records: list[Record]) -> None:
    mapping = default_mapping()
    names_of: dict[int, set[str]] = {}  # source → names that its records have
    for record in records:
        given = {plain_name(name) for name in record.fields}
        for index in mapping.sources_of(record):
            aliases = {name for name, others in mapping.sources[index].aliases if given & set(others)}
            names_of.setdefault(index, set()).update(given | aliases)
    asked: list[Rule] = [
        rule
        for rule in load_rules([SIGMA / folder for folder in FOLDERS], cache=None).rules
        if rule.correlation is None and not {rule.logsource.product, rule.logsource.service} & NOT_OURS
    ]
    missing: dict[tuple[str, str], str] = {}
    unrouted = set()
    for rule in asked:
        read = [names_of[index] for index in names_of if mapping.sources[index].answers(rule.logsource)]
        if not read:
            unrouted.add(str(rule.logsource))
            continue
        known = set().union(*read)
        missing.update({(str(rule.logsource), name): rule.title for name in rule.fields() if name not in known})

    assert missing == NEVER_GIVEN
    assert unrouted == set()
    assert len(asked) > 500
