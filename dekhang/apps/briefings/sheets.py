"""The sign-in sheet as a workbook: printed or filled in, and read back."""

import io
from collections.abc import Sequence
from typing import IO

import xlsxwriter
from django.utils.translation import gettext as _

from dekhang.apps.briefings.models import Briefing
from dekhang.apps.briefings.selectors import Line, invited_names, lines_of
from dekhang.apps.core.cells import guarded
from dekhang.apps.core.workbooks import Column, Fault
from dekhang.apps.core.workbooks import read as read_workbook
from dekhang.apps.registry.search import fold

ROWS = 2_000  # of one briefing's list


class SheetFaults(ValueError):
    """What is wrong in a workbook, all of it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults[:3]))
        self.faults = list(faults)


def _name(text: str) -> str:
    if len(text) > 200 or not any(character.isalpha() for character in text):
        raise ValueError(_("“%(text)s” không phải họ tên; ghi họ và tên đầy đủ.") % {"text": text[:40]})
    return text


def _mark(text: str) -> bool:
    if fold(text) in {"x", "co", "1", "co mat", "v"}:
        return True
    if fold(text) in {"0", "khong", "vang", "-"}:
        return False
    raise ValueError(_("“%(text)s” không rõ có mặt hay không; ghi x nếu có mặt, để trống nếu vắng.") % {"text": text[:20]})  # fmt: skip


COLUMNS = (
    Column("unit", ("Đơn vị", "Cơ quan", "Tên đơn vị"), lambda text: text[:200]),
    Column("name", ("Họ và tên", "Họ tên"), _name, required=False),
    Column("title", ("Chức vụ", "Chức danh"), lambda text: text[:200], required=False),
    Column("came", ("Có mặt", "Có mặt (x)", "Dự họp"), _mark, required=False),
)
HEADINGS = ("TT", "Đơn vị", "Họ và tên", "Chức vụ", "Có mặt (x)", "Ký tên")


def rows_of(briefing: Briefing, file: IO[bytes], name: str) -> tuple[list[list[object]], list[Fault]]:
    """Rows that the workbook adds, as [invitation id, name, title], and every fault.

    Who is already on the list, and who is not marked as present, is left out.
    """
    reading = read_workbook(file, name, COLUMNS, fold=fold)
    invitations = list(briefing.invitations.all())
    names = invited_names(invitations)
    by_name = {fold(names[one.pk]): one for one in invitations}
    standing = set(briefing.attendances.filter(struck_at=None).values_list("invitation_id", "name_key"))
    rows: list[list[object]] = []
    for row in reading.rows:
        values = row.values
        if not values["came"]:
            continue
        invitation = by_name.get(fold(values["unit"]))
        if invitation is None:
            text = _("“%(unit)s” không có trong danh sách mời; ghi đúng tên đơn vị như trong tệp tải về.")
            reading.add_fault(row.number, "Đơn vị", text % {"unit": values["unit"][:60]})
            continue
        if not values["name"]:
            reading.add_fault(row.number, "Họ và tên", _("ô này trống mà dòng được đánh dấu có mặt; cần ghi họ tên."))
            continue
        key = (invitation.pk, fold(values["name"]))
        if key in standing:
            continue
        standing.add(key)
        rows.append([invitation.pk, values["name"], values["title"] or ""])
    if len(rows) > ROWS:
        reading.add_fault(0, "", _("có hơn %(limit)d người; hãy chia thành nhiều tệp.") % {"limit": ROWS})
    return rows, reading.faults


def blank(briefing: Briefing) -> bytes:
    """The sheet of all invited: one row for each person who is expected, or one for the unit."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(
        target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    sheet = book.add_worksheet("Danh sách ký tên")
    bold = book.add_format({"bold": True, "text_wrap": True, "border": 1, "valign": "top"})
    box = book.add_format({"border": 1, "text_wrap": True, "valign": "top"})
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.repeat_rows(1)
    sheet.write_string(0, 0, guarded(briefing.title), book.add_format({"bold": True}))
    for place, heading in enumerate(HEADINGS):
        sheet.write_string(1, place, heading, bold)
    for number, line in enumerate(expected(lines_of(briefing)), start=1):
        unit, name, title, came = line
        for place, cell in enumerate((str(number), unit, name, title, "x" if came else "", "")):
            sheet.write_string(number + 1, place, guarded(cell), box)
    for place, width in enumerate((5, 36, 30, 26, 10, 24)):
        sheet.set_column(place, place, width)
    sheet.freeze_panes(2, 0)
    book.close()
    return target.getvalue()


def expected(lines: Sequence[Line]) -> list[tuple[str, str, str, bool]]:
    """(unit, name, title, came) for everybody expected or there; a unit without names has one empty row."""
    found: list[tuple[str, str, str, bool]] = []
    for line in lines:
        there = {row.name_key for row in line.standing}
        rows = [(line.unit, row.name, row.title, True) for row in line.standing]
        rows += [(line.unit, name, title, False) for name, title in line.awaited if fold(name) not in there]
        found += rows or [(line.unit, "", "", False)]
    return found
