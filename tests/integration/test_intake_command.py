"""`dekhang intake certificate`: what an administrator runs once before TLS is switched on."""

import ssl
import stat
from pathlib import Path

from dekhang.pipeline.stores.intake import IntakeMap, secret_of
from tests.certificates import needs_openssl
from tests.installation import dekhang


@needs_openssl
def test_a_first_certificate_and_one_for_a_sender_are_made_and_the_next_step_is_said(tmp_path: Path) -> None:
    done = dekhang(
        "intake", "certificate", "--data", str(tmp_path), "--name", "intake.example.gov.vn", "--name", "192.0.2.1"
    )
    assert done.returncode == 0, done.stderr
    assert f"--tls-cert {tmp_path}/tls/server.crt" in done.stdout
    authority = (tmp_path / "tls/ca.crt").read_bytes()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls/server.crt", tmp_path / "tls/server.key")
    for name in ("server.key", "ca.key"):
        assert stat.S_IMODE((tmp_path / "tls" / name).stat().st_mode) == 0o600

    done = dekhang("intake", "certificate", "--data", str(tmp_path), "--client", "may-a")
    assert done.returncode == 0, done.stderr
    assert "dấu vân tay " in done.stdout
    assert (tmp_path / "tls/client-may-a.crt").exists()
    assert (tmp_path / "tls/ca.crt").read_bytes() == authority  # the same authority signs both


def test_a_bad_name_and_no_openssl_are_one_sentence(tmp_path: Path) -> None:
    done = dekhang("intake", "certificate", "--data", str(tmp_path))
    assert (done.returncode, "--name" in done.stderr) == (2, True)
    done = dekhang("intake", "certificate", "--data", str(tmp_path), "--client", "../../x")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    done = dekhang("intake", "certificate", "--data", str(tmp_path), "--name", "a", PATH=str(tmp_path))
    assert done.returncode == 2 and "openssl" in done.stderr


def test_feeds_of_a_source_are_set_by_command_and_the_secret_stays_in_its_own_file(own_installation: Path) -> None:
    def manage(code: str) -> str:
        done = dekhang("manage", "shell", "-c", code, DK_DATA=str(own_installation))
        assert done.returncode == 0, done.stderr
        return done.stdout

    manage(
        "from dekhang.apps.registry.models import Unit; from dekhang.apps.sources import services;"
        "unit = Unit.objects.create(key='xa-a');"
        "services.create_source(unit_id=unit.pk, name='kho', kind='linux', by=None)"
    )
    secret = own_installation / "khoa"
    secret.write_text("rat bi mat\n")
    folder = own_installation.parent / "tha"
    options = ["--bucket", "kho-log", "--prefix", "xa/", "--access-key", "AK", "--secret-file", str(secret)]
    done = dekhang(
        "intake", "feeds", "--data", str(own_installation), "--source", "1", "--folder", str(folder), *options
    )
    assert done.returncode == 0, done.stderr
    assert "kho kho-log/xa/" in done.stdout
    [found] = IntakeMap(own_installation).sources()
    assert found.folders == (str(folder),) and found.bucket is not None and found.bucket.access_key == "AK"
    assert secret_of(own_installation, 1) == "rat bi mat"
    done = dekhang("intake", "feeds", "--data", str(own_installation), "--source", "99")
    assert done.returncode == 2 and "số 99" in done.stderr
    done = dekhang("intake", "feeds", "--data", str(own_installation), "--source", "1", "--tail", "x.log")
    assert done.returncode == 2 and "đường dẫn đầy đủ" in done.stderr
    assert dekhang("intake", "feeds", "--data", str(own_installation), "--source", "1").returncode == 0
    assert secret_of(own_installation, 1) == ""
