"""A workbook of check results → rows, or every fault with its place. Nothing is written here."""

from datetime import date
from typing import IO, Any

from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.workbooks import Column, Reading, WorkbookRefused, read
from dekhang.apps.core.workbooks.reading import day
from dekhang.apps.registry.models import Person
from dekhang.apps.registry.search import fold

ROWS_MOST = 20_000  # read while the person waits; a province brings its list in parts
OLDEST_DAYS = 5 * 365
PASSED = {
    "dat": True,
    "co": True,
    "x": True,
    "1": True,
    "khong dat": False,
    "khong": False,
    "chua dat": False,
    "0": False,
}


def _passed(text: str) -> bool:
    try:
        return PASSED[fold(text).strip()]
    except KeyError:
        raise ValueError(_("“%(text)s” không rõ; ghi “đạt” hoặc “không đạt”.") % {"text": text[:30]}) from None


def _score(text: str) -> float:
    try:
        score = float(text.replace(",", "."))
    except ValueError:
        score = -1
    if not 0 <= score <= 100:
        raise ValueError(_("“%(text)s” không phải điểm; ghi số từ 0 đến 100 hoặc để trống.") % {"text": text[:30]})
    return score


def _short(text: str) -> str:
    return text[:200]


COLUMNS = (
    Column("code", ("Mã cán bộ", "Mã", "Mã CBCCVC", "Mã nhân viên"), _short),
    Column("on", ("Ngày kiểm tra", "Ngày", "Ngày làm bài"), day),
    Column("passed", ("Kết quả", "Đạt"), _passed),
    Column("score", ("Điểm", "Điểm số"), _score, required=False),
    Column("issuer", ("Nơi tổ chức", "Đơn vị tổ chức", "Nơi cấp"), _short),
)


def read_checks(file: IO[bytes], name: str) -> tuple[list[tuple[int, dict[str, Any]]], Reading]:
    """(person's id, values) of each row, and the reading with every fault.

    Raises:
        WorkbookRefused: not a workbook, or without the columns, or too long to be read at once.
    """
    reading = read(file, name, COLUMNS, fold=fold)
    if len(reading.rows) > ROWS_MOST:
        raise WorkbookRefused(
            _("Tệp có %(rows)d dòng; mỗi lần nạp tối đa %(most)d. Hãy chia thành nhiều tệp.")
            % {"rows": len(reading.rows), "most": ROWS_MOST}
        )
    people = _people([row.values["code"] for row in reading.rows])
    today, seen, found = clock.today(), {}, []
    for row in reading.rows:
        fault = _fault(row.values, people, today, seen)
        if fault is not None:
            reading.add_fault(row.number, *fault)
            continue
        seen[row.values["code"], row.values["on"]] = row.number
        found.append((people[row.values["code"]], row.values))
    return found, reading


def _people(codes: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(codes), 500):
        found.update(Person.objects.filter(code__in=codes[start : start + 500]).values_list("code", "pk"))
    return found


def _fault(
    values: dict[str, Any], people: dict[str, int], today: date, seen: dict[tuple[str, date], int]
) -> tuple[str, str] | None:
    """Column and sentence of what is wrong with a row that can be read."""
    code, on = values["code"], values["on"]
    if code not in people:
        return _("Mã cán bộ"), _("không có cán bộ mã “%(code)s” trong danh sách; nạp danh sách cán bộ trước, hoặc sửa mã.") % {"code": code[:40]}  # fmt: skip
    if on > today:
        return _("Ngày kiểm tra"), _("ngày %(day)s chưa tới; ghi ngày đã làm bài.") % {"day": f"{on:%d/%m/%Y}"}
    if (today - on).days > OLDEST_DAYS:
        return _("Ngày kiểm tra"), _("ngày %(day)s quá cũ, kết quả không còn dùng được; bỏ dòng này.") % {"day": f"{on:%d/%m/%Y}"}  # fmt: skip
    if (code, on) in seen:
        return _("Mã cán bộ"), _("mã “%(code)s” đã có kết quả cùng ngày ở dòng %(row)d; xóa một dòng.") % {
            "code": code[:40],
            "row": seen[code, on],
        }
    return None
