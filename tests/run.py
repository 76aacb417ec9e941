"""`./dk test`: all tests, in parallel. Arguments go to pytest: `./dk test tests/unit -k spool`."""

import os
import shutil
import subprocess
import sys

from tests import browser

# compiled once and kept; else the first test that detects would wait for it, and with it a time limit
WARM_UP = """
from dekhang.engine import Detector, Record, compile_rules, default_mapping
Detector(compile_rules([], default_mapping())).process([Record({})])
"""


def main() -> int:
    browser.install_when_possible()
    subprocess.run([sys.executable, "-c", WARM_UP], check=True)
    arguments = sys.argv[1:]
    # two processes a core would fight over fsync; files stay together because some start real servers
    workers = [] if any(a.startswith("-n") for a in arguments) else ["-n", os.environ.get("DK_TEST_WORKERS", "2")]
    command = [sys.executable, "-m", "pytest", "--dist", "loadfile", *workers, *arguments]
    if shutil.which("nice") and os.environ.get("DK_NICE"):
        command = ["nice", *command]
    return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main())
