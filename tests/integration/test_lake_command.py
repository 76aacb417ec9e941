"""`dekhang lake` as it is typed, on an installation on disk: the audit chain keeps what the lake's chains said."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.conftest import PROJECT, clean_environment
from tests.stored import DAY, NOON, store

JOB = (
    "import django; django.setup(); from dekhang.apps.retention import jobs; print(jobs.tick());"
    "from dekhang.pipeline.lakewrite.keeper import Keeper; from django.conf import settings;"
    "print(Keeper(settings.DATA).work())"
)


def jobs(data: Path) -> None:
    """One round of what the jobs process does for the lake."""
    environment = clean_environment(DK_DATA=str(data), DJANGO_SETTINGS_MODULE="dekhang.config.settings")
    subprocess.run([sys.executable, "-c", JOB], cwd=PROJECT, env=environment, check=True, capture_output=True)


def lake(data: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "dekhang", "lake", *words, "--data", str(data)],
        cwd=PROJECT, env=clean_environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_day_that_somebody_takes_out_of_the_lake_with_its_chain_is_missed(own_installation: Path) -> None:
    store(own_installation, [{"event_id": n, "time": NOON - n * DAY, "raw": f"dòng {n}"} for n in range(3)])
    jobs(own_installation)
    code, said = lake(own_installation, "verify", "--rows")
    assert code == 0, said
    assert "3 điểm neo" in said and "còn nguyên: 3 ngày" in said

    with closing(sqlite3.connect(own_installation / "pipeline.db", isolation_level=None)) as thief:
        for table in ("segments", "lake_chain"):
            thief.execute(f"DELETE FROM {table} WHERE day = '2019-12-09'")
    code, said = lake(own_installation, "verify", "--day", "2019-12-09")
    assert code == 1
    assert "SAI: Ngày 2019-12-09: nhật ký kiểm toán đã neo chuỗi này, nay không còn mắt xích nào." in said
    assert lake(own_installation, "verify", "--day", "2019-12-10")[0] == 0


def test_old_events_expire_by_the_terms_that_the_apps_publish(own_installation: Path) -> None:
    old, new = NOON - 400 * DAY, NOON + 4_000 * DAY  # the second is not old on any day on which this test runs
    store(own_installation, [{"event_id": 1, "time": old, "raw": "cũ"}, {"event_id": 2, "time": new, "raw": "mới"}])
    code, said = lake(own_installation, "retention")
    assert code == 0 and "không có gì bị xóa" in said
    jobs(own_installation)

    code, said = lake(own_installation, "status")
    assert code == 0 and "1 sự kiện trong 1 tệp" in said, said
    code, said = lake(own_installation, "verify", "--rows")
    assert code == 0, said
