"""The board as CSV and XLSX: every row carries its date, source and definition, and no cell can become a formula."""

import csv
import io
from collections.abc import Iterable, Iterator

import xlsxwriter
from django.utils import timezone

from dekhang.apps.core.cells import guarded
from dekhang.apps.scoreboard.definitions import definition_of, measure_words
from dekhang.apps.scoreboard.figures import Board, BoardRow

HEADINGS = (
    "Ngày",
    "Tính đến",
    "Nghĩa vụ",
    "Đơn vị",
    "Loại",
    "Thuộc",
    "Trạng thái",
    "Tính là đã khai báo",
    "Tính là đã chứng minh",
    "Vì sao chưa được tính",
    "Việc tiếp theo",
    "Ở trạng thái này từ",
    "Chứng minh tới",
    "Chi tiết: đạt",
    "Chi tiết: tổng",
    "Giải trình",
    "Nguồn số liệu",
    "Định nghĩa",
)


def source_of(board: Board) -> str:
    if board.snapshot is None:
        return "Tính từ bằng chứng lúc xem"
    return (
        f"Số liệu đã chốt {timezone.localtime(board.snapshot.frozen_at):%H:%M %d/%m/%Y}, mã băm {board.snapshot.digest}"
    )


def contests_text(board: Board, row: BoardRow) -> str:
    """What the unit contests and what became of it, each in a sentence."""
    return "; ".join(
        f"số liệu ngày {mark.day:%d/%m/%Y}: {mark.words.lower()}" + (f" ({mark.answer})" if mark.answer else "")
        for mark in board.marks.get(row.unit_id, ())
    )


def contests_of(board: Board) -> str:
    """How many contests stand beside the board's number."""
    counts = board.contests
    if not counts:
        return "không có"
    return f"{counts.open} chờ xem xét, {counts.corrected} được sửa, {counts.refused} bị từ chối"


def coverage_text(board: Board) -> str:
    """How much of the day's logs the share rests on."""
    if board.coverage is None:
        return "không tính trên log"
    return f"{board.coverage.sent} bản ghi gửi trong ngày, mất {board.coverage.lost}"


def _cells(board: Board, rows: Iterable[BoardRow], names: dict[int, str]) -> Iterator[list[str]]:
    source, definition = source_of(board), definition_of(board.duty, board.day).in_one_line()
    at = f"{timezone.localtime(board.at):%Y-%m-%d %H:%M}"
    for row in rows:
        yield [
            guarded(cell)
            for cell in (
                board.day.isoformat(),
                at,
                board.duty.title,
                row.name,
                row.subtype,
                names.get(row.parent_id or 0, ""),
                str(row.state.label),
                "có" if row.declared else "không",
                "có" if row.proven else "không",
                row.reason,
                row.next_step,
                f"{timezone.localtime(row.since):%Y-%m-%d %H:%M}" if row.since else "",
                f"{timezone.localtime(row.proven_until):%Y-%m-%d %H:%M}" if row.proven_until else "",
                f"{row.measure.done:g}" if row.measure else "",
                f"{row.measure.whole:g}" if row.measure else "",
                contests_text(board, row),
                source,
                definition,
            )
        ]


def as_csv(board: Board, rows: Iterable[BoardRow], names: dict[int, str]) -> bytes:
    """UTF-8 with a mark at the start, so that Excel reads Vietnamese letters."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADINGS)
    writer.writerows(_cells(board, rows, names))
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(board: Board, rows: Iterable[BoardRow], names: dict[int, str]) -> bytes:
    """One sheet of rows, one that says what the numbers mean. Every cell is text: nothing is computed in it."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(
        target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    bold, wrap = (
        book.add_format({"bold": True, "text_wrap": True}),
        book.add_format({"text_wrap": True, "valign": "top"}),
    )
    sheet = book.add_worksheet("Các đơn vị")
    columns = len(HEADINGS) - 2  # source and definition have a sheet of their own here
    for column, heading in enumerate(HEADINGS[:columns]):
        sheet.write_string(0, column, heading, bold)
    for line, cells in enumerate(_cells(board, rows, names), start=1):
        for column, cell in enumerate(cells[:columns]):
            sheet.write_string(line, column, cell, wrap)
    sheet.freeze_panes(1, 4)
    sheet.set_column(0, 2, 16)
    sheet.set_column(3, 8, 22)
    sheet.set_column(9, 10, 48)
    notes = book.add_worksheet("Định nghĩa")
    notes.set_column(0, 0, 28)
    notes.set_column(1, 1, 100)
    for line, (label, text) in enumerate(
        (
            ("Nghĩa vụ", board.duty.title),
            ("Ngày", board.day.isoformat()),
            ("Tính đến", f"{timezone.localtime(board.at):%H:%M %d/%m/%Y}"),
            ("Đơn vị có hiệu lực", str(board.units)),
            ("Đã khai báo", str(board.declared)),
            ("Đã chứng minh", str(board.proven)),
            ("Tỷ lệ chi tiết", measure_words(board) or "không có"),
            ("Nguồn số liệu", source_of(board)),
            ("Giải trình", contests_of(board)),
            ("Độ phủ của log", coverage_text(board)),
            ("Định nghĩa", definition_of(board.duty, board.day).in_one_line()),
            ("Mốc so sánh", board.reference.label if board.reference else "không có"),
        )
    ):
        notes.write_string(line, 0, label, bold)
        notes.write_string(line, 1, guarded(text), wrap)
    book.close()
    return target.getvalue()
