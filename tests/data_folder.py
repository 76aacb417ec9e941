"""A pytest plugin, loaded before Django's settings: every test process gets a data folder of its own."""

import atexit
import os
import shutil
import tempfile

folder = tempfile.mkdtemp(prefix="dekhang-test-")
os.mkdir(os.path.join(folder, "static"))  # whitenoise warns about a missing folder, and warnings are errors
os.environ["DK_DATA"] = folder
for name in [n for n in os.environ if n.startswith("DK_") and n not in {"DK_DATA", "DK_SYSLOG_NG", "DK_CHROMIUM"}]:
    del os.environ[name]  # the tester's own settings must not decide
if database := os.environ.get("DEKHANG_TEST_DATABASE"):  # the apps' tests on PostgreSQL: test_apps_on_postgresql.py
    os.environ["DK_DATABASE"] = database
owner = os.getpid()


@atexit.register
def _remove() -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
