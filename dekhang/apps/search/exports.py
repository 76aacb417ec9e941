"""Found events as CSV, JSON lines and XLSX, bounded; no cell can become a formula, and a cut file says that it is cut."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
import xlsxwriter
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang.apps.core.cells import MAX_CELL, guarded
from dekhang.apps.search.finding import Row, rows_of
from dekhang.apps.search.selectors import Sight
from dekhang.pipeline.stores.search import Node, Range, look_up

ROWS_MOST = 10_000  # × ~3 kB ≈ 30 MB in memory …
BYTES_MOST = 64 << 20  # … and of raw records, which may have a megabyte each
_AT_ONCE = 100
BUDGET_SECONDS = 20.0
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
HEADINGS = (
    "Lúc",
    "Lúc nhận",
    "Đơn vị",
    "Nguồn log",
    "Loại",
    "Máy",
    "Tài khoản",
    "Địa chỉ nguồn",
    "Mã sự kiện",
    "Số hiệu",
    "Các trường",
    "Nguyên văn",
)


@dataclass(frozen=True, slots=True)
class Export:
    """Args: cut: a sentence that says why the file does not hold everything, "" = it does."""

    rows: list[Row]
    cut: str


def collect(sight: Sight, question: Node, within: Range) -> Export:
    """The newest matching events, as many as an export may hold.

    Raises:
        TooBusy: others search.
    """
    answer = look_up(
        settings.DATA,
        question,
        within,
        unit_ids=sight.unit_ids,
        limit=ROWS_MOST,
        budget_seconds=BUDGET_SECONDS,
    )
    rows: list[Row] = []
    size_bytes = 0
    for start in range(0, len(answer.positions), _AT_ONCE):
        for row in rows_of(sight, answer.positions[start : start + _AT_ONCE]):
            size_bytes += len(row.event.raw)
            if size_bytes > BYTES_MOST:
                sentence = _(
                    "Các bản ghi quá lớn: tệp này chỉ có %(n)d sự kiện mới nhất; hãy thu hẹp khoảng thời gian."
                )
                return Export(rows, sentence % {"n": len(rows)})
            rows.append(row)
    if answer.complete_from_ms is not None:
        return Export(rows, _("Hết thời gian trước khi xem hết khoảng đã chọn: tệp này chỉ có phần mới nhất."))
    if answer.more:
        sentence = _("Còn nhiều sự kiện nữa: một tệp chỉ có %(n)d sự kiện mới nhất; hãy thu hẹp khoảng thời gian.")
        return Export(rows, sentence % {"n": ROWS_MOST})
    return Export(rows, "")


def written(export: Export, form: str) -> bytes:
    return {"csv": _csv, "jsonl": _jsonl, "xlsx": _xlsx}[form](export)


def _cells(rows: Sequence[Row]) -> Iterator[list[str]]:
    for row in rows:
        event = row.event
        cells = (
            _exact(event.time_ms),
            _exact(event.received_ms),
            row.unit,
            row.source,
            event.kind,
            event.host,
            event.user,
            event.src_ip,
            event.event_code,
            str(event.event_id),
            orjson.dumps(event.fields).decode(),
            event.raw_text,
        )
        yield [guarded(cell) for cell in cells]


def _notes(export: Export, lines: Sequence[Sequence[str]]) -> list[str]:
    """What is said below the lines of a spreadsheet."""
    notes = [export.cut] if export.cut else []
    if any(len(cell) >= MAX_CELL for cells in lines for cell in cells):
        notes.append(_("Có ô dài hơn %(n)d ký tự nên bị cắt bớt; bản JSON Lines giữ trọn.") % {"n": MAX_CELL})
    return notes


def _exact(epoch_ms: int) -> str:
    moment = datetime.fromtimestamp(epoch_ms / 1000, timezone.get_current_timezone())
    return moment.isoformat(timespec="milliseconds")


def _csv(export: Export) -> bytes:
    """UTF-8 with a mark at the start, so that Excel reads Vietnamese letters."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADINGS)
    lines = list(_cells(export.rows))
    writer.writerows(lines)
    writer.writerows([note] for note in _notes(export, lines))
    return text.getvalue().encode("utf-8-sig", "replace")


def _jsonl(export: Export) -> bytes:
    lines = [
        orjson.dumps(
            {
                "event_id": row.event.event_id,
                "time": _exact(row.event.time_ms),
                "received_at": _exact(row.event.received_ms),
                "unit": row.unit,
                "source": row.source,
                "kind": row.event.kind,
                "host": row.event.host,
                "fields": row.event.fields,
                "raw": row.event.raw_text,
            }
        )
        for row in export.rows
    ]
    if export.cut:
        lines.append(orjson.dumps({"incomplete": export.cut}))
    return b"".join(line + b"\n" for line in lines)


def _xlsx(export: Export) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(
        target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    bold = book.add_format({"bold": True})
    sheet = book.add_worksheet("Sự kiện")
    for column, heading in enumerate(HEADINGS):
        sheet.write_string(0, column, heading, bold)
    lines = list(_cells(export.rows))
    for line, cells in enumerate(lines, start=1):
        for column, cell in enumerate(cells):
            sheet.write_string(line, column, cell)
    for line, note in enumerate(_notes(export, lines), start=len(lines) + 1):
        sheet.write_string(line, 0, note, bold)
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, 1, 28)
    sheet.set_column(2, 9, 20)
    sheet.set_column(10, 11, 60)
    book.close()
    return target.getvalue()
