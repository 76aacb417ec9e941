"""The files of reports: kept once, read back with their digest checked, made again and compared."""

import hashlib
from dataclasses import dataclass, field
from io import BytesIO

import orjson
from django.core.files.base import ContentFile
from django.utils.translation import gettext as _
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader

from dekhang.apps.core import clock
from dekhang.apps.reports.documents import templates
from dekhang.apps.reports.documents.rendering import RENDERERS, render, tools
from dekhang.apps.reports.enums import Form
from dekhang.apps.reports.gathering import Inputs
from dekhang.apps.reports.models import Report, ReportFile

ENDINGS = {Form.SIGNED: "pdf"}


class Missing(Exception):
    """The file is not in the archive, or is not what was put there; the message is the sentence to show."""


class Lost(Missing):
    """The file is not in the archive at all."""


def digest_of(inputs: Inputs) -> str:
    return hashlib.sha256(orjson.dumps(inputs, option=orjson.OPT_SORT_KEYS)).hexdigest()


def intact(report: Report) -> bool:
    """The data are what was frozen. Nothing is built from others: they may lack anything."""
    return digest_of(report.inputs) == report.inputs_sha256


def keep(report: Report, form: Form, content: bytes) -> ReportFile:
    """Write one form of the report into the archive, in the caller's transaction."""
    kept = ReportFile(
        report=report,
        form=form,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        made_at=clock.now(),
    )
    kept.file.save(name_of(report, form), ContentFile(content), save=False)
    kept.save(force_insert=True)
    return kept


def name_of(report: Report, form: str) -> str:
    """The name under which people get it."""
    signed = "-ky-so" if form == Form.SIGNED else ""
    return f"{report.kind}-{report.day.isoformat()}-{report.code}{signed}.{ENDINGS.get(Form(form), form)}"


def content(report: Report, form: str) -> bytes:
    """The bytes as they were archived; a file that is lost is made again, if that gives the bytes of its digest.

    So a host of pages that has not the folder of the host that made the report can serve it all the same.

    Raises:
        Missing: no such form, or its digest is another one, or it is lost and cannot be made again.
    """
    kept = report.files.filter(form=form).first()
    if kept is None:
        raise Missing(_("Báo cáo này không có bản %(form)s.") % {"form": Form(form).label})
    try:
        return stored(kept)
    except Lost:
        if kept.form not in RENDERERS or not intact(report):
            raise
        try:
            again = RENDERERS[Form(kept.form)](templates.build(report.inputs, report.template_version))
        except templates.TemplateGone:
            again = b""
        if hashlib.sha256(again).hexdigest() != kept.sha256:
            raise
        return again


def stored(kept: ReportFile) -> bytes:
    """The file itself.

    Raises:
        Lost: it is not there.
        Missing: its digest is another one.
    """
    try:
        with kept.file.open("rb") as file:
            found = bytes(file.read())
    except OSError as error:
        raise Lost(_("Tệp %(name)s không còn trong kho lưu trữ.") % {"name": kept.file.name}) from error
    if hashlib.sha256(found).hexdigest() != kept.sha256:
        raise Missing(_("Tệp %(name)s không còn khớp mã băm: đã bị sửa sau khi lập.") % {"name": kept.file.name})
    return found


@dataclass(frozen=True, slots=True)
class Comparison:
    """`faults`: something is not what it was. `remarks`: something could not be compared, and why."""

    same: tuple[str, ...] = ()
    faults: tuple[str, ...] = field(default=())
    remarks: tuple[str, ...] = field(default=())

    @property
    def good(self) -> bool:
        return not self.faults


def compare(report: Report) -> Comparison:
    """Make the report again from its frozen data and compare every byte with what was archived."""
    same: list[str] = []
    faults: list[str] = []
    remarks: list[str] = []
    if not intact(report):
        faults.append(_("Dữ liệu đã lưu không còn khớp mã băm: đã bị sửa sau khi lập."))
    kept: dict[str, bytes] = {}
    for file in report.files.all():
        try:
            kept[file.form] = stored(file)
        except Missing as missing:
            faults.append(str(missing))
    if Form.SIGNED in kept:
        _check_signed(kept, same, faults)
    if not intact(report):
        return Comparison(tuple(same), tuple(faults))
    try:
        again = render(templates.build(report.inputs, report.template_version))
    except templates.TemplateGone:
        remarks.append(
            _("Mẫu bản %(n)d không còn đi cùng phần mềm nên không lập lại được; bản lưu trữ vẫn là bản gốc.")
            % {"n": report.template_version}
        )
        return Comparison(tuple(same), tuple(faults), tuple(remarks))
    other_tools = sorted(name for name, version in tools().items() if report.tools.get(name) != version)
    for form, made in again.items():
        if form not in kept:
            continue
        if made == kept[form]:
            same.append(_("%(form)s: lập lại giống từng byte.") % {"form": form.label})
        elif other_tools:
            remarks.append(
                _("%(form)s: lập lại ra byte khác vì thư viện đã đổi phiên bản (%(names)s); bản lưu trữ vẫn nguyên.")
                % {"form": form.label, "names": ", ".join(other_tools)}
            )
        else:
            faults.append(_("%(form)s: lập lại không giống bản lưu trữ.") % {"form": form.label})
    return Comparison(tuple(same), tuple(faults), tuple(remarks))


def _check_signed(kept: dict[str, bytes], same: list[str], faults: list[str]) -> None:
    """The signed PDF is the archived one with a signature appended, and the signature covers all of it."""
    signed = kept[Form.SIGNED]
    if Form.PDF in kept and not signed.startswith(kept[Form.PDF]):
        faults.append(_("Bản ký số không phải là bản PDF đã lập."))
        return
    try:
        (signature,) = PdfFileReader(BytesIO(signed)).embedded_signatures
        signature.compute_integrity_info()
        whole = signature.summarise_integrity_info()
    except (PdfError, ValueError) as error:
        faults.append(_("Không đọc được chữ ký số: %(error)s.") % {"error": error})
        return
    if whole["coverage"].name != "ENTIRE_FILE":
        faults.append(_("Chữ ký số không phủ hết tệp: có phần được thêm sau khi ký."))
    else:
        same.append(_("Bản ký số: là bản PDF này, chữ ký phủ hết tệp."))
