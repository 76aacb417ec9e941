"""What does not detect does not load the machine that detects: numba and LLVM take a second and 90 MB."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT, clean_environment

HEAVY = ("numba", "llvmlite", "sigma")
DJANGO = "import django; django.setup(); "


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("import dekhang.engine, dekhang.pipeline.rulebook, dekhang.pipeline.parse", id="rules as texts"),
        pytest.param("import dekhang.config.wsgi, dekhang.config.urls", id="web pages"),
        pytest.param(DJANGO + "import dekhang.cli.jobs", id="jobs"),
        pytest.param(DJANGO + "import dekhang.demo.traffic", id="the demo's senders"),
        pytest.param(
            "import dekhang.pipeline.receive.http, dekhang.pipeline.receive.syslog, dekhang.pipeline.receive.files",
            id="receivers",
        ),
        pytest.param("import dekhang.cli.up, dekhang.cli.doctor, dekhang.cli.canary, dekhang.cli.audit", id="commands"),
        pytest.param("from dekhang.cli import main; main(['--help'])", id="dekhang --help"),
        pytest.param("from dekhang.cli import main; main(['detect', '--help'])", id="dekhang detect --help"),
    ],
)
def test_what_does_not_detect_loads_no_machine(program: str, tmp_path: Path) -> None:
    told = f"import atexit, sys; atexit.register(lambda: print([one for one in {HEAVY} if one in sys.modules]))\n"
    environment = clean_environment(DJANGO_SETTINGS_MODULE="dekhang.config.settings", DK_DATA=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", told + program], cwd=PROJECT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_engine_gives_its_detector_to_who_asks() -> None:
    import dekhang.engine
    from dekhang.engine.detector import Detector
    from dekhang.engine.sieve import Limits

    assert (dekhang.engine.Detector, dekhang.engine.Limits) == (Detector, Limits)
    with pytest.raises(AttributeError, match="Detektor"):
        _ = dekhang.engine.Detektor
