"""The minutes of a visit (biên bản kiểm tra) as an editable DOCX: layout after Decree 30/2020, contents from the record."""

from datetime import datetime
from itertools import groupby

from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang.apps.core import official
from dekhang.apps.inspections.enums import FindingStatus, Result
from dekhang.apps.inspections.models import Visit
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.letterhead import place, province_name


def minutes_docx(visit: Visit, *, made_at: datetime) -> bytes:
    """The DOCX, as bytes. No official form of these minutes was obtained; the page says so."""
    unit = registry.unit_name(visit.unit_id, visit.day)
    province = province_name(visit.day).removeprefix("UBND ")
    document = official.new_document(made_at=made_at, title=_("Biên bản kiểm tra %(unit)s") % {"unit": unit}, author=str(visit.lead))  # fmt: skip
    official.put_heads(
        document,
        official.Heads(
            superior=f"Ủy ban nhân dân {province}" if province else "",
            issuer=_("Đoàn kiểm tra"),
            number=_("Số: %(number)s") % {"number": f"{official.BLANK[:3]}/BB-ĐKT"},
            place_and_date=f"{place(visit.day) or official.BLANK[:8]}, {official.date_line(timezone.localtime(made_at).date())}",
        ),
    )
    official.put_title(document, _("Biên bản kiểm tra"), visit.checklist_title)
    for basis in _bases(visit):
        official.put_text(document, _("Căn cứ %(text)s;") % {"text": basis}, italic=True)
    official.put_field(document, _("Đơn vị được kiểm tra"), unit)
    official.put_field(document, _("Ngày kiểm tra"), f"{visit.day:%d/%m/%Y}")
    official.put_field(document, _("Trưởng đoàn"), str(visit.lead))
    if members := ", ".join(str(member) for member in visit.members.order_by("pk")):
        official.put_field(document, _("Thành viên"), members)
    heads = list(registry.heads(visit.unit_id))
    official.put_field(document, _("Đại diện đơn vị"), ", ".join(map(str, heads)) or official.BLANK)
    if visit.purpose:
        official.put_field(document, _("Mục đích"), visit.purpose)
    _put_items(document, visit)
    _put_findings(document, visit)
    official.put_field(document, _("Kết luận của đoàn kiểm tra"), visit.conclusion)
    official.put_field(document, _("Ý kiến của đơn vị"), visit.unit_view or official.BLANK)
    official.put_two_signatures(
        document,
        (_("Đại diện đơn vị"), str(heads[0]) if heads else ""),
        (_("Trưởng đoàn kiểm tra"), str(visit.lead)),
    )
    official.put_text(
        document,
        _("Danh mục kiểm tra và bố cục biên bản do hệ thống soạn, vì chưa có mẫu chính thức."),
        italic=True,
        size=9,
    )
    return official.as_bytes(document)


def _bases(visit: Visit) -> list[str]:
    """Texts that the items rest on, each once, in their order."""
    return list(dict.fromkeys(basis for item in visit.items.all() for basis in item.basis))


def _put_items(document: official.DocumentType, visit: Visit) -> None:
    official.put_text(document, _("Kết quả từng mục:"), bold=True)
    heads = (_("TT"), _("Nội dung"), _("Kết quả"), _("Ghi chú, minh chứng đã xem"))
    rows = []
    for group, items in groupby(visit.items.all(), key=lambda item: item.group):
        for item in items:
            said = "\n".join(filter(None, [item.note, item.seen and _("Đã xem: %(seen)s") % {"seen": item.seen}]))
            result = Result(item.result).label if item.result else ""
            rows.append((str(item.number), f"{group}: {item.text}", str(result), said))
    official.put_table(document, heads, (10, 70, 22, 63), rows)


def _put_findings(document: official.DocumentType, visit: Visit) -> None:
    findings = visit.findings.exclude(status=FindingStatus.WITHDRAWN)
    if not findings:
        official.put_text(document, _("Đoàn kiểm tra không ghi phát hiện nào."), bold=True)
        return
    official.put_text(document, _("Phát hiện và yêu cầu khắc phục:"), bold=True)
    heads = (_("TT"), _("Phát hiện"), _("Mức độ"), _("Phải làm"), _("Hạn"))
    rows = [
        (str(number), one.text, str(one.get_severity_display()), one.required, f"{one.due_on:%d/%m/%Y}")
        for number, one in enumerate(findings, start=1)
    ]
    official.put_table(document, heads, (10, 55, 25, 50, 25), rows)
