"""The quick way of reading many records gives what `parse` gives, of each."""

from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dekhang.pipeline.formats import open_records
from dekhang.pipeline.parse import parse, quick
from dekhang.pipeline.parse.quick import parse_many

RECEIVED = 1_575_943_200_000  # 2019-12-10T02:00:00Z
KINDS = st.sampled_from(["windows", "linux", "web", "suricata", "syslog", ""])


def check(raws: list[bytes], kind: str, received_ms: int = RECEIVED) -> None:
    usual = [parse(raw, source_kind=kind, received_ms=received_ms, scope=3, key=key) for key, raw in enumerate(raws)]
    quickly = parse_many(raws, range(len(raws)), source_kind=kind, received_ms=received_ms, scope=3)
    assert quickly == usual
    for one, other in zip(quickly, usual, strict=True):  # what is stored has the same order and the same types
        assert orjson.dumps(one.record.fields) == orjson.dumps(other.record.fields)


# -- lines of servers ------------------------------------------------------------------------------------------------

BEFORE = st.sampled_from(["", "", "", "", "\x00", " ", "\ufeff", "{", "<", "\xff"])
PRIORITIES = st.sampled_from(["", "<38>", "<86>", "<0>", "<191>", "<192>", "<999>", "<1234>", "<38>1 ", "<\u0663>"])
TIMES = st.sampled_from(
    [
        "Dec 10 02:00:00", "Dec  9 02:00:00", "Jan  1 00:00:00", "Dec 12 02:00:00", "Feb 30 02:00:00", "Abc 10 02:00:00",
        "Dec 10 02:00:00.123", "Dec 10 2019 02:00:00", "Dec 10 02:00:00 2019", "Dec 10 02:00:00:", "Dec 10 25:00:00",
        "2019-12-10T02:00:00+07:00", "Dec 10 02:00", "Dec   10 02:00:00", "",
    ]
)  # fmt: skip
HOSTS = st.sampled_from(
    ["may-chu ", "may-chu ", "192.0.2.7 ", "2001:db8::1 ", "2019 ", "20190 ", "2019: ", "h: ", "a=b ", "a,b ", "[h] ", "máy ", "", " ", "h  ", "h\u00a0x "]
)  # fmt: skip
TAGS = st.sampled_from(
    [
        "sshd[1291]: ", "sshd: ", "sshd[1]:", "sshd[x]: ", "sshd[]: ", "sshd[123456789012]: ", "sshd[\u0661]: ", "sshd ", "sshd",
        "CRON[1]: ", "sudo: ", "su: ", "su[1]: ", "useradd[1]: ", "systemd-logind[1]: ", "chpasswd[1]: ", "polkitd(authority=local): ",
        "(sshd)[1]: ", "/usr/sbin/sshd[1]: ", "openvpn[1]: ", "kernel: ", "audit[1]: ", "systemd[1]: ", "x" * 128 + ": ", "-: ", "",
    ]
)  # fmt: skip
MESSAGES = st.sampled_from(
    [
        "Failed password for invalid user a b from 192.0.2.1 from 192.0.2.9 port 22 ssh2", "Accepted publickey for root from ::1 port 1 ssh2",
        "Failed none for  from 192.0.2.1%eth0 port 1", "Invalid user x from 192.0.2.1", "Connection closed by invalid user x 192.0.2.1 port 2 [preauth]",
        "message repeated 5 times: [ Failed password for root from 192.0.2.1 port 2 ssh2]", "message repeated x times: [ a]",
        "pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)", "pam_unix(cron:session): session closed for user root",
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 rhost=192.0.2.1  user=root", "PAM 2 more authentication failures; rhost=192.0.2.1",
        "session): session opened", "authentication failure", "  lan : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh -c \"[a]\"", "(root) CMD (run [x] \"y\")",
        "new user: name=a, UID=1", "'su root' failed for lan on /dev/pts/0", "+ /dev/pts/0 lan:root", "Server listening on 0.0.0.0 port 22.",
        '{"EventID":1}', "@cee: {}", "<Event>", "type=SYSCALL msg=audit(1575943200.1:2): arch=c000003e syscall=59", "node=a type=EOE msg=audit(1.1:2):",
        "maximum authentication attempts exceeded for invalid user x from 192.0.2.1 port 2", "POSSIBLE BREAK-IN ATTEMPT!", "", " ", "{", "%ASA-6-302013: x",
    ]
)  # fmt: skip
AFTER = st.sampled_from(["", "", "", "\n", "\r\n", "\x00", " \t", "\ufeff", "\xa0", " {"])
LINES = st.builds(
    lambda *parts: "".join(parts).encode("utf-8", "replace"),
    BEFORE, PRIORITIES, TIMES, st.sampled_from([" ", " ", " ", ": ", "  ", ""]), HOSTS, TAGS,
    st.one_of(MESSAGES, st.text(max_size=30), st.builds(lambda a, b: a + b, MESSAGES, st.text(max_size=10))), AFTER,
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=4), KINDS)
def test_of_lines(raws: list[bytes], kind: str) -> None:
    check(raws, kind)


@settings(max_examples=300, deadline=None)
@given(LINES, st.integers(0, 120), st.binary(max_size=3), KINDS)
def test_of_damaged_lines(raw: bytes, at: int, put: bytes, kind: str) -> None:
    check([raw[:at] + put + raw[at + len(put) :], put + raw, raw[:at]], kind)


# -- Windows events --------------------------------------------------------------------------------------------------

VALUES: Any = st.sampled_from(
    ["x", "", "Microsoft-Windows-Sysmon", "Linux-Sysmon", "linux-sysmon", 1, 0, -1, 4624, 1e9, 4.5, True, False, None,
     [], ["a"], [{"a": 1}], [[1]], {}, {"#text": 4624}, "4624", "2019-12-10T02:00:00Z", "2019-12-10T02:00:00", "2031-01-01T00:00:00Z",
     "1575943200", 1575943200, 1575943200.5, "no time", 1 << 70, "\u0000", "é" * 300]
)  # fmt: skip
NAMES = ["EventID", "Channel", "Provider_Name", "Computer", "SourceName", "Hostname", "SystemTime", "EventTime", "TimeCreated",
         "@timestamp", "UtcTime", "Image", "winlog", "Event", "message", "event_type", "Message", "EventRecordID", "_truncated"]  # fmt: skip
USUAL: dict[str, Any] = {
    "EventID": 1, "Channel": "Security", "Provider_Name": "p", "Computer": "pc", "SystemTime": "2019-12-10T01:00:00.5Z"
}  # fmt: skip
DOCUMENTS = st.builds(
    lambda without, more, many: {
        **{name: value for name, value in USUAL.items() if name not in without},
        **more,
        **{f"Field{number}": number for number in range(many)},
    },
    st.sets(st.sampled_from(list(USUAL)), max_size=2),
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4),
    st.sampled_from([0, 0, 0, 0, 600]),
)


@settings(max_examples=600, deadline=None)
@given(st.lists(DOCUMENTS, min_size=1, max_size=4), KINDS, st.sampled_from([0, orjson.OPT_INDENT_2]))
def test_of_documents(documents: list[dict[str, Any]], kind: str, option: int) -> None:
    check([dump(one, option) for one in documents], kind)


def dump(document: dict[str, Any], option: int) -> bytes:
    try:
        return orjson.dumps(document, option=option)
    except TypeError:  # integers that others write
        return str(document).replace("'", '"').replace("None", "null").replace("True", "true").encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"{}", b"{", b'{"EventID":1', b'{"EventID":1,"EventID":{"a":2},"Channel":"x"}', b'{"EventID":1,"Computer":"\\ud800"}',
        b'{"EventID":1,"Channel":"x","Computer":"c","Provider_Name":"p","SystemTime":"2019-12-10T01:00:00Z","a":NaN}', b" {}", b"[]", b"{}\x00",
    ],
)  # fmt: skip
def test_of_what_is_no_document(raw: bytes) -> None:
    for kind in ("windows", "linux", "syslog", ""):
        check([raw, raw + b" ", raw + b"\n"], kind)


def test_of_what_is_longer_than_detection_sees() -> None:
    long = "x" * 40_000
    event = orjson.dumps({**USUAL, "CommandLine": long})
    line = f"Dec 10 02:00:00 may-chu sshd[1]: Failed password for {long} from 192.0.2.1 port 2 ssh2".encode()
    check([event, line, event[:32_768], line[:32_768]], "windows")
    check([event, line, event[:32_768], line[:32_768]], "linux")


# -- what really comes -----------------------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "kind"),
    [("windows/events.jsonl.xz", "windows"), ("linux/auth.log", "linux"), ("linux/audit.log", "linux"),
     ("web/apache_access.log", "web"), ("network/suricata_eve_alerts.jsonl", "suricata")],
)  # fmt: skip
def test_of_real_records(shared: Path, file: str, kind: str) -> None:
    raws = [raw for _, raw in islice(open_records(shared / file), 3_000)]
    for own_kind in (kind, "syslog"):
        check(raws, own_kind, 1_900_000_000_000)


@pytest.mark.shared
@pytest.mark.parametrize(("file", "kind"), [("windows/events.jsonl.xz", "windows"), ("linux/auth.log", "linux")])
def test_most_real_records_go_the_quick_way(
    shared: Path, file: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raws = [raw for _, raw in islice(open_records(shared / file), 3_000)]
    slowly: list[bytes] = []
    monkeypatch.setattr(quick, "parse", lambda raw, **more: slowly.append(raw))
    parse_many(raws, range(len(raws)), source_kind=kind, received_ms=1_900_000_000_000, scope=3)
    assert len(slowly) < 0.1 * len(raws)
