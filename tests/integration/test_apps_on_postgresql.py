"""The pages and jobs on PostgreSQL: their own tests, run again with a real server in a process of their own."""

import subprocess
import sys

from tests.conftest import PROJECT, clean_environment
from tests.postgres import PostgresServer

# what depends on the database: claims by conditional updates, locks, grouping in SQL, null order, JSON, constraints
SUITES = [
    "alerts/test_answering.py",
    "alerts/test_grouping.py",
    "alerts/test_two_processes.py",
    "cascade/test_ladder.py",
    "cascade/test_sending.py",
    "core/test_outbox.py",
    "duties/test_duty_services.py",
    "incidents/test_incident_clocks.py",
    "scoreboard/test_board.py",
]


def test_boards_alerts_claims_and_the_audit_chain_keep_their_promises_on_postgresql(postgres: PostgresServer) -> None:
    files = [f"tests/unit/{suite}" for suite in SUITES]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-x", *files],
        cwd=PROJECT,
        env=clean_environment(DEKHANG_TEST_DATABASE=postgres.new_database()),
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
