"""The attack of test_sieve_bounds.py, a program of its own: `sieve_attack.py <folder of real material>`."""

import json
import lzma
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numba.core import config

from dekhang.engine import Detector, Limits, Record, Rule, RuleSet, compile_rules, default_mapping
from dekhang.engine.expressions import (
    And,
    Atom,
    CidrTest,
    ExistsTest,
    Expression,
    FieldTest,
    Not,
    NumberTest,
    Or,
    RegexTest,
    TextTest,
    ValueTest,
    Wild,
    WildcardTest,
)
from dekhang.engine.reference import matches
from dekhang.engine.rules import Logsource
from dekhang.engine.sieve import paths, routing
from dekhang.engine.sieve.reading import is_number
from dekhang.pipeline.formats import open_records
from dekhang.pipeline.parse import parse
from dekhang.pipeline.parse.windows_shape import windows_shape

MAPPING = default_mapping()
SECONDS_A_STORY = 30  # of processor time; each takes about two
CHANCE = random.Random(2019)


def rules_of_every_kind() -> RuleSet:
    texts = ["evil", "cmd.exe", "powershell", "\\Windows\\", "đ", "7", "/c", "a" * 12, "", '"', "\\\\", "e" * 40, "É"]
    tests = [
        *(TextTest(how, text.lower()) for how in ("equals", "contains", "startswith", "endswith") for text in texts),
        *(TextTest("contains", text, True) for text in ("Evil", "É", "\u0301")),
        WildcardTest((Wild.MANY, "system32", Wild.MANY, ".exe")),
        WildcardTest(("e", Wild.ONE, "il")),
        RegexTest("(?i)power.*shell"),
        RegexTest("[a-f]{4}\\\\"),
        NumberTest("gte", 7),
        CidrTest("192.0.2.0/24"),
        ExistsTest(),
        ValueTest(),
        FieldTest("equals", "ParentImage"),
    ]
    conditions: list[Expression] = []
    for test in tests:
        for name in ("CommandLine", "Image"):
            conditions += [Atom(name, test), And((Atom("EventID", ValueTest()), Not(Atom(name, test))))]
        if not isinstance(test, (ExistsTest, ValueTest, FieldTest)):
            conditions.append(Or((Atom("Provider_Name", test), Atom(None, test))))
    return compile_rules(
        [
            Rule(id=str(number), title="t", level="low", path="p", logsource=Logsource("windows"), condition=condition)
            for number, condition in enumerate(conditions)
        ],
        MAPPING,
    )


RULES = rules_of_every_kind()


def expected_of(records: Sequence[Record], ruleset: RuleSet) -> set[tuple[int, str]]:
    return {
        (index, rule.id)
        for index, record in enumerate(records)
        for rule in ruleset.rules
        if matches(rule, record, MAPPING)
    }


def check_lines(detector: Detector, lines: Sequence[bytes], gap: bytes = b"\n") -> None:
    records = [parse(line, source_kind="", received_ms=1_700_000_000_000).record for line in lines]
    sizes = np.array([len(line) for line in lines], np.int64)
    ends = np.cumsum(sizes + len(gap)) - len(gap)
    told = detector.process_lines(gap.join(lines), ends - sizes, ends, windows_shape, records.__getitem__)
    found = {(match.index, match.rule.id) for match in told}
    expected = expected_of(records, detector.ruleset)
    assert found == expected, [(lines[index][:300], rule) for index, rule in sorted(found ^ expected)[:3]]
    check_records(detector, records)


def check_records(detector: Detector, records: Sequence[Record]) -> None:
    found = {(match.index, match.rule.id) for match in detector.process(records)}
    expected = expected_of(records, detector.ruleset)
    assert found == expected, sorted(found ^ expected)[:5]


def mutated(line: bytes) -> bytes:
    for _ in range(CHANCE.choice((1, 1, 1, 2, 5))):
        at, size = CHANCE.randrange(len(line) + 1), CHANCE.choice((1, 1, 2, 9, 40))
        head, piece, tail = line[:at], line[at : at + size], line[at + size :]
        flipped = bytes([piece[0] ^ 1 << CHANCE.randrange(8)]) + piece[1:] if piece else b""
        scrap = CHANCE.choice((*SCRAPS, CHANCE.randbytes(size)))
        line = CHANCE.choice(
            (
                head,
                tail,
                head + tail,
                head + piece * 2 + tail,
                head + flipped + tail,
                head + scrap + piece + tail,
                line.replace(b'":"', b'":' + scrap + b',"x":"', 1),
            )
        )
    return line.replace(b"\n", b"") or b" "


SCRAPS = (
    b'"', b"\\", b"\\u", b"\\ud800", b"\\u00", b"{", b"}", b"[", b"]", b"[[", b",", b":", b"null", b"true", b"tru", b"-",
    b"1e999", b"0", b"\0", b"\x1f", b"\xc3", b"\xe1\xbb", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\xef\xbb\xbf",
    "\u1ec7\u0110\u0301".encode(), b"evil", b"9" * 30, b'"EventID":', b'"Channel":"Security",',
)  # fmt: skip


def real_lines(shared: Path) -> list[bytes]:
    with lzma.open(shared / "windows" / "events.jsonl.xz") as file:
        return [line.rstrip(b"\n") for number, line in zip(range(3_000), file, strict=False) if number % 20 == 0]


def evtx_lines(shared: Path) -> list[bytes]:
    found: list[bytes] = []
    for path in sorted((shared / "windows" / "evtx").glob("*.evtx"))[:8]:
        for chunk in open_records(path).chunks():
            found += list(chunk.records())[:12]
    return found


def crafted(value: bytes = b'"evil"', **more: object) -> bytes:
    document = {"EventID": 1, "Channel": "Security", **more}
    return json.dumps(document).encode()[:-1] + b', "CommandLine": ' + value + b"}"


def attack_mutated(lines: list[bytes]) -> None:
    detector = Detector(RULES)
    batch = [mutated(CHANCE.choice(lines)) for _ in range(160)]
    check_lines(detector, batch)
    check_lines(detector, batch[80:], gap=b"")
    for line in lines[:2]:  # cut at every place, each cut at the very end of the buffer
        for at in range(1, len(line), 17):
            check_lines(detector, [line[:at]])


def attack_crafted() -> None:
    values = [
        b"1" * 5_000, b"-", b"1.", b"1e", b"00", b"-0", b"18446744073709551616", b"9" * 400, b"[" * 3_000, b"[[1]]",
        b"[1,]", b"[,1]", b"[]", b"[ ]", b"{}", b'{"a":' * 40, b'"', b'"\\', b'"\\u12', b'"\\u12"', b'"\\q"', b"tru",
        b'"' + b"\\\\" * 7_000 + b'"', b'"' + b'\\"' * 7_000 + b'"', b'"' + b"evil" * 4_000 + b'"', b"nul", b"NaN",
        b'"' + b"\\u0065" * 5_000 + b'"', b'"' + "\u1ec7".encode() * 9_000 + b'"', b'"\xc3"', b'"\xff\xfe"', b"-Infinity",
        b'"' + "\u023a".encode() * 9_000 + b'"', b'"' + b"a" * 1_000_000 + b'"', b'"' + b"\xed\xa0\x80" + b'"',
        b'["evil"' + b',"x"' * 2_000 + b"]", b'["x",null,true,1.5,"evil"]', b"[" + b"1," * 9_000 + b"1]",
    ]  # fmt: skip
    lines = [crafted(value) for value in values]
    lines += [crafted() + tail for tail in (b"\0", b"x", b"{}", b"  ", b"\x0b")]
    lines += [head + crafted() for head in (b"\0", b" ", b"\xef\xbb\xbf", b"[", b"\t")]
    lines += [
        crafted(**{"n" * 900: 1}),
        crafted(**{"n" * 1_100: 1}),
        crafted(**{"n" * 30_000: 1}),
        crafted(**{"": "evil"}),
    ]
    lines += [
        crafted(b'"x","CommandLine":"evil"'),
        crafted(b'"evil","C\\u006fmmandLine":"x"'),
        b"{",
        b"{}",
        b" ",
        b"\0",
    ]
    lines.append(b'{"EventID":1,"Channel":"Security",' + b",".join(b'"k%d":1' % key for key in range(100_000)) + b"}")
    lines.append(b'{"EventID":1,"Channel":"Security","' + b"n" * 3_000_000 + b'":"evil"}')
    lines.append(b'{"Event":{"System":' + b'{"a":' * 30 + b"1" + b"}" * 32)
    detector = Detector(RULES)
    for line in lines:
        check_lines(detector, [line])
    check_lines(detector, lines[:-3], gap=b"")
    check_lines(detector, [])


def attack_records() -> None:
    strange: list[dict] = [
        {},
        {"CommandLine": None, "Image": []},
        {"CommandLine": [["evil"], [], None, ["x", ("y",)]]},
        {"CommandLine": float("nan"), "Image": [float("inf")]},
        {"CommandLine": 10**5_000, "Image": -(10**30)},
        {"CommandLine": "\ud800evil", 'na"me\n': "evil", "\ud800": "evil", "_\ud800": "evil"},
        {"CommandLine": {"a": "evil"}, "Image": b"evil", "x": object()},
        {"CommandLine": ["x"] * 5_000 + ["evil"]},
        {f"f{number}": number for number in range(20_000)} | {"Command Line": "evil"},
        {"n" * 3_000_000: "evil"},
        {"CommandLine": "evil" * 300_000},
    ]
    detector = Detector(RULES)
    for fields in strange:
        check_records(detector, [Record({"Channel": "Security", "EventID": 1, **fields}, product="windows")])
    check_records(detector, [Record(fields, product="windows") for fields in strange])
    few = Detector(compile_rules([*RULES.rules[:6], *RULES.rules[-2:]], MAPPING))
    fields = {f"f{number}": ["evil", "x"] * 500 for number in range(150)}  # more values than the sieve has room for
    check_records(few, [Record(fields | {"CommandLine": "evil"}, product="windows")])


def attack_names() -> None:
    kept = paths.PATHS_MAX, paths.NAMES_BYTES, paths.CREDIT_MAX
    paths.PATHS_MAX, paths.NAMES_BYTES, paths.CREDIT_MAX = 64, 2_000, 600
    try:
        detector = Detector(RULES)
        lines = [crafted(**{f"name{number}_{key}": "evil" for key in range(9)}) for number in range(150)]
        check_lines(detector, lines)
        nested = [
            json.dumps(
                {
                    "Event": {
                        "System": {
                            "Provider": {"#attributes": {"Name": "p"}},
                            "EventID": 1,
                            "Channel": "Security",
                            "Computer": "c",
                        },
                        "EventData": {"CommandLine": "evil", **{f"name{number}_{key}": "evil" for key in range(7)}},
                    }
                }
            ).encode()
            for number in range(60)
        ]
        check_lines(detector, nested + lines[:20] + nested)
    finally:
        paths.PATHS_MAX, paths.NAMES_BYTES, paths.CREDIT_MAX = kept


def attack_channels() -> None:
    kept = routing.ROUTES_REMEMBERED, routing.TEXT_BYTES
    routing.ROUTES_REMEMBERED, routing.TEXT_BYTES = 32, 40_000
    try:
        lines = [crafted(Channel=f"c{number}", EventID=number) for number in range(100)]
        lines += [
            crafted(Channel="x" * 30_000),
            crafted(Channel=""),
            crafted(Channel="\u1ec7"),
            crafted(Channel="\ud800"),
        ]
        lines += [crafted(EventID=10**number) for number in range(25)]
        check_lines(Detector(RULES), lines * 2)
    finally:
        routing.ROUTES_REMEMBERED, routing.TEXT_BYTES = kept


def attack_limits(lines: list[bytes]) -> None:
    for values in (1, 2, 16):
        for value_bytes in (0, 15, 16, 17, 100, 4_000):
            limits = Limits(values, value_bytes, CHANCE.choice((None, 0, 1, 3)), CHANCE.choice((0, 3, 600)))
            check_lines(Detector(RULES, limits=limits), [crafted(), crafted(b'""'), *lines[:4], crafted()])


def attack_room(lines: list[bytes]) -> None:
    detector = Detector(RULES)
    sieve = detector.finder._sieve
    room = len(sieve._code.programs.starts) + 3
    sieve._hit_lines, sieve._hit_programs = np.zeros(room, np.int32), np.zeros(room, np.int32)
    check_lines(detector, lines[:60])


def main(shared: Path) -> None:
    print("checks:", "on" if config.BOUNDSCHECK and checked() else "off")
    lines, evtx = real_lines(shared), evtx_lines(shared)
    stories: dict[str, Callable[[], None]] = {
        "mutated real lines": lambda: attack_mutated(lines),
        "mutated EVTX lines": lambda: attack_mutated(evtx),
        "crafted lines": attack_crafted,
        "records no parser makes": attack_records,
        "names without end": attack_names,
        "channels without end": attack_channels,
        "tiny limits": lambda: attack_limits(lines),
        "candidates without room": lambda: attack_room(lines),
    }
    check_lines(Detector(RULES), lines[:3])  # compiles
    for story, attack in stories.items():
        began = time.process_time()
        attack()
        seconds = time.process_time() - began
        assert seconds < SECONDS_A_STORY, f"{story}: {seconds:.0f} s"
        print(f"{story}: as the reference ({seconds:.1f} s)", flush=True)


def checked() -> bool:
    """Return whether reading behind an array is noticed at all."""
    try:
        is_number(np.frombuffer(b"11", np.uint8), 0, 9)
    except IndexError:
        return True
    return False


if __name__ == "__main__":
    main(Path(sys.argv[1]))
