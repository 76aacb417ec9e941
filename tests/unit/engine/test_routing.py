"""Which records a rule's logsource reaches, with the mapping that ships."""

import pytest

from dekhang.engine import Detector, Record, Rule, compile_rules, default_mapping
from dekhang.engine.expressions import Atom, TextTest, ValueTest
from dekhang.engine.reference import matches
from dekhang.engine.rules import Correlation, Limit, Logsource

SYSMON = "Microsoft-Windows-Sysmon/Operational"


def rule(logsource: Logsource, rule_id: str = "r", field: str = "X") -> Rule:
    return Rule(rule_id, "t", "low", "p", logsource=logsource, condition=Atom(field, ValueTest()))


def reached(logsource: Logsource, record: Record) -> bool:
    return matches(rule(logsource), record, default_mapping())


def windows(**fields: object) -> Record:
    return Record({"X": "x", **fields}, product="windows")


@pytest.mark.parametrize(
    ("logsource", "record", "expected"),
    [
        # Windows: channel and event id decide
        (Logsource("windows", "process_creation"), windows(Channel=SYSMON, EventID=1), True),
        (Logsource("windows", "process_creation"), windows(Channel=SYSMON, EventID="1"), True),
        (Logsource("windows", "process_creation"), windows(Channel="Security", EventID=4688), True),
        (Logsource("windows", "process_creation"), windows(Channel="Security", EventID=1), False),
        (Logsource("windows", "process_creation"), windows(Channel=SYSMON, EventID=3), False),
        (Logsource("windows", "process_creation", "sysmon"), windows(Channel="Security", EventID=4688), False),
        (Logsource("", "process_creation"), windows(Channel=SYSMON, EventID=1), True),
        # 26,730 real events carry the channel in lower case
        (Logsource("windows", "", "security"), windows(Channel="security", EventID=4624), True),
        (Logsource("windows", "", "security"), windows(Provider_Name="Microsoft-Windows-Security-Auditing"), True),
        (Logsource("windows", "", "security"), windows(Channel="System", EventID=4624), False),
        (Logsource("windows"), windows(Channel="Anything/At all"), True),
        # registry keys added and deleted come under one event id
        (Logsource("windows", "registry_add"), windows(Channel=SYSMON, EventID=12, EventType="CreateKey"), True),
        (Logsource("windows", "registry_add"), windows(Channel=SYSMON, EventID=12, EventType="DeleteKey"), False),
        (Logsource("windows", "registry_delete"), windows(Channel=SYSMON, EventID=12, EventType="DeleteKey"), True),
        # Linux, web, Suricata, syslog: the parser's facts decide
        (Logsource("windows", "process_creation"), windows(Provider_Name="Microsoft-Windows-Sysmon", EventID=1), True),
        (Logsource("windows", "registry_set"), windows(Channel="Security", EventID=4657), False),
        (
            Logsource("", "antivirus"),
            windows(Channel="Microsoft-Windows-Windows Defender/Operational", EventID=1116),
            True,
        ),
        (
            Logsource("windows", "antivirus"),
            windows(Channel="Microsoft-Windows-Windows Defender/Operational", EventID=1116),
            False,
        ),
        (Logsource("", "database"), windows(Channel="Application", EventID=33205), True),
        (Logsource("rpc_firewall", "application"), windows(Channel="RPCFW", EventID=3), True),
        # accessed files: an ETW provider tells them, and the Security log of audited files
        (Logsource("windows", "file_access"), windows(Provider_Name="Microsoft-Windows-Kernel-File", EventID=12), True),
        (Logsource("windows", "file_access"), windows(Channel="Security", EventID=4663, ObjectType="File"), True),
        (Logsource("windows", "file_access"), windows(Channel="Security", EventID=4663, ObjectType="Key"), False),
        (Logsource("windows", "file_access"), windows(Channel="Security", EventID=4656, ObjectType="File"), False),
        (Logsource("linux", "", "sshd"), Record({"X": 1, "program": "sshd"}, "linux", "auth"), True),
        (Logsource("linux", "", "sshd"), Record({"X": 1, "program": "sudo"}, "linux", "auth"), False),
        (Logsource("linux", "", "auth"), Record({"X": 1, "program": "sudo"}, "linux", "auth"), True),
        (Logsource("linux"), Record({"X": 1}, "linux", "auditd"), True),
        (Logsource("linux"), Record({"X": 1}, category="syslog"), True),
        (Logsource("linux", "", "auditd"), Record({"X": 1}, "linux", "auth"), False),
        (Logsource("", "webserver"), Record({"X": 1}, "nginx", "access", "webserver"), True),
        (Logsource("apache", "webserver"), Record({"X": 1}, "nginx", "access", "webserver"), False),
        (Logsource("", "", "nginx"), Record({"X": 1}, "nginx", "access", "webserver"), True),
        (Logsource("suricata"), Record({"X": 1}, "suricata", "alert", "ids"), True),
        (Logsource("suricata", "", "http"), Record({"X": 1}, "suricata", "alert", "ids"), False),
        (Logsource("linux"), Record({"X": 1}), False),
        # Sysmon for Linux says by its event id what it saw; auditd tells the same of machines without it
        (Logsource("linux", "process_creation"), Record({"X": 1, "EventID": 1}, "linux", "sysmon"), True),
        (Logsource("linux", "process_creation"), Record({"X": 1, "EventID": 3}, "linux", "sysmon"), False),
        (
            Logsource("linux", "process_creation"),
            Record({"X": 1, "type": ["SYSCALL", "EXECVE"]}, "linux", "auditd"),
            True,
        ),
        (Logsource("linux", "process_creation"), Record({"X": 1, "type": "SYSCALL"}, "linux", "auditd"), False),
        (Logsource("windows", "process_creation"), Record({"X": 1, "EventID": 1}, "linux", "sysmon"), False),
        # a product that a device says itself, a category that any vendor's device has
        (Logsource("", "firewall"), Record({"X": 1}, "fortigate", "traffic", "firewall"), True),
        (Logsource("fortigate", "", "event"), Record({"X": 1}, "fortigate", "event", "firewall"), True),
        (Logsource("fortigate", "", "event"), Record({"X": 1}, "fortigate", "traffic", "firewall"), False),
        (Logsource("", "dns"), Record({"X": 1}, "bind", "query", "dns"), True),
        (Logsource("", "dns"), Record({"X": 1}, "zeek", "dns"), True),
        (Logsource("", "dns"), Record({"X": 1}, "zeek", "conn"), False),
        (Logsource("", "proxy"), Record({"X": 1}, "squid", "access", "proxy"), True),
        (Logsource("", "webserver"), Record({"X": 1}, "squid", "access", "proxy"), False),
        (Logsource("zeek", "", "smb_files"), Record({"X": 1}, "zeek", "smb_files"), True),
        (Logsource("aws", "", "cloudtrail"), Record({"X": 1}, "aws", "cloudtrail"), True),
        (Logsource("azure", "", "signinlogs"), Record({"X": 1}, "azure", "auditlogs"), False),
        (
            Logsource("m365", "", "threat_management"),
            Record({"X": 1, "Workload": "SecurityComplianceCenter"}, "m365", "audit"),
            True,
        ),
        (Logsource("m365", "", "threat_management"), Record({"X": 1, "Workload": "Exchange"}, "m365", "audit"), False),
        # commands typed on a Cisco device, not all of its traffic
        (
            Logsource("cisco", "", "aaa"),
            Record({"X": 1, "message": "%PARSER-5-CFGLOG_LOGGEDCMD: User:an"}, category="syslog"),
            True,
        ),
        (
            Logsource("cisco", "", "aaa"),
            Record({"X": 1, "message": "%ASA-5-111008: User 'an'"}, "cisco", "asa", "firewall"),
            True,
        ),
        (
            Logsource("cisco", "", "aaa"),
            Record({"X": 1, "message": "%ASA-4-106023: Deny tcp"}, "cisco", "asa", "firewall"),
            False,
        ),
        # logs that no parser knows: only those, and only where a condition tells them
        (Logsource("django", "application"), Record({"X": 1}), True),
        (Logsource("django", "application"), Record({"X": 1}, "aws", "cloudtrail"), False),
        (Logsource("", "database"), Record({"X": 1, "message": "2026-01-05 LOG:  statement: DROP TABLE x"}), True),
        (Logsource("", "database"), Record({"X": 1, "message": "please drop me a line"}), False),
        (
            Logsource("", "database"),
            Record({"X": 1, "message": "LOG:  statement: DROP TABLE x"}, category="syslog"),
            True,
        ),
        (Logsource("linux", "", "vsftpd"), Record({"X": 1, "program": "vsftpd"}, "linux", "auth"), True),
        (Logsource("checkpoint"), Record({"X": 1}, "checkpoint", "", "firewall"), True),
        (Logsource("kubernetes", "application", "audit"), Record({"X": 1}, "kubernetes", "audit", "application"), True),
    ],
)
def test_a_rule_reaches_the_records_of_its_logsource(logsource: Logsource, record: Record, expected: bool) -> None:
    assert reached(logsource, record) is expected


def test_a_security_4688_process_is_an_image() -> None:
    image = Rule("r", "t", "low", "p", logsource=Logsource("windows", "process_creation"),
                 condition=Atom("Image", TextTest("endswith", "\\cmd.exe")))  # fmt: skip
    record = windows(Channel="Security", EventID=4688, NewProcessName="C:\\Windows\\CMD.exe")
    (match,) = Detector(compile_rules([image], default_mapping())).process([record])
    assert match.fields == {"NewProcessName": "C:\\Windows\\CMD.exe"}


def test_a_logsource_that_nothing_answers_is_reported_not_dropped() -> None:
    ruleset = compile_rules([rule(Logsource("solaris", "", "audit"))], default_mapping())
    (skipped,) = ruleset.skipped
    assert ruleset.rules == ()
    assert "solaris" in skipped.reason and "--mapping" in skipped.reason and skipped.rule_id == "r"


def test_a_logsource_that_is_known_to_be_out_of_reach_says_why() -> None:
    (skipped,) = compile_rules([rule(Logsource("macos", "process_creation"))], default_mapping()).skipped
    assert "macOS" in skipped.reason and "--mapping" not in skipped.reason


def test_a_correlation_without_its_supplier_is_reported() -> None:
    lonely = Rule("c", "t", "low", "p", correlation=Correlation("event_count", ("gone",), 1000, (Limit("gte", 2),)))
    (skipped,) = compile_rules([lonely], default_mapping()).skipped
    assert "gone" in skipped.reason


def test_correlations_in_a_circle_are_reported() -> None:
    circle = [
        Rule(one, "t", "low", "p", correlation=Correlation("event_count", (other,), 1000, (Limit("gte", 2),)))
        for one, other in (("a", "b"), ("b", "a"))
    ]
    ruleset = compile_rules(circle, default_mapping())
    assert ruleset.rules == () and len(ruleset.skipped) == 2
