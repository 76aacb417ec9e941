"""What came of a briefing, as CSV or XLSX: one row for each invited unit and each name."""

import csv
import io
from collections.abc import Iterator, Sequence

import xlsxwriter
from django.utils import timezone

from dekhang.apps.briefings.models import Briefing
from dekhang.apps.briefings.selectors import Line, summary_of
from dekhang.apps.core.cells import guarded

HEADINGS = ("Đơn vị được mời", "Có mặt", "Họ và tên", "Chức vụ", "Lúc", "Cách điểm danh", "Ghi chú", "Số người đã đọc tài liệu")  # fmt: skip


def _cells(lines: Sequence[Line]) -> Iterator[list[str]]:
    for line in lines:
        rows = line.attendances or [None]
        for row in rows:
            if row is None:
                cells = [line.unit, "vắng", "", "", "", "", "", str(line.readers)]
            else:
                note = f"Gạch tên: {row.strike_reason}" if row.struck_at else ""
                cells = [
                    line.unit,
                    "có" if line.came else "vắng",
                    row.name,
                    row.title,
                    f"{timezone.localtime(row.at):%H:%M:%S %d/%m/%Y}",
                    str(row.get_way_display()),
                    note,
                    str(line.readers),
                ]
            yield [guarded(cell) for cell in cells]


def in_one_line(lines: Sequence[Line]) -> str:
    found = summary_of(list(lines))
    return f"Có mặt {found.came}/{found.invited} đơn vị được mời, {found.people} người; {found.informed} đơn vị có người dự hoặc đã đọc đủ tài liệu."


def csv_of(briefing: Briefing, lines: Sequence[Line]) -> bytes:
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow([guarded(briefing.title), in_one_line(lines)])
    writer.writerow(HEADINGS)
    writer.writerows(_cells(lines))
    return b"\xef\xbb\xbf" + target.getvalue().encode()


def xlsx_of(briefing: Briefing, lines: Sequence[Line]) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(
        target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    sheet = book.add_worksheet("Kết quả")
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    sheet.write_string(0, 0, guarded(briefing.title), bold)
    sheet.write_string(1, 0, in_one_line(lines))
    for place, heading in enumerate(HEADINGS):
        sheet.write_string(3, place, heading, bold)
    for number, cells in enumerate(_cells(lines), start=4):
        for place, cell in enumerate(cells):
            sheet.write_string(number, place, cell)
    for place, width in enumerate((36, 8, 28, 26, 20, 24, 30, 12)):
        sheet.set_column(place, place, width)
    sheet.freeze_panes(4, 0)
    book.close()
    return target.getvalue()
