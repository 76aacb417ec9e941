"""The lake as evidence: every change is a link, what is not as it was written is named; what has been kept long enough goes."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from dekhang.cli import main
from dekhang.pipeline import wallclock
from dekhang.pipeline.lakewrite import empty_garbage, remove_orphans
from dekhang.pipeline.lakewrite import keeper as keeper_module
from dekhang.pipeline.lakewrite.expire import candidates, expire, outlook
from dekhang.pipeline.lakewrite.keeper import Keeper
from dekhang.pipeline.lakewrite.verify import Anchor, Report, verify
from dekhang.pipeline.stores import lakechain, retention
from dekhang.pipeline.stores.lake import Lake
from dekhang.pipeline.stores.lake.pieces import index_path
from dekhang.pipeline.stores.ledger import Balance, balance
from dekhang.pipeline.stores.retention import Hold, Keeping, Policy
from tests.postgres import Keep
from tests.unit.pipeline.test_lake_write import DAY, NOON, Writer

POLICY = Policy(default_days=366, sources=(Keeping(10, 31), Keeping(20, 92)))


@pytest.fixture
def writer(tmp_path: Path, keep_records: Keep) -> Iterator[Writer]:
    keep_records(tmp_path)
    made = Writer(tmp_path)
    yield made
    made.connection.close()


@pytest.fixture
def on_one_machine(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(tmp_path)
    yield made
    made.connection.close()


def checked(writer: Writer, **more: Any) -> Report:
    return verify(writer.files, writer.connection, **more)


def filled(writer: Writer, days: int = 1) -> None:
    """Three segments a day, merged into one."""
    for day in range(days):
        for _ in range(3):
            writer.write(12, at_ms=NOON + day * DAY)
            writer.flush()
        while writer.merge():
            pass


def only_path(writer: Writer) -> str:
    ((path,),) = writer.connection.execute("SELECT path FROM segments")
    return str(path)


def sentences(report: Report) -> list[str]:
    return [fault.text for fault in report.faults]


def test_a_lake_that_nobody_touched_is_whole_before_and_after_merges(writer: Writer) -> None:
    for _ in range(3):
        writer.write(12)
        writer.flush()
    assert sentences(checked(writer, with_rows=True)) == []
    writer.merge()

    report = checked(writer, with_rows=True)
    assert sentences(report) == []
    assert (report.days, report.links, report.files) == (1, 4, 2)
    kinds = [
        orjson.loads(body)["kind"] for (body,) in writer.connection.execute("SELECT body FROM lake_chain ORDER BY id")
    ]
    assert kinds == ["add", "add", "add", "merge"]


def damage(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


def forget(writer: Writer, day: str) -> None:
    """Take a day's segments out of the manifest as a thief would."""
    writer.connection.execute(
        "DELETE FROM segment_writers WHERE segment_id IN (SELECT id FROM segments WHERE day LIKE ?)", (day,)
    )
    writer.connection.execute("DELETE FROM segments WHERE day LIKE ?", (day,))


def forge(writer: Writer, number: int, change: Any) -> None:
    """Rewrite a link's body, but not its hash."""
    (body,) = writer.connection.execute("SELECT body FROM lake_chain WHERE number = ?", (number,)).fetchone()
    facts = orjson.loads(body)
    change(facts)
    writer.connection.execute(
        "UPDATE lake_chain SET body = ? WHERE number = ?",
        (orjson.dumps(facts, option=orjson.OPT_SORT_KEYS).decode(), number),
    )


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda w: damage(w.data / "lake" / only_path(w)), "đã bị thay đổi"),
        (lambda w: damage(w.data / "lake" / index_path(only_path(w))), ".index đã bị thay đổi"),
        (lambda w: (w.data / "lake" / only_path(w)).unlink(), "không còn trong kho"),
        (lambda w: w.connection.execute("DELETE FROM lake_chain WHERE number = 2"), "thiếu mắt xích từ số 2 đến số 2"),
        (lambda w: w.connection.execute("DELETE FROM lake_chain WHERE number = 4"), "không mắt xích nào ghi nó vào"),
        (lambda w: forget(w, "%"), "không có mắt xích nào gỡ nó ra"),
        (lambda w: w.connection.execute("UPDATE segments SET rows = rows - 1"), "khác với mắt xích đã ghi"),
        (lambda w: forge(w, 1, lambda link: link["files"][0].update(rows=1)), "mã băm không khớp"),
        (lambda w: forge(w, 4, lambda link: link["files"][0].update(rows=1)), "số dòng trước và sau không bằng nhau"),
        (lambda w: forge(w, 4, lambda link: link["files"][0].update(content="0" * 64)), "không phải là một"),
        (lambda w: forge(w, 4, lambda link: link["replaces"][0].update(sha256="0" * 64)), "trước đó không có tệp ấy"),
        (
            lambda w: w.connection.execute("UPDATE lake_chain SET previous = ? WHERE number = 3", ("f" * 64,)),
            "không nối với mắt xích trước",
        ),
        (lambda w: w.connection.execute("UPDATE lake_chain SET body = '{' WHERE number = 2"), "không đọc được"),
        (lambda w: forge(w, 4, lambda link: link.pop("files")), "không đọc được"),
        (lambda w: forge(w, 4, lambda link: link["files"][0].pop("rows")), "không đọc được"),
    ],
)  # fmt: skip
def test_whatever_is_changed_is_named(writer: Writer, spoil: Any, said: str) -> None:
    filled(writer)
    spoil(writer)

    assert any(said in text for text in sentences(checked(writer))), sentences(checked(writer))


def test_a_file_that_nothing_names_is_told_once_it_is_old(writer: Writer) -> None:
    import os

    filled(writer)
    planted = writer.data / "lake" / "day=2019-12-10" / "planted.parquet"
    planted.write_bytes(b"x")
    assert sentences(checked(writer)) == []
    os.utime(planted, (0, 0))

    assert ["planted.parquet nằm trong kho" in text for text in sentences(checked(writer))] == [True]
    assert sentences(checked(writer, day="2019-12-10")) == []


def test_a_chain_rewritten_as_a_whole_is_found_by_its_anchor(writer: Writer) -> None:
    filled(writer, days=2)
    heads = lakechain.heads(writer.data)
    assert [(head.day, head.number) for head in heads] == [("2019-12-10", 4), ("2019-12-11", 4)]
    anchors = [Anchor(head.day, head.number, head.hash) for head in heads]
    assert sentences(checked(writer, anchors=anchors)) == []
    writer.connection.execute("DELETE FROM lake_chain WHERE day = '2019-12-11'")
    forget(writer, "2019-12-11")
    assert sentences(checked(writer)) == []  # nothing else would tell

    assert sentences(checked(writer, anchors=anchors)) == [
        "Ngày 2019-12-11: nhật ký kiểm toán đã neo chuỗi này, nay không còn mắt xích nào."
    ]


def test_a_chain_that_was_cut_or_rewritten_after_its_anchor_is_told(writer: Writer) -> None:
    filled(writer)
    (head,) = lakechain.heads(writer.data)
    longer, other = Anchor(head.day, head.number + 1, "a" * 64), Anchor(head.day, 2, "b" * 64)

    assert sentences(checked(writer, anchors=[longer, other])) == [
        "Ngày 2019-12-10: mắt xích số 2 khác với điều đã neo trong nhật ký kiểm toán.",
        "Ngày 2019-12-10: nhật ký kiểm toán đã neo 5 mắt xích, nay không còn đủ.",
    ]


def test_a_rewritten_link_is_told_even_after_the_new_one_was_anchored_as_well(writer: Writer) -> None:
    filled(writer)
    (head,) = lakechain.heads(writer.data)
    before = Anchor(head.day, head.number, "a" * 64)  # what the link was when it was first written down

    for anchors in (
        [before, Anchor(head.day, head.number, head.hash)],
        [Anchor(head.day, head.number, head.hash), before],
    ):
        assert sentences(checked(writer, anchors=anchors)) == [
            "Ngày 2019-12-10: mắt xích số 4 khác với điều đã neo trong nhật ký kiểm toán."
        ]


def old_enough(writer: Writer, policy: Policy, at_ms: int) -> list[Any]:
    """Expire what is due at a time; returns what `expire` made of each segment."""
    made = []
    for source in candidates(writer.connection, policy, now_ms=at_ms):
        found = outlook(writer.files, writer.connection, source, policy, now_ms=at_ms)
        if found.gone:
            made.append(expire(writer.files, writer.connection, source, found, policy, now_ms=at_ms, created_ms=NOON))
    return made


def units_left(writer: Writer) -> dict[int, int]:
    return {unit: n for unit in (1, 2, 3) if (n := Lake(writer.data).count([unit], 0))}


def test_each_source_goes_in_its_time_and_the_disk_is_free(writer: Writer) -> None:
    filled(writer)
    midnight = NOON // DAY * DAY + DAY
    assert old_enough(writer, POLICY, midnight + 31 * DAY - 1) == []

    (left,) = old_enough(writer, POLICY, midnight + 31 * DAY)
    assert left.rows == 24 and units_left(writer) == {2: 12, 3: 12}
    assert old_enough(writer, POLICY, midnight + 31 * DAY) == []
    old_enough(writer, POLICY, midnight + 92 * DAY)
    assert units_left(writer) == {3: 12}
    assert sentences(checked(writer, with_rows=True)) == []
    assert old_enough(writer, POLICY, midnight + 366 * DAY) == [None]

    assert writer.counts() == (0, 0)
    empty_garbage(writer.files, writer.connection, now_ms=NOON + 3 * DAY)
    assert list((writer.data / "lake").rglob("*.parquet")) == []
    assert sentences(checked(writer)) == []
    (body,) = writer.connection.execute("SELECT body FROM lake_chain ORDER BY id DESC LIMIT 1").fetchone()
    dropped = orjson.loads(body)["dropped"]
    assert (dropped["rows"], dropped["sources"], dropped["days"]) == (12, {"30": 12}, {"30": 366})
    assert balance(writer.data) == Balance(stored=0, kept=0, expired=36)  # the ledger is the worker's


@pytest.mark.parametrize(
    ("hold", "kept"),
    [
        (Hold(1), {1: 12, 2: 12, 3: 12}),
        (Hold(1, unit_id=2), {2: 12}),
        (Hold(1, source_id=10), {1: 12}),
        (Hold(1, unit_id=2, source_id=10), {}),
        (Hold(1, since_ms=NOON + 9), {1: 3, 2: 3, 3: 3}),
        (Hold(1, unit_id=1, until_ms=NOON + 3), {1: 3}),
    ],
)
def test_what_a_hold_names_stays_however_old(writer: Writer, hold: Hold, kept: dict[int, int]) -> None:
    filled(writer)
    policy = Policy(default_days=31, holds=(hold,))

    old_enough(writer, policy, NOON + 4_000 * DAY)

    assert units_left(writer) == kept
    assert sentences(checked(writer, with_rows=True)) == []


def test_events_that_a_detection_refers_to_stay_with_it(writer: Writer) -> None:
    filled(writer)
    ids = sorted(event.event_id for event in Lake(writer.data).recent([1], limit=5))
    writer.connection.execute(
        "INSERT INTO detections (rule_id, rule_level, family, title, unit_id, source_id, event_id, event_ms, received_ms,"
        " entity, host, fields, event_ids, count, first_ms, created_at)"
        " VALUES ('r', 'high', 'f', 't', 1, 10, ?, ?, 0, '', '', '{}', ?, 2, ?, 0)",
        (ids[-1], NOON + 11, orjson.dumps(ids[-2:]).decode(), NOON),
    )

    old_enough(writer, Policy(default_days=31), NOON + 400 * DAY)

    assert sorted(event.event_id for event in Lake(writer.data).recent([1, 2, 3])) == ids[-2:]


def test_a_late_event_is_kept_from_its_receipt_and_not_from_the_date_it_claims(writer: Writer) -> None:
    writer.write(3, at_ms=NOON)
    writer.flush()
    writer.connection.execute("UPDATE segments SET day = '1999-01-01', min_time = 0, max_time = 0")

    assert old_enough(writer, Policy(default_days=31), NOON + 30 * DAY) == []


def test_nothing_expires_until_a_policy_is_published_and_then_by_the_keeper(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(writer)
    monkeypatch.setattr(wallclock, "now_ms", lambda: NOON + 400 * DAY)
    monkeypatch.setattr(keeper_module, "EXPIRY_SECONDS", 0.0)
    keeper = Keeper(writer.data)
    keeper.work()
    assert units_left(writer) == {1: 12, 2: 12, 3: 12}

    retention.publish(writer.data, Policy(default_days=500, sources=(Keeping(20, 31),)))
    keeper.work()
    assert units_left(writer) == {1: 12, 3: 12}
    retention.publish(writer.data, Policy(default_days=31, holds=(Hold(1, unit_id=3),)))
    keeper.work()
    keeper.close()
    assert units_left(writer) == {3: 12}


def test_only_one_keeper_works_and_a_damaged_file_does_not_stop_it(writer: Writer) -> None:
    for _ in range(2):
        writer.write(12)
        writer.flush()
    for _ in range(2):
        writer.write(12, at_ms=NOON + DAY)
        writer.flush()
    (path,) = writer.connection.execute("SELECT path FROM segments WHERE day = '2019-12-11' LIMIT 1").fetchone()
    damage(writer.data / "lake" / path)
    first, second = Keeper(writer.data), Keeper(writer.data)

    assert first.work() > 0 and second.work() == 0
    first.close()

    left = dict(writer.connection.execute("SELECT day, count(*) FROM segments GROUP BY day").fetchall())
    assert left["2019-12-10"] == 1  # the other day's damage did not hold it up
    assert any("đã bị thay đổi" in text for text in sentences(checked(writer)))


def test_the_command_names_faults_and_says_when_all_is_well(
    on_one_machine: Writer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    writer = on_one_machine
    filled(writer)
    assert main(["lake", "verify", "--data", str(writer.data), "--rows"]) == 0
    assert "còn nguyên: 1 ngày, 4 mắt xích, 2 tệp" in capsys.readouterr().out
    assert main(["lake", "status", "--data", str(writer.data)]) == 0
    said = capsys.readouterr().out
    assert "36 sự kiện trong 1 tệp" in said and "2019-12-10" in said and "Chưa thành tệp: 0 sự kiện" in said
    damage(writer.data / "lake" / only_path(writer))

    assert main(["lake", "verify", "--data", str(writer.data), "--day", "2019-12-10"]) == 1
    assert "SAI: Tệp day=2019-12-10/" in capsys.readouterr().out
    assert main(["lake", "verify", "--data", str(tmp_path / "nowhere")]) == 2


def test_a_lake_that_cannot_be_read_has_no_verdict(on_one_machine: Writer, capsys: pytest.CaptureFixture[str]) -> None:
    filled(on_one_machine)
    place = on_one_machine.data / "lake" / only_path(on_one_machine)
    place.unlink()
    place.mkdir()

    assert main(["lake", "verify", "--data", str(on_one_machine.data)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "không đọc được kho tệp" in said.err


def test_the_preview_says_what_would_go_and_what_is_held_and_changes_nothing(
    writer: Writer, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(writer)
    assert main(["lake", "retention", "--data", str(writer.data)]) == 0
    assert "không có gì bị xóa" in capsys.readouterr().out
    retention.publish(writer.data, Policy(default_days=31, sources=(Keeping(20, 92),), holds=(Hold(7, unit_id=3),)))

    assert main(["lake", "retention", "--data", str(writer.data), "--on", "2020-02-01"]) == 0
    said = capsys.readouterr().out
    assert "12 sự kiện hết hạn lưu" in said and "nguồn 10: 12 sự kiện, đã lưu đủ 31 ngày" in said
    assert "lệnh giữ số 7: giữ lại 12 sự kiện" in said
    assert units_left(writer) == {1: 12, 2: 12, 3: 12}


def test_orphans_of_both_owners_go_when_they_are_old(writer: Writer) -> None:
    filled(writer)
    for name in ("03-a.parquet", "99-b.parquet", ".99-b.parquet.1.tmp"):
        (writer.data / "lake" / "day=2019-12-10" / name).write_bytes(b"half")

    others = writer.data / "lake" / "iceberg" / "metadata" / "00003-c.metadata.json"
    others.parent.mkdir(parents=True)
    others.write_bytes(b"{}")

    assert remove_orphans(writer.files, writer.connection, {3}) == 1
    assert remove_orphans(writer.files, writer.connection, {99}) == 2
    assert others.exists()  # not the lake's
    assert sentences(checked(writer)) == []


def test_a_lake_database_can_be_read_by_anyone_who_wants_to_check_it(on_one_machine: Writer) -> None:
    """The links are plain: another program needs SHA-256 and this sentence of docs/reference/lake.md only."""
    import hashlib

    writer = on_one_machine
    filled(writer)
    previous = "0" * 64
    rows = sqlite3.connect(writer.data / "pipeline.db").execute(
        "SELECT day, number, body, previous, hash FROM lake_chain ORDER BY number"
    )
    for day, number, body, said_previous, said in rows:
        assert said_previous == previous
        previous = hashlib.sha256(f"{day}\n{number}\n{previous}\n{body}".encode()).hexdigest()
        assert said == previous
