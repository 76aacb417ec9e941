"""What the worker does with audit records: each is stored, an event of several is judged once."""

from pathlib import Path

from dekhang.pipeline.spool import Batch, SpoolWriter, event_id
from dekhang.pipeline.stores import detections
from dekhang.pipeline.stores.lake import Lake
from dekhang.pipeline.worker.loop import Worker

RECEIVED = 1_575_943_200_000  # 2019-12-10T02:00:00Z
RULE = """
title: The web server's account starts curl
id: 3f2f1f0a-0000-4000-8000-00000000000a
logsource: {product: linux, service: auditd}
detection:
  who: {type: SYSCALL, euid: 33}
  what: {type: EXECVE, a0|endswith: curl}
  condition: who and what
level: high
dekhang:
  title_vi: "Máy chủ web chạy curl"
  meaning_vi: "Tài khoản của máy chủ web chạy một lệnh tải tệp."
  first_actions_vi: ["Xem tệp nào vừa được tải về."]
  family: web_download
  entity: [exe]
  incident_kind: intrusion
"""
EVENT = (
    b'type=SYSCALL msg=audit(1575943200.123:42): arch=c000003e syscall=59 euid=33 exe="/usr/bin/curl"',
    b'type=EXECVE msg=audit(1575943200.123:42): argc=2 a0="/usr/bin/curl" a1="http://192.0.2.7/x"',
    b'type=CWD msg=audit(1575943200.123:42): cwd="/var/www"',
)
OTHER = b'type=SYSCALL msg=audit(1575943200.123:43): arch=c000003e syscall=59 euid=0 exe="/usr/bin/id"'


def test_a_rule_that_combines_records_fires_once_about_the_first_and_every_record_is_stored(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "curl.yml").write_text(RULE)
    spool = SpoolWriter(tmp_path / "data" / "spool", 1)
    worker = Worker(tmp_path / "data", [tmp_path / "rules"])
    worker.start()
    records = [b"Dec 10 02:00:00 may-chu cron[1]: x", OTHER, EVENT[0], EVENT[1], EVENT[2]]
    first = spool.append(
        Batch(7, 3, "linux", records=records, transport="tail", received_ms=RECEIVED, peer="192.0.2.250")
    )
    spool.sync()

    stored = worker.drain()
    found = detections.after(tmp_path / "data", 0)
    kept = Lake(tmp_path / "data").recent([3])
    spool.close()
    worker.close()

    assert stored == len(kept) == 5
    assert [(one.event_id, one.entity, one.count) for one in found] == [(event_id(1, first + 2), "/usr/bin/curl", 1)]
    assert found[0].fields["a0"] == "/usr/bin/curl"
    assert all("\n" not in event.fields["message"] for event in kept)
