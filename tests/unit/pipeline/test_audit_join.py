"""The lines of one audit event are judged as one event: nothing twice, nothing lost, what rules combine is together."""

import json
import os
from pathlib import Path

import pytest

from dekhang.pipeline.parse import ParsedEvent, parse
from dekhang.pipeline.parse.audit_join import RECORDS_HELD, RECORDS_PER_EVENT, Joiner, joined, union

SHARED = Path(os.environ.get("DEKHANG_SHARED", Path(__file__).resolve().parents[4] / "shared"))
needs_shared = pytest.mark.skipif(
    not (SHARED / "data").is_dir(), reason="needs the real material: set DEKHANG_SHARED to its folder"
)
RECEIVED = 1_575_943_300_000

CURL = (
    "type=SYSCALL msg=audit(1575943200.123:42): arch=c000003e syscall=59 success=yes exit=0 a0=55df1048ec88 a1=1 a2=2 "
    'items=2 ppid=7 pid=8 auid=1000 uid=33 euid=33 comm="sh" exe="/usr/bin/dash" key="web"\x1dARCH=x86_64 '
    'SYSCALL=execve AUID="quantri" UID="www-data"',
    'type=EXECVE msg=audit(1575943200.123:42): argc=3 a0="sh" a1="-c" a2=6375726C20687474703A2F2F78',
    'type=CWD msg=audit(1575943200.123:42): cwd="/var/www"',
    'type=PATH msg=audit(1575943200.123:42): item=0 name="/bin/sh" inode=5 nametype=NORMAL',
    'type=PATH msg=audit(1575943200.123:42): item=1 name="/lib64/ld-linux-x86-64.so.2" inode=6 nametype=NORMAL',
    "type=PROCTITLE msg=audit(1575943200.123:42): proctitle=7368002D63006375726C20687474703A2F2F78",
)
OPENED = (
    'type=SYSCALL msg=audit(1575943200.123:43): arch=c000003e syscall=257 success=yes a0=ffffff9c pid=9 exe="/bin/cat"',
    'type=PATH msg=audit(1575943200.123:43): item=0 name="/etc/shadow" nametype=NORMAL',
)


def read(lines: tuple[str, ...] | list[str], *, first_key: int = 0) -> list[ParsedEvent]:
    return [
        parse(line.encode(), source_kind="linux", received_ms=RECEIVED, key=first_key + number)
        for number, line in enumerate(lines)
    ]


def test_the_joined_event_has_the_fields_of_all_its_records() -> None:
    (event,) = joined(read(CURL, first_key=70))

    fields = event.record.fields
    assert fields["type"] == ["SYSCALL", "EXECVE", "CWD", "PATH", "PROCTITLE"]
    assert (fields["exe"], fields["cwd"], fields["SYSCALL"], fields["UID"]) == (
        "/usr/bin/dash", "/var/www", "execve", "www-data",
    )  # fmt: skip
    assert fields["name"] == ["/bin/sh", "/lib64/ld-linux-x86-64.so.2"]
    assert fields["command"] == "sh -c curl http://x"
    assert fields["message"].count("\n") == 5
    assert (event.record.key, event.kind, event.record.service) == (70, "linux_auditd", "auditd")


def test_the_words_of_execve_stand_before_the_numbers_of_syscall() -> None:
    (event,) = joined(read(CURL))

    assert [event.record.fields[name] for name in ("a0", "a1", "a2")] == [
        ["sh", "55df1048ec88"], ["-c", "1"], ["curl http://x", "2"],
    ]  # fmt: skip


def test_records_out_of_the_journal_are_joined_by_the_number_beside_them() -> None:
    beside = {
        "_AUDIT_ID": "42", "SYSLOG_IDENTIFIER": "audit", "_HOSTNAME": "may-chu", "_TRANSPORT": "audit",
        "_SOURCE_REALTIME_TIMESTAMP": "1575943200123000", "__REALTIME_TIMESTAMP": "1575943200999000",
    }  # fmt: skip
    lines = [
        json.dumps({**beside, "MESSAGE": 'SYSCALL arch=c000003e syscall=59 exe="/usr/bin/curl"'}),
        json.dumps({**beside, "MESSAGE": 'EXECVE argc=2 a0="curl" a1="http://x"'}),
    ]

    (event,) = joined(read(lines))

    assert (event.record.fields["SYSCALL"], event.record.fields["command"]) == ("execve", "curl http://x")
    assert (event.time_ms, event.host) == (1_575_943_200_123, "may-chu")


def test_lines_of_two_events_that_alternate_are_told_apart() -> None:
    lines = [CURL[0], OPENED[0], CURL[1], OPENED[1], *CURL[2:]]

    events = list(joined(read(lines)))

    assert [(event.record.key, event.record.fields["serial"]) for event in events] == [(0, 42), (1, 43)]
    assert events[1].record.fields["name"] == "/etc/shadow"


def test_other_lines_pass_and_a_single_record_is_itself() -> None:
    lines = [
        "Dec 10 02:00:00 may-chu sshd[1]: Failed password for root from 192.0.2.7 port 1 ssh2",
        "type=USER_LOGIN msg=audit(1575943200.000:1): pid=7 uid=0 msg='op=login acct=\"x\" res=failed'",
    ]
    events = read(lines)

    assert list(map(id, joined(events))) == list(map(id, events))


def test_an_event_ends_with_eoe_or_when_time_moves_on() -> None:
    joiner = Joiner()
    first, second, end, later, much_later = read(
        [
            CURL[0],
            CURL[1],
            "type=EOE msg=audit(1575943200.123:42): ",
            OPENED[0],
            'type=CWD msg=audit(1575943203.000:44): cwd="/"',
        ]
    )

    assert joiner.feed(first) == joiner.feed(second) == []
    assert [event.record.fields["serial"] for event in joiner.feed(end)] == [42]
    assert joiner.feed(later) == []
    assert [event.record.fields["serial"] for event in joiner.feed(much_later)] == [43]
    assert [event.record.fields["serial"] for event in joiner.flush()] == [44]


def test_same_serials_of_other_sources_units_and_machines_stay_apart() -> None:
    joiner = Joiner()
    events = [
        parse(CURL[0].encode(), source_kind="", received_ms=RECEIVED, scope=1),
        parse(CURL[1].encode(), source_kind="", received_ms=RECEIVED, scope=2),
        parse(b"node=a " + CURL[2].encode(), source_kind="", received_ms=RECEIVED, scope=1),
        parse(b"Dec 10 02:00:00 b audispd: " + CURL[3].encode(), source_kind="", received_ms=RECEIVED, scope=1),
    ]
    assert not any(joiner.feed(event, source=1) for event in events)
    assert joiner.feed(events[0], source=2) == []

    assert len(joiner.flush()) == 5


def test_a_command_in_several_records_is_whole() -> None:
    (event,) = joined(
        read(
            [
                'type=EXECVE msg=audit(1575943200.123:42): argc=4 a0="tar" a1="-c" a2_len=6 a2[0]="/et"',
                'type=EXECVE msg=audit(1575943200.123:42): a2[1]="c/x" a3="y"',
            ]
        )
    )

    assert event.record.fields["command"] == "tar -c /etc/x y"
    assert event.record.fields["a2"] == "/etc/x"


def test_memory_is_bounded_whatever_an_attacker_sends() -> None:
    joiner = Joiner()
    done = 0
    lines = (f'type=CWD msg=audit(1575943200.123:{number}): cwd="/"' for number in range(RECORDS_HELD + 100))
    for line in lines:
        (event,) = read([line])
        done += len(joiner.feed(event))
    assert done == 100
    many = read([f'type=PATH msg=audit(1575943200.123:42): name="/{number}"' for number in range(RECORDS_PER_EVENT)])
    assert len(union(many).record.fields["name"]) == RECORDS_PER_EVENT


def test_raw_logs_get_the_name_of_the_call() -> None:
    socket, personality, other, enriched = read(
        [
            'type=SYSCALL msg=audit(1575943200.1:1): arch=c000003e syscall=41 a0=26 exe="/tmp/x"',
            "type=SYSCALL msg=audit(1575943200.1:2): arch=c00000b7 syscall=92 a0=40000",
            "type=SYSCALL msg=audit(1575943200.1:3): arch=deadbeef syscall=41",
            "type=SYSCALL msg=audit(1575943200.1:4): arch=c000003e syscall=59\x1dSYSCALL=execve",
        ]
    )

    assert [event.record.fields.get("SYSCALL") for event in (socket, personality, other, enriched)] == [
        "socket", "personality", None, "execve",
    ]  # fmt: skip


def test_several_keys_are_a_list() -> None:
    (event,) = read(["type=SYSCALL msg=audit(1575943200.1:1): arch=c000003e syscall=2 key=61646D696E01726F6F74"])

    assert event.record.fields["key"] == ["admin", "root"]
