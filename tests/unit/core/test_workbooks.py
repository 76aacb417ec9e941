"""Workbooks that people bring: every fault with its place, nothing believed, nothing run."""

import io
import zipfile
from datetime import date, datetime

import pytest
import xlsxwriter

from dekhang.apps.core.workbooks import Column, WorkbookRefused, read
from dekhang.apps.core.workbooks import reading as module
from dekhang.apps.registry.search import fold


def number(text):
    if not text.isdigit():
        raise ValueError("ghi một số.")
    return int(text)


COLUMNS = (
    Column("name", ("Họ và tên", "Họ tên")),
    Column("age", ("Tuổi",), number),
    Column("since", ("Từ ngày",), module.day, required=False),
)


def xlsx(*sheets):
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    for name, rows in sheets:
        sheet = book.add_worksheet(name)
        for y, row in enumerate(rows):
            for x, cell in enumerate(row):
                sheet.write_datetime(y, x, cell, day) if isinstance(cell, datetime) else sheet.write(y, x, cell)
    book.close()
    target.seek(0)
    return target


def take(file, name="danh-sach.xlsx"):
    return read(file, name, COLUMNS, fold=fold)


def test_columns_are_found_by_name_in_any_order_below_titles():
    found = take(
        xlsx(
            (
                "Trang 1",
                [["DANH SÁCH"], [], ["Tuổi", "ghi chú", "HO TEN"], [41, "x", "Nguyễn Văn A"], [], [30.0, "", "Trần B"]],
            )
        )
    )
    assert [(row.number, row.values["name"], row.values["age"]) for row in found.rows] == [
        (4, "Nguyễn Văn A", 41),
        (6, "Trần B", 30),
    ]
    assert found.faults == []


def test_the_first_sheet_with_the_headings_is_taken():
    found = take(xlsx(("Bìa", [["Quyết định"]]), ("Dữ liệu", [["Họ tên", "Tuổi"], ["A", 1]])))
    assert (found.sheet, len(found.rows)) == ("Dữ liệu", 1)


def test_every_fault_names_sheet_row_column_and_what_to_write():
    found = take(
        xlsx(
            (
                "DS",
                [["Họ tên", "Tuổi", "Từ ngày"], ["A", "bốn mươi", "31/02/2019"], ["", 5, ""], ["B", 7, "01/12/2019"]],
            )
        )
    )
    assert [str(fault) for fault in found.faults] == [
        "Trang “DS”, dòng 2, cột B (Tuổi): ghi một số.",
        "Trang “DS”, dòng 2, cột C (Từ ngày): “31/02/2019” không phải ngày; ghi theo mẫu 31/12/2019.",
        "Trang “DS”, dòng 3, cột A (Họ tên): ô này trống; cần ghi họ và tên.",
    ]
    assert [row.values["since"] for row in found.rows] == [date(2019, 12, 1)]


def test_dates_that_the_spreadsheet_knows_are_dates():
    found = take(xlsx(("DS", [["Họ tên", "Tuổi", "Từ ngày"], ["A", 1, datetime(2019, 12, 10)]])))
    assert found.rows[0].values["since"] == date(2019, 12, 10)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_in_utf_8_is_read_whatever_separates(delimiter):
    text = "\ufeffHọ tên,Tuổi\nNguyễn,5\n".replace(",", delimiter)
    assert take(io.BytesIO(text.encode()), "ds.csv").rows[0].values == {"name": "Nguyễn", "age": 5, "since": None}


def zipped(entries):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    target.seek(0)
    return target


@pytest.mark.parametrize(
    ("file", "name", "sentence"),
    [
        (io.BytesIO(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "ds.xls", "Excel kiểu cũ"),
        (io.BytesIO(b"%PDF-1.7"), "ds.pdf", "không phải bảng tính"),
        (io.BytesIO(b"PK\x03\x04 hong"), "ds.xlsx", "bị hỏng"),
        (zipped({"a.txt": b"x"}), "ds.xlsx", "bị hỏng"),
        (io.BytesIO("Họ tên,Tuổi\nNguyễn,5".encode("cp1258", "replace")), "ds.csv", "UTF-8"),
        (io.BytesIO(b"a,b\n1,2\n"), "ds.csv", "còn thiếu: “Họ và tên”, “Tuổi”"),
        (io.BytesIO("Họ tên,b\n1,2\n".encode()), "ds.csv", "còn thiếu: “Tuổi”"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_do(file, name, sentence):
    with pytest.raises(WorkbookRefused, match=sentence):
        take(file, name)


def test_bombs_and_endless_lists_are_refused(monkeypatch):
    monkeypatch.setattr(module, "UNPACKED_BYTES", 1_000_000)
    with pytest.raises(WorkbookRefused, match="giải nén ra quá lớn"):
        take(zipped({"xl/worksheets/sheet1.xml": b"0" * 2_000_000}))
    monkeypatch.setattr(module, "ROWS", 5)
    with pytest.raises(WorkbookRefused, match="hơn 5 dòng"):
        take(xlsx(("DS", [["Họ tên", "Tuổi"], *([["A", 1]] * 40)])))
    monkeypatch.setattr(module, "FAULTS", 2)
    found = take(xlsx(("DS", [["Họ tên", "Tuổi"], *([["A", "x"]] * 4)])))
    assert (len(found.faults), found.more_faults) == (2, 2)


def test_formulas_and_hidden_signs_are_only_text():
    found = take(xlsx(("DS", [["Họ tên", "Tuổi"], ["\u202eA\u200b B", 1]])))
    assert found.rows[0].values["name"] == "A B"
