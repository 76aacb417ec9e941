"""Files under deploy/ name options, settings and keys that exist: they are examples that people copy."""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from dekhang.cli import hostfile, up
from dekhang.cli.roles import ROLES

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted(DEPLOY.glob("systemd/*.service"))
SECRETS = re.compile(r"^LoadCredential=([\w.-]+):/etc/dekhang/secrets/\1$", re.M)


def unit(path: Path) -> dict[str, dict[str, list[str]]]:
    """Section → key → values."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    section = ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found[section][key].append(value)
    return found


def asked(words: list[str]) -> argparse.Namespace:
    """What `dekhang` makes of the words after it; a wrong one ends in SystemExit."""
    parser = argparse.ArgumentParser()
    up.add_parser(parser.add_subparsers())
    return parser.parse_args(words)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
@pytest.mark.parametrize("instance", [*ROLES, "web:jobs"])
def test_units_start_up_with_options_that_it_has(path: Path, instance: str) -> None:
    (command,) = unit(path)["Service"]["ExecStart"]
    words = shlex.split(command.replace("%i", instance))
    assert words[:3] == ["/opt/dekhang/.venv/bin/python", "-m", "dekhang"]
    args = asked(words[3:])

    assert args.data == Path("/var/lib/dekhang")
    assert unit(path)["Service"]["StateDirectory"] == ["dekhang"]
    if "@" in path.name:
        assert frozenset().union(*args.role) == frozenset(instance.split(":"))
        assert args.config == Path("/etc/dekhang/dekhang.toml")


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_itself_accepts_the_units(path: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    copy = tmp_path / path.name.replace("@", "@receiver")
    here = path.read_text().replace("/opt/dekhang/.venv/bin/python", sys.executable)
    copy.write_text(here.replace("/opt/dekhang/docs", str(DEPLOY.parent / "docs")))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", copy], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_unit_stops_later_than_up_needs_and_may_compile_machine_code() -> None:
    from dekhang.cli.supervisor import STOP_SECONDS

    for path in UNITS:
        service = unit(path)["Service"]
        assert int(service["TimeoutStopSec"][0]) > STOP_SECONDS
        assert "MemoryDenyWriteExecute" not in service
        assert "HOME=/var/cache/dekhang" in service["Environment"][0] and service["CacheDirectory"] == ["dekhang"]


def test_the_example_configuration_is_read_with_the_credentials_that_the_unit_hands_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = SECRETS.findall((DEPLOY / "systemd" / "dekhang@.service").read_text())
    text = (DEPLOY / "dekhang.toml").read_text()
    for name in named:
        assert f'"{name}"' in text, f"the unit hands over {name}, which dekhang.toml does not name"
        (tmp_path / name).write_text(f"bi-mat-{name}\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    file = hostfile.read(DEPLOY / "dekhang.toml")

    assert "bi-mat-db-password" in file.database and "bi-mat-nats-password" in file.transport
    assert "bi-mat-s3-access-key" in file.objects and "bi-mat-s3-secret-key" in file.objects
    assert file.tls["tls_key"] == tmp_path / "intake-key.pem"


def test_the_composition_says_that_it_was_never_run_and_names_what_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (DEPLOY / "compose" / "compose.yml").read_text()
    assert "CHƯA CHẠY THỬ" in text
    services = yaml.safe_load(text)["services"]
    roles = set()
    for name in ROLES:
        args = asked(services[name]["command"])
        roles |= frozenset().union(*args.role)
        assert services[name]["hostname"] == name  # two hosts of one name would take each other's leases
    assert roles == set(ROLES)

    configuration = (DEPLOY / "compose" / "dekhang.toml").read_text()
    copy = tmp_path / "dekhang.toml"
    copy.write_text(configuration.replace("/run/secrets/", f"{tmp_path}/"))
    for name in services["receiver"]["secrets"]:
        (tmp_path / name).write_text("bi-mat")
    file = hostfile.read(copy)
    for server in ("postgres", "nats-1", "nats-2", "nats-3", "s3"):
        assert server in services
        assert server in file.database + file.transport + file.objects


def test_settings_of_the_example_environment_exist() -> None:
    from dekhang.cli.prepare import administrator_settings
    from dekhang.config.env import KNOWN

    administrator_settings()
    lines = (DEPLOY / "dekhang.env").read_text().splitlines()
    names = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    assert names <= KNOWN.keys()
    assert "DK_ADMIN_PASSWORD=" in lines, "a password that everybody can read here must not open an installation"


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("nats.conf")), ids=lambda path: path.parent.name)
def test_nats_itself_accepts_its_configuration(path: Path) -> None:
    server = Path(sys.executable).parent / "nats-server"
    done = subprocess.run(
        [server, "-t", "-c", path], env={**os.environ, "NATS_PASSWORD": "x"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
