"""Rows of a plan as CSV and XLSX: each carries its date and plan, and no cell can become a formula."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

import xlsxwriter
from django.utils import timezone

from dekhang.apps.cascade.enums import DeadlineKind, Period
from dekhang.apps.cascade.models import PlanVersion
from dekhang.apps.cascade.periods import words_of
from dekhang.apps.cascade.selectors import Row
from dekhang.apps.core.cells import guarded
from dekhang.apps.registry.enums import UnitKind
from dekhang.law import load

HEADINGS = (
    "Tính đến",
    "Kế hoạch",
    "Việc số",
    "Việc",
    "Đơn vị",
    "Khối",
    "Vai",
    "Trạng thái",
    "Hạn",
    "Kỳ",
    "Quá hạn",
    "Giao ngày",
    "Chứng minh bằng",
    "Căn cứ",
)
WIDTHS = (16, 40, 8, 48, 28, 22, 10, 16, 14, 18, 9, 16, 40, 40)


def proof_words(row: Row) -> str:
    parts = [f"nghĩa vụ “{load().duty(row.task.duty_key).short}”"] if row.task.duty_key else []
    return " và ".join([*parts, *(["báo cáo được kiểm tra"] if row.task.own_proof else [])])


def due_words(row: Row) -> str:
    if row.due_on is not None:
        return f"{row.due_on:%d/%m/%Y}"
    return Period(row.task.period).label if row.task.deadline == DeadlineKind.RECURRING else "thường xuyên"


def _cells(version: PlanVersion, rows: Iterable[Row], at: datetime) -> Iterator[list[str]]:
    law, until = load(), f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
    for row in rows:
        yield [
            guarded(str(cell))
            for cell in (
                until,
                version,
                row.task.order,
                row.task.title,
                row.unit_name,
                UnitKind(row.kind).label,
                row.assignment.get_role_display(),
                row.state.label,
                due_words(row),
                words_of(row.period.starts_on, row.period.ends_on) if row.period else "",
                "có" if row.overdue else "không",
                f"{timezone.localtime(row.assignment.sent_at):%d/%m/%Y}",
                proof_words(row),
                "; ".join([*(law.cite(key) for key in row.task.basis), *filter(None, [row.task.basis_note])]),
            )
        ]


def as_csv(version: PlanVersion, rows: Iterable[Row], at: datetime) -> bytes:
    """UTF-8 with a mark at the start, so that Excel reads Vietnamese letters."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADINGS)
    writer.writerows(_cells(version, rows, at))
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(version: PlanVersion, rows: Iterable[Row], at: datetime) -> bytes:
    """One sheet; every cell is text: nothing is computed in it."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(
        target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    bold = book.add_format({"bold": True, "text_wrap": True})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    sheet = book.add_worksheet("Việc được giao")
    for column, (heading, width) in enumerate(zip(HEADINGS, WIDTHS, strict=True)):
        sheet.write_string(0, column, heading, bold)
        sheet.set_column(column, column, width)
    for line, cells in enumerate(_cells(version, rows, at), start=1):
        for column, cell in enumerate(cells):
            sheet.write_string(line, column, cell, wrap)
    sheet.freeze_panes(1, 5)
    book.close()
    return target.getvalue()
