"""`./dk check`: format, lint, types, import layers, migrations, translations of states, documents. Says all faults."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
BIN = Path(PYTHON).parent

CHECKS = [
    ("format", [str(BIN / "ruff"), "format", "--check", "-q", "."]),
    ("lint", [str(BIN / "ruff"), "check", "-q", "."]),
    ("types", [PYTHON, "-m", "mypy", "--no-error-summary"]),
    ("imports", [str(BIN / "lint-imports"), "--no-cache"]),
    ("django", [PYTHON, "-m", "django", "check", "--fail-level", "WARNING"]),
    ("migrations", [PYTHON, "-m", "django", "makemigrations", "--check", "--dry-run"]),
    ("rules", [PYTHON, "-m", "dekhang", "rules", "check", "rules"]),
    ("documents", [PYTHON, "-m", "tests.docs", "--check"]),
]


def main() -> int:
    faults = 0
    with tempfile.TemporaryDirectory() as data:
        import os

        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "dekhang.config.settings", "DK_DATA": data}
        for name, command in CHECKS:
            start = time.monotonic()
            done = subprocess.run(
                command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            mark = "✓" if done.returncode == 0 else "✗"
            print(f"{mark} {name:<11} {time.monotonic() - start:5.1f} s", flush=True)
            if done.returncode:
                faults += 1
                print("    " + "\n    ".join(done.stdout.strip().splitlines()[-60:]), flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
