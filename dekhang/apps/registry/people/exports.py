"""The roster as a workbook that can be brought in again."""

import io
from collections.abc import Iterable

import xlsxwriter

from dekhang.apps.core.cells import guarded
from dekhang.apps.registry.models import Employment
from dekhang.apps.registry.people.columns import COLUMNS
from dekhang.apps.registry.selectors import unit_names


def xlsx(employments: Iterable[Employment]) -> bytes:
    rows = list(employments)
    names = unit_names({row.unit_id for row in rows})
    target = io.BytesIO()
    book = xlsxwriter.Workbook(
        target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    sheet = book.add_worksheet("Danh sách cán bộ")
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    for place, column in enumerate(COLUMNS):
        sheet.write_string(0, place, column.names[0], bold)
    for number, row in enumerate(rows, start=1):
        person = row.person
        cells = (
            person.code,
            person.name,
            names.get(row.unit_id, ""),
            row.title,
            person.email,
            person.phone,
            f"{row.valid_from:%d/%m/%Y}",
        )
        for place, cell in enumerate(cells):
            sheet.write_string(number, place, guarded(cell))
    sheet.set_column(0, 6, 24)
    sheet.freeze_panes(1, 0)
    book.close()
    return target.getvalue()
