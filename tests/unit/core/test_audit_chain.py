import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from django.db import connection, transaction

from dekhang.apps.core import clock
from dekhang.apps.core.audit import GENESIS, record_event, verify_chain
from dekhang.apps.core.enums import AuditAction
from dekhang.apps.core.models import AuditEvent, AuditHead
from tests.conftest import PROJECT, clean_environment
from tests.factories.core import UserFactory

IN_DB = pytest.mark.django_db
WRITER = """
import os, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "dekhang.config.settings"
import django
django.setup()
from django.db import transaction
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.models import User
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    with transaction.atomic():
        user = User(username=f"{sys.argv[1]}-{number}", full_name="Người", role="officer")
        user.save()
        record_event(action="account_created", by=None, target=user, actor_label=sys.argv[1])
    time.sleep(0.003)  # a person or a tick between two writes, so that the other comes in between
"""


def write(count: int = 5) -> list[AuditEvent]:
    return [record_event(action=AuditAction.SIGNED_IN, by=None, detail={"n": n}) for n in range(count)]


def faults() -> list[tuple[int | None, str]]:
    return [(fault.event_id, fault.reason) for fault in verify_chain()]


@IN_DB
def test_every_event_carries_the_hash_of_the_one_before_and_the_chain_is_whole():
    events = write()
    assert [event.previous_hash for event in events] == [GENESIS, *[event.hash for event in events[:-1]]]
    assert AuditHead.objects.get().events == 5
    assert faults() == []


@IN_DB
def test_an_empty_log_is_a_whole_chain():
    assert faults() == []


@IN_DB
@pytest.mark.parametrize(
    "change",
    [
        {"actor_label": "người khác"},
        {"action": "signed_out"},
        {"at": datetime(2020, 1, 1, tzinfo=UTC)},
        {"detail": {"n": 99}},
        {"unit_id": 7},
        {"target_label": "đơn vị khác"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_column_is_found_at_its_event(change):
    events = write()
    AuditEvent.objects.filter(pk=events[2].pk).update(**change)
    assert [(pk, "đã bị sửa" in reason) for pk, reason in faults()] == [(events[2].pk, True)]


@IN_DB
def test_a_change_with_a_fresh_hash_is_found_at_the_next_event():
    events = write()
    event = AuditEvent.objects.get(pk=events[2].pk)
    event.actor_label = "người khác"
    from dekhang.apps.core.audit import _digest

    event.hash = _digest(event)
    event.save()
    assert [pk for pk, _reason in faults()] == [events[3].pk]


@IN_DB
def test_an_event_removed_from_the_middle_is_found_at_the_next_and_by_the_count():
    events = write()
    AuditEvent.objects.filter(pk=events[2].pk).delete()
    found = faults()
    assert found[0][0] == events[3].pk
    assert any("phải có 5 sự kiện nhưng còn 4" in reason for _pk, reason in found)


@IN_DB
def test_a_cut_off_tail_is_found_by_the_head():
    events = write()
    AuditEvent.objects.filter(pk__in=[events[3].pk, events[4].pk]).delete()
    assert any("còn 3" in reason for _pk, reason in faults())
    assert any("phần cuối đã bị cắt" in reason for _pk, reason in faults())


@IN_DB
def test_an_event_added_past_the_head_with_a_correct_link_is_found():
    events = write()
    from dekhang.apps.core.audit import _digest

    forged = AuditEvent(at=clock.now(), actor_label="ai đó", action="signed_in", previous_hash=events[-1].hash)
    forged.hash = _digest(forged)
    forged.save()
    assert any("phải có 5 sự kiện nhưng có 6" in reason for _pk, reason in faults())


@IN_DB
def test_a_lost_head_is_found():
    write()
    AuditHead.objects.all().delete()
    assert faults()


@IN_DB
def test_events_that_others_append_while_the_chain_is_checked_are_no_fault():
    write()
    asked = []

    def somebody_writes_before(execute, sql, params, many, context):
        if sql.startswith("SELECT") and not asked_by_writer:
            asked.append(sql)
            asked_by_writer.append(True)
            record_event(action=AuditAction.SIGNED_OUT, by=None)
            asked_by_writer.clear()
        return execute(sql, params, many, context)

    asked_by_writer: list[bool] = []
    with connection.execute_wrapper(somebody_writes_before):
        assert faults() == []
    assert len(asked) == 3, "before the head, before the events, before the head again"
    assert AuditEvent.objects.count() == 8


@IN_DB
def test_a_moment_of_another_zone_is_the_same_after_reading_back():
    with clock.at(datetime(2019, 12, 10, 9, 0, tzinfo=timezone(timedelta(hours=7)))):
        record_event(action=AuditAction.SIGNED_IN, by=UserFactory())
    assert faults() == []


@IN_DB
def test_the_event_falls_with_the_change_it_belongs_to():
    with pytest.raises(ValueError), transaction.atomic():
        record_event(action=AuditAction.SIGNED_IN, by=None)
        raise ValueError
    assert AuditEvent.objects.count() == 0
    write(2)
    assert faults() == []


@pytest.mark.django_db(transaction=True)
def test_a_change_whose_event_cannot_be_written_does_not_stand():
    with pytest.raises(TypeError), transaction.atomic():
        UserFactory(username="khong-con")
        try:
            record_event(action=AuditAction.SIGNED_IN, by=None, detail={"moment": object()})
        except TypeError:
            assert connection.needs_rollback  # also a caller who swallows the fault loses its change
            raise
    from dekhang.apps.core.models import User

    assert not User.objects.filter(username="khong-con").exists()


def run_verify(data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dekhang", "audit", "verify", "--data", str(data)],
        cwd=PROJECT,
        env=clean_environment(),
        capture_output=True,
        text=True,
    )


def test_two_processes_writing_at_once_leave_one_whole_chain_and_lose_no_write(own_installation):
    """Also the measure of `settings.DATABASES`: with other options some writes ended as "database is locked"."""
    environment = clean_environment(DK_DATA=str(own_installation))
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, name, "100"],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("web", "jobs")
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    ends = [writer.communicate(timeout=120) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], ends

    verified = run_verify(own_installation)
    assert verified.returncode == 0, verified
    assert "200 sự kiện" in verified.stdout
    with sqlite3.connect(own_installation / "db.sqlite3") as db:
        order = [label for (label,) in db.execute("SELECT actor_label FROM core_auditevent ORDER BY id")]
    db.close()
    turns = sum(before != after for before, after in pairwise(order))
    assert turns > 1, "the two never wrote in turn, so this test shows nothing"


def test_audit_verify_says_what_is_wrong_and_ends_with_1(own_installation):
    fill = "import os; os.environ['DJANGO_SETTINGS_MODULE']='dekhang.config.settings'; import django; django.setup(); "
    fill += "from dekhang.apps.core.audit import record_event as r; [r(action='signed_in', by=None) for n in range(4)]"
    environment = clean_environment(DK_DATA=str(own_installation))
    subprocess.run([sys.executable, "-c", fill], cwd=PROJECT, env=environment, check=True)
    assert run_verify(own_installation).returncode == 0

    with sqlite3.connect(own_installation / "db.sqlite3") as db:
        db.execute("UPDATE core_auditevent SET actor_label = 'kẻ khác' WHERE id = 2")
    db.close()
    done = run_verify(own_installation)
    assert done.returncode == 1
    assert "sự kiện số 2: nội dung không khớp mã băm" in done.stdout
    assert "có 1 chỗ sai" in done.stdout


def test_audit_verify_of_a_place_without_data_ends_with_2_and_makes_nothing(tmp_path):
    done = run_verify(tmp_path / "khong-co")
    assert done.returncode == 2
    assert "Chưa có dữ liệu" in done.stderr
    assert not (tmp_path / "khong-co").exists()


def test_audit_verify_of_a_broken_database_ends_with_2_and_a_sentence(tmp_path):
    (tmp_path / "db.sqlite3").write_bytes(b"not a database at all" * 100)
    done = run_verify(tmp_path)
    assert done.returncode == 2
    assert "Không đọc được db.sqlite3" in done.stderr
    assert "Traceback" not in done.stderr
