"""Digital signatures on PDF (PAdES), with the key that the administrator named. Without one nothing is signed."""

import logging
from datetime import datetime
from io import BytesIO
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers.pdf_signer import PdfSignatureMetadata

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.reports import archive
from dekhang.apps.reports.enums import AuditAction, Form
from dekhang.apps.reports.models import Report, ReportFile

logger = logging.getLogger(__name__)


class SigningFailed(Exception):
    """The key cannot be used; the message is the sentence to show."""


def sign(*, report: Report) -> ReportFile | None:
    """Add the signed PDF to the archive. None: no key is set, or it cannot be used and the report says why.

    The report stands either way: a lost key must not stop a head from confirming. The jobs try again.
    """
    if not settings.SIGNING_PKCS12:
        return None
    existing = report.files.filter(form=Form.SIGNED).first()
    if existing is not None:
        return existing
    try:
        content = signed(
            archive.content(report, Form.PDF), reason=f"{report} do hệ thống Đề Kháng lập, mã {report.code}"
        )
    except (SigningFailed, archive.Missing) as failed:
        logger.error("report %s is not signed: %s", report.code, failed)
        Report.objects.filter(pk=report.pk).update(signing_problem=str(failed)[:300])
        report.signing_problem = str(failed)[:300]
        return None
    try:
        with transaction.atomic():
            kept = archive.keep(report, Form.SIGNED, content)
            Report.objects.filter(pk=report.pk).update(signing_problem="")
            record_event(action=AuditAction.REPORT_SIGNED, by=None, target=report, detail={"sha256": kept.sha256})
    except IntegrityError:  # another process signed it at the same moment
        return report.files.get(form=Form.SIGNED)
    report.signing_problem = ""
    return kept


def signed(pdf: bytes, *, reason: str) -> bytes:
    """`pdf` with a PAdES signature appended; the bytes before it stay as they are.

    Raises:
        SigningFailed: no such file, wrong password, not a PKCS#12, or a certificate that has ended.
    """
    signer = _signer()
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    metadata = PdfSignatureMetadata(
        field_name="DeKhang", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, reason=reason
    )
    out = BytesIO()
    signers.sign_pdf(writer, metadata, signer=signer, output=out)
    return out.getvalue()


def try_key() -> datetime | None:
    """Until when the key can sign; None when no key is set.

    Raises:
        SigningFailed: it cannot be used.
    """
    return _signer().signing_cert.not_valid_after if settings.SIGNING_PKCS12 else None


def _signer() -> signers.SimpleSigner:
    password = settings.SIGNING_PASSWORD.encode() or None
    try:
        packed = Path(settings.SIGNING_PKCS12).read_bytes()
    except OSError as error:
        raise SigningFailed(
            _("Không đọc được tệp khóa ký %(path)s: %(error)s.")
            % {"path": settings.SIGNING_PKCS12, "error": error.strerror}
        ) from error
    try:
        signer = signers.SimpleSigner.load_pkcs12_data(packed, other_certs=(), passphrase=password)
    except (ValueError, TypeError):
        signer = None
    if signer is None:  # pyhanko logs the cause and gives nothing
        raise SigningFailed(
            _(
                "Tệp khóa ký %(path)s không mở được: sai mật khẩu, hoặc không phải PKCS#12. Kiểm tra DK_SIGNING_PASSWORD."
            )
            % {"path": settings.SIGNING_PKCS12}
        )
    ends = signer.signing_cert.not_valid_after
    if ends <= clock.now():
        raise SigningFailed(_("Chứng thư ký đã hết hạn ngày %(day)s. Đặt tệp khóa mới.") % {"day": f"{ends:%d/%m/%Y}"})
    return signer
