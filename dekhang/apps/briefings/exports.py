"""What came of a briefing as a table: one row for each invited unit and each name."""

from collections.abc import Iterator, Sequence

from django.utils import timezone

from dekhang.apps.briefings.models import Briefing
from dekhang.apps.briefings.selectors import Line, summary_of
from dekhang.apps.core.sheets import Table

HEADINGS = ("Đơn vị được mời", "Có mặt", "Họ và tên", "Chức vụ", "Lúc", "Cách điểm danh", "Ghi chú", "Số người đã đọc tài liệu")  # fmt: skip


def table_of(briefing: Briefing, lines: Sequence[Line]) -> Table:
    return Table(
        "Kết quả hội nghị",
        HEADINGS,
        _rows(lines),
        notes=[
            ("Hội nghị", briefing.title),
            ("Bắt đầu", f"{timezone.localtime(briefing.starts_at):%H:%M %d/%m/%Y}"),
            ("Kết quả", in_one_line(lines)),
            ("Ý nghĩa", "Dự họp và đọc tài liệu là bằng chứng đã được quán triệt, không phải đã thực hiện."),
        ],
    )


def in_one_line(lines: Sequence[Line]) -> str:
    found = summary_of(list(lines))
    return (
        f"Có mặt {found.came}/{found.invited} đơn vị được mời, {found.people} người; "
        f"{found.informed} đơn vị có người dự hoặc đã đọc đủ tài liệu."
    )


def _rows(lines: Sequence[Line]) -> Iterator[list[str]]:
    for line in lines:
        came = "có" if line.came else "vắng"
        if not line.attendances:
            yield [line.unit, came, "", "", "", "", "", str(line.readers)]
        for row in line.attendances:
            note = f"Gạch tên: {row.strike_reason}" if row.struck_at else ""
            at = f"{timezone.localtime(row.at):%H:%M:%S %d/%m/%Y}"
            yield [line.unit, came, row.name, row.title, at, str(row.get_way_display()), note, str(line.readers)]
