"""Hostile lines through machine code whose every array access is checked: none goes out of bounds, none takes long."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT, clean_environment

pytestmark = pytest.mark.shared  # mutates real events

# a process of its own, compiled with checks: a bound that is not held is an IndexError there, not a silent read
PROGRAM = PROJECT / "tests" / "unit" / "engine" / "sieve_attack.py"


@pytest.fixture(scope="module")
def told(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    kept = tmp_path_factory.mktemp("checked-code")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(PROGRAM), str(shared)],
        cwd=PROJECT,
        env=clean_environment(NUMBA_BOUNDSCHECK="1", NUMBA_OPT="1", NUMBA_CACHE_DIR=str(kept)),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4_000:]
    return done.stdout


def test_checks_are_on(told: str) -> None:
    assert "checks: on" in told


@pytest.mark.parametrize(
    "story",
    [
        "mutated real lines",
        "mutated EVTX lines",
        "crafted lines",
        "records no parser makes",
        "names without end",
        "channels without end",
        "tiny limits",
        "candidates without room",
    ],
)
def test_nothing_goes_out_of_bounds_and_nothing_is_missed(told: str, story: str) -> None:
    assert f"{story}: as the reference" in told
