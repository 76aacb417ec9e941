"""Reads one sheet of an .xlsx workbook or a CSV file into typed rows, bounded, never running anything in it.

Columns are found by any of their names, in any order, wherever the heading row stands among the first rows. A fault never
stops the reading: all are collected, so that a person mends the file once.
"""

import contextlib
import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import IO, Any

from django.utils.translation import gettext as _
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from dekhang.apps.core.forms import readable

FILE_BYTES = 40 * 1024 * 1024
UNPACKED_BYTES = 400 * 1024 * 1024  # a workbook is a zip: what it says that it unpacks to
ROWS = 200_000
HEADING_ROWS = 20  # the headings stand among the first so many rows, after titles and empty rows
CELL_CHARACTERS = 1_000
FAULTS = 1_000  # more are counted, not kept


class WorkbookRefused(ValueError):
    """The file cannot be read at all; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column that is looked for.

    Args:
        names: headings that mean it, compared without case and accents; the first is the one people are told.
        read: a cell's text → its value; raises ValueError with what to write there.
        required: a workbook without the column, or a row with an empty cell, is a fault.
    """

    key: str
    names: tuple[str, ...]
    read: Callable[[str], Any] = str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong where. `row` counts as the spreadsheet does; 0: about the whole sheet."""

    sheet: str
    row: int
    column: str  # letter and heading; "" when about the row
    text: str

    def __str__(self) -> str:
        place = _("Trang “%(sheet)s”") % {"sheet": self.sheet}
        if self.row:
            place += _(", dòng %(row)d") % {"row": self.row}
        if self.column:
            place += _(", cột %(column)s") % {"column": self.column}
        return f"{place}: {self.text}"


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    values: dict[str, Any]


@dataclass(slots=True)
class Reading:
    """Rows without a fault, and the faults of the others."""

    sheet: str = ""
    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    more_faults: int = 0

    def add_fault(self, row: int, column: str, text: str) -> None:
        if len(self.faults) < FAULTS:
            self.faults.append(Fault(self.sheet, row, column, text))
        else:
            self.more_faults += 1


def read(
    file: IO[bytes],
    name: str,
    columns: Sequence[Column],
    *,
    fold: Callable[[str], str],
    on_row: Callable[[int], None] = lambda number: None,
    take: Callable[[Row], None] | None = None,
) -> Reading:
    """Read the first sheet that has the headings.

    Args:
        fold: text → what is compared: lower case, without accents.
        on_row: told the number of every thousandth row, for progress.
        take: given every row without a fault instead of keeping it: a long list need not be held twice.
    Raises:
        WorkbookRefused: too large, not a workbook, or no sheet with the headings.
    """
    file.seek(0, io.SEEK_END)
    if file.tell() > FILE_BYTES:
        raise WorkbookRefused(
            _("Tệp lớn hơn %(limit)d MB. Hãy chia thành nhiều tệp.") % {"limit": FILE_BYTES // 1024**2}
        )
    file.seek(0)
    wanted = {fold(alias): column for column in columns for alias in column.names}
    closest: list[str] = []
    for sheet, lines in _sheets(file, name):
        found = _headings(lines, wanted, columns, fold)
        if isinstance(found, list):
            closest = min(closest or found, found, key=len)
            continue
        heading_row, places = found
        reading = Reading(sheet)
        _take_rows(reading, lines, heading_row, places, columns, on_row, take or reading.rows.append)
        return reading
    missing = ", ".join(f"“{name}”" for name in closest) or ", ".join(f"“{c.names[0]}”" for c in columns if c.required)
    raise WorkbookRefused(
        _(
            "Không thấy dòng tiêu đề có đủ các cột cần thiết; còn thiếu: %(missing)s. Ghi tên cột vào một trong %(rows)d dòng đầu."
        )
        % {"missing": missing, "rows": HEADING_ROWS}
    )


Lines = Iterator[tuple[int, Sequence[str]]]


def _sheets(file: IO[bytes], name: str) -> Iterator[tuple[str, Lines]]:
    """Sheets with their rows as texts, numbered from 1."""
    head = file.read(8)
    file.seek(0)
    if head.startswith(b"PK"):
        yield from _xlsx_sheets(file)
    elif head.startswith(b"\xd0\xcf\x11\xe0"):
        raise WorkbookRefused(
            _("Tệp là Excel kiểu cũ (.xls). Mở bằng Excel hoặc LibreOffice, lưu lại thành .xlsx rồi nạp.")
        )
    elif name.lower().endswith((".csv", ".txt")):
        yield name, _csv_lines(file)
    else:
        raise WorkbookRefused(_("Tệp không phải bảng tính. Hãy nạp tệp .xlsx, hoặc .csv mã UTF-8."))


def _xlsx_sheets(file: IO[bytes]) -> Iterator[tuple[str, Lines]]:
    damaged = WorkbookRefused(_("Tệp .xlsx bị hỏng nên không mở được. Mở lại bằng Excel, lưu thành tệp mới rồi nạp."))
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > UNPACKED_BYTES:
                raise WorkbookRefused(_("Tệp .xlsx giải nén ra quá lớn, không giống một danh sách. Hãy chia nhỏ."))
        file.seek(0)
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except (
        InvalidFileException,
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        OSError,
        TypeError,
        AttributeError,
    ) as error:
        if isinstance(error, WorkbookRefused):
            raise
        raise damaged from error
    try:
        for sheet in book.worksheets:
            yield sheet.title, _bounded(_xlsx_lines(sheet))
    finally:
        book.close()


def _xlsx_lines(sheet: Any) -> Lines:
    for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        yield number, [_text(cell) for cell in cells]


def _csv_lines(file: IO[bytes]) -> Lines:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        sample = text.read(4096)
        text.seek(0)
        delimiter = max(",;\t", key=sample.count)
        for number, cells in enumerate(csv.reader(text, delimiter=delimiter), start=1):
            yield number, [_text(cell) for cell in cells]
    except UnicodeDecodeError:
        raise WorkbookRefused(
            _("Tệp .csv không phải mã UTF-8. Trong Excel chọn “CSV UTF-8” khi lưu, rồi nạp lại.")
        ) from None
    except csv.Error:
        raise WorkbookRefused(_("Tệp .csv bị hỏng: có ô quá dài hoặc dấu nháy không đóng.")) from None
    finally:
        with contextlib.suppress(ValueError):  # the file is its opener's to close, and may be closed already
            text.detach()


def _bounded(lines: Lines) -> Lines:
    for number, cells in lines:
        if number > ROWS + HEADING_ROWS:
            raise WorkbookRefused(_("Trang có hơn %(limit)d dòng. Hãy chia thành nhiều tệp.") % {"limit": ROWS})
        yield number, cells


def _text(cell: Any) -> str:
    """A cell as people see it: dates in ISO form, whole numbers without “.0”."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time().isoformat() == "00:00:00" else cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return readable(str(cell)[:CELL_CHARACTERS], several_lines=False)


def _headings(
    lines: Lines, wanted: dict[str, Column], columns: Sequence[Column], fold: Callable[[str], str]
) -> tuple[int, dict[str, tuple[int, str]]] | list[str]:
    """The heading's row and where each column stands; else what the best row lacks."""
    best = [column.names[0] for column in columns if column.required]
    for number, cells in lines:
        if number > HEADING_ROWS:
            break
        places: dict[str, tuple[int, str]] = {}
        for place, cell in enumerate(cells):
            column = wanted.get(fold(cell))
            if column is not None and column.key not in places:
                places[column.key] = (place, cell)
        missing = [column.names[0] for column in columns if column.required and column.key not in places]
        if not missing:
            return number, places
        if places and len(missing) < len(best):
            best = missing
    return best


def _take_rows(
    reading: Reading,
    lines: Iterable[tuple[int, Sequence[str]]],
    heading_row: int,
    places: dict[str, tuple[int, str]],
    columns: Sequence[Column],
    on_row: Callable[[int], None],
    take: Callable[[Row], None],
) -> None:
    for number, cells in lines:
        if number % 1000 == 0:
            on_row(number)
        if number <= heading_row or not any(cells):
            continue
        values: dict[str, Any] = {}
        good = True
        for column in columns:
            if column.key not in places:
                values[column.key] = None
                continue
            place, heading = places[column.key]
            text = cells[place] if place < len(cells) else ""
            shown = f"{get_column_letter(place + 1)} ({heading})"
            if not text:
                values[column.key] = None
                if column.required:
                    reading.add_fault(
                        number, shown, _("ô này trống; cần ghi %(what)s.") % {"what": column.names[0].lower()}
                    )
                    good = False
                continue
            try:
                values[column.key] = column.read(text)
            except ValueError as error:
                reading.add_fault(number, shown, str(error))
                good = False
        if good:
            take(Row(number, values))


_VIETNAMESE_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")


def day(text: str) -> date:
    """A date as people write it here (31/12/2019) or as spreadsheets keep it (2019-12-31)."""
    found = _VIETNAMESE_DAY.fullmatch(text.strip())
    try:
        if found:
            return date(int(found[3]), int(found[2]), int(found[1]))
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        raise ValueError(_("“%(text)s” không phải ngày; ghi theo mẫu 31/12/2019.") % {"text": text[:30]}) from None
