"""PAdES signatures: real ones, made with a key of the test's own, judged by pyHanko's validation."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from dekhang.apps.core import clock
from dekhang.apps.reports import archive, jobs, services
from dekhang.apps.reports.enums import Form
from dekhang.cli import doctor
from tests.factories.registry import head_of
from tests.factories.reports import LATER, frozen_province, made

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)  # pyHanko signs and validates at the hour of the machine


def key_file(folder, *, password=b"mat-khau", ends=NOW + timedelta(days=30)):
    """A PKCS#12 as an authority would hand out, and the certificate in it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sở Thông tin và Truyền thông")])
    usage = {"key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"}
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=60))
        .not_valid_after(ends)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=True,
                encipher_only=False,
                decipher_only=False,
                **dict.fromkeys(usage, False),
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "ky-so.p12"
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(b"so", key, certificate, None, BestAvailableEncryption(password))
    )
    return path, certificate.public_bytes(Encoding.DER)


@pytest.fixture
def unit(data, frozen_now):
    return frozen_province()[0]


@pytest.fixture
def key(data, settings):
    path, certificate = key_file(data)
    settings.SIGNING_PKCS12, settings.SIGNING_PASSWORD = str(path), "mat-khau"
    return certificate


def judged(signed, certificate):
    (signature,) = PdfFileReader(BytesIO(signed)).embedded_signatures
    return validate_pdf_signature(signature, ValidationContext(trust_roots=[asn1.Certificate.load(certificate)]))


def test_what_a_head_confirms_is_signed_and_the_signature_holds(unit, key):
    with clock.at(LATER):
        head = head_of(unit)
        report = made("year", unit, by=head)
        assert not report.files.filter(form=Form.SIGNED).exists()
        services.confirm(report=report, by=head)
    signed = archive.content(report, Form.SIGNED)
    status = judged(signed, key)
    assert (status.intact, status.valid, status.trusted) == (True, True, True)
    assert b"/ETSI.CAdES.detached" in signed
    # the signature is appended: the archived PDF, that can be made again byte for byte, is its beginning
    assert signed.startswith(archive.content(report, Form.PDF))
    assert "chữ ký phủ hết tệp" in " ".join(archive.compare(report).same)


def test_a_certificate_is_signed_when_it_is_made(unit, key):
    report = made("certificate", unit)
    assert judged(archive.content(report, Form.SIGNED), key).bottom_line


def test_words_appended_after_signing_show(unit, key):
    report = made("certificate", unit)
    kept = report.files.get(form=Form.SIGNED)
    with open(kept.file.path, "ab") as file:
        file.write(b"\n% them")
    assert not archive.compare(report).good


@pytest.mark.parametrize(
    ("what", "said"),
    [("wrong password", "sai mật khẩu"), ("no such file", "Không đọc được tệp khóa ký"), ("ended", "đã hết hạn")],
)
def test_a_key_that_cannot_be_used_does_not_stop_the_head_and_is_named(unit, key, settings, data, what, said):
    if what == "wrong password":
        settings.SIGNING_PASSWORD = "khac"
    elif what == "no such file":
        settings.SIGNING_PKCS12 = str(data / "khong-co.p12")
    else:
        settings.SIGNING_PKCS12 = str(key_file(data, ends=datetime(2019, 12, 1, tzinfo=UTC))[0])
    with clock.at(LATER):
        head = head_of(unit)
        report = services.confirm(report=made("year", unit, by=head), by=head)
        assert report.state == "confirmed"
        report.refresh_from_db()
        assert said in report.signing_problem
        # the administrator names a good key: the clock signs what waits
        path, _certificate = key_file(data)
        settings.SIGNING_PKCS12, settings.SIGNING_PASSWORD = str(path), "mat-khau"
        assert jobs.sign_what_waits() == 1
        report.refresh_from_db()
    assert report.signing_problem == ""
    assert report.files.filter(form=Form.SIGNED).exists()


def test_without_a_key_nothing_is_signed_and_nothing_complains(unit, settings):
    settings.SIGNING_PKCS12 = ""
    report = made("certificate", unit)
    assert report.signing_problem == ""
    assert set(report.files.values_list("form", flat=True)) == {"docx", "pdf", "xlsx"}


def test_the_doctor_names_a_key_that_cannot_sign_and_reports_that_wait(unit, key, settings, data):
    assert "khóa ký báo cáo dùng được tới" in " ".join(sentence for ok, sentence in doctor.reports(data) if ok)
    settings.SIGNING_PASSWORD = "khac"
    with clock.at(LATER):
        made("certificate", unit)
        said = [sentence for ok, sentence in doctor.reports(data) if not ok]
    assert "báo cáo định kỳ chưa lập được" in said[0]
    assert "sai mật khẩu" in said[1]
    assert "1 báo cáo chờ ký" in said[1]
