"""Certificates for a first installation, made by the `openssl` command: an authority of one's own, a server, clients.

`dekhang intake certificate --data DIR --name intake.example.gov.vn`. Whoever has an authority
(Ban Cơ yếu, a public one) uses its files instead: `--tls-cert`, `--tls-key`, `--tls-ca`.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dekhang.pipeline.receive.part import CannotStart

DAYS = 825  # what clients of Apple and others accept at most of a server certificate
CA_DAYS = 3650
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Made:
    """Files that were written. `fingerprint`: SHA-256 of the certificate, as sources register it."""

    certificate: Path
    key: Path
    ca: Path
    fingerprint: str


def make_server(folder: Path, names: Sequence[str], *, days: int = DAYS) -> Made:
    """A certificate for the intake under `names` (host names or addresses): `server.crt`, `server.key`, `ca.crt`."""
    wanted = ",".join(f"IP:{name}" if _is_address(name) else f"DNS:{_checked(name)}" for name in names)
    return _make(folder, "server", names[0], f"extendedKeyUsage=serverAuth\nsubjectAltName={wanted}\n", days)


def make_client(folder: Path, name: str, *, days: int = DAYS) -> Made:
    """A certificate for one sender: `client-<name>.crt` and `.key`."""
    return _make(folder, f"client-{_checked(name)}", name, "extendedKeyUsage=clientAuth\n", days)


def _make(folder: Path, stem: str, subject: str, extensions: str, days: int) -> Made:
    openssl = shutil.which("openssl")
    if openssl is None:
        raise CannotStart(
            "Máy này chưa có lệnh openssl để tạo chứng chỉ. Cài gói openssl, hoặc dùng tệp do nơi cấp chứng chỉ đưa bằng "
            "--tls-cert, --tls-key (và --tls-ca nếu máy gửi cũng trình chứng chỉ)."
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_authority(openssl, folder)
        key, certificate, ca = folder / f"{stem}.key", folder / f"{stem}.crt", folder / "ca.crt"
        with tempfile.TemporaryDirectory(dir=folder) as work:
            request, about, signed = Path(work, "request"), Path(work, "about"), Path(work, "signed")
            new_key = Path(work, "key")
            about.write_text(f"basicConstraints=critical,CA:FALSE\n{extensions}", encoding="utf-8")
            _run(openssl, "req", *_NEW_KEY, "-keyout", new_key, "-out", request, "-subj", f"/CN={subject[:60]}")
            _run(
                openssl, "x509", "-req", "-in", request, "-CA", ca, "-CAkey", folder / "ca.key",
                "-set_serial", f"0x{os.urandom(16).hex()}", "-days", str(days), "-sha256",
                "-extfile", about, "-out", signed,
            )  # fmt: skip
            new_key.chmod(0o600)
            new_key.replace(key)
            signed.replace(certificate)
    except OSError as error:
        raise CannotStart(f"Không ghi được chứng chỉ vào {folder}: {error.strerror}. Sửa quyền ghi.") from error
    raw = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    return Made(certificate, key, ca, hashlib.sha256(raw).hexdigest())


_NEW_KEY = ("-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def _make_authority(openssl: str, folder: Path) -> None:
    if (folder / "ca.crt").exists() and (folder / "ca.key").exists():
        return
    with tempfile.TemporaryDirectory(dir=folder) as work:
        key, certificate = Path(work, "ca.key"), Path(work, "ca.crt")
        _run(
            openssl, "req", "-x509", *_NEW_KEY, "-keyout", key, "-out", certificate, "-days", str(CA_DAYS), "-sha256",
            "-subj", "/CN=De Khang intake CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip
        key.chmod(0o600)
        key.replace(folder / "ca.key")
        certificate.replace(folder / "ca.crt")


def _run(*command: str | Path) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise CannotStart(f"openssl không tạo được chứng chỉ: {done.stderr.strip()[-300:]}")


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise CannotStart(f"Tên {name[:80]!r} không dùng được trong chứng chỉ; hãy dùng tên máy hoặc địa chỉ IP.")
    return name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
