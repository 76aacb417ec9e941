"""Every figure in every report, in every form, is the board's on that date."""

from io import BytesIO

import openpyxl
import pytest
from docx import Document
from docx.oxml.ns import qn

from dekhang.apps.core import clock
from dekhang.apps.core.templatetags.dk import percent
from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.reports import archive
from dekhang.apps.reports.enums import Form
from dekhang.apps.scoreboard import selectors as scoreboard
from dekhang.apps.scoreboard.definitions import measure_words
from tests.factories.reports import DAYS, LATER, frozen_province, made
from tests.pdf_text import words_of

pytestmark = pytest.mark.django_db
OF_UNIT = ("half_year", "year", "thematic", "level", "certificate", "sign_off")
OF_PROVINCE = ("thematic", "level", "to_ubnd", "to_ministry", "bulletin")


@pytest.fixture
def units(data, frozen_now):
    return frozen_province()


def tables_of_docx(content):
    """Tables with borders as rows of texts, read from the XML: python-docx takes its time for a cell."""
    body = Document(BytesIO(content)).element.body
    return [
        [["".join(text.text or "" for text in cell.iter(qn("w:t"))) for cell in row.tc_lst] for row in table.tr_lst]
        for table in body.tbl_lst
        if table.tblStyle_val == "TableGrid"
    ]


def tables_of_xlsx(content):
    book = openpyxl.load_workbook(BytesIO(content))
    return [
        [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
        for sheet in book.worksheets[1:]
    ]


def expected(kind, unit, day):
    """Rows that must stand in the tables of the report, from the board and nothing else."""
    boards = scoreboard.boards(scoreboard.BOARD_DUTIES, day)
    rows = []
    if unit is None:
        for board in boards.values():
            if kind == "level" and board.duty.key != "level":
                continue
            rows.append(
                [
                    board.duty.title,
                    str(board.units),
                    str(board.declared),
                    percent(board.declared_share),
                    str(board.proven),
                    percent(board.proven_share),
                ]
            )
            if kind in ("thematic", "to_ubnd", "to_ministry"):
                states = [str(sum(row.state == state for row in board.rows)) for state in ClaimState]
                rows.append([board.duty.short, *states])
                if board.measure:
                    rows.append([board.duty.short, measure_words(board)])
        return rows
    own = [(board, row) for board in boards.values() for row in board.rows if row.unit_id == unit.pk]
    for place, (board, row) in enumerate(own, start=1):
        if kind in ("half_year", "year", "thematic"):
            yes = ["có" if row.declared else "không", "có" if row.proven else "không", str(row.state.label)]
            rows.append([str(place), board.duty.title, *yes])
        elif kind == "sign_off":
            rows.append([board.duty.title, str(row.state.label)])
    declared, proven = sum(row.declared for _b, row in own), sum(row.proven for _b, row in own)
    if kind not in ("certificate", "level"):
        rows.append(["Nghĩa vụ thuộc đơn vị", str(len(own))])
        rows.append(["Đã khai báo", str(declared), percent(declared / len(own))])
        rows.append(["Đã chứng minh", str(proven), percent(proven / len(own))])
    if kind == "certificate":
        titles = [board.duty.title for board, row in own if row.proven]
        rows += [[str(place), title] for place, title in enumerate(titles, start=1)]
    return rows


def on_days(kinds):
    """The first kind on every day, the others on days in turn: all gather their figures in one place."""
    return [(kinds[0], day) for day in DAYS] + [(kind, DAYS[n % len(DAYS)]) for n, kind in enumerate(kinds[1:])]


def holds(row, wanted):
    """The wanted cells stand in the row in this order."""
    cells = iter(row)
    return all(any(cell == one for cell in cells) for one in wanted)


@pytest.mark.parametrize(("kind", "day"), on_days(OF_PROVINCE))
def test_figures_of_the_province_s_papers_are_the_board_s_on_their_day(units, kind, day):
    compare(made(kind, day=day), kind, None, day)


@pytest.mark.parametrize(("kind", "day"), on_days(OF_UNIT))
def test_figures_of_a_unit_s_papers_are_the_board_s_on_their_day(units, kind, day):
    compare(made(kind, units[0], day=day), kind, units[0], day)


def compare(report, kind, unit, day):
    wanted = expected(kind, unit, day)
    for form, tables in ((Form.DOCX, tables_of_docx), (Form.XLSX, tables_of_xlsx)):
        rows = [row for table in tables(archive.content(report, form)) for row in table]
        for one in wanted:
            assert any(holds(row, one) for row in rows), (form, one)
    words = words_of(archive.content(report, Form.PDF))
    for one in wanted:
        if kind == "sign_off" and len(one) == 2 and not one[1].isdigit():
            continue  # on paper the unit's own words stand between these two cells
        assert " ".join(one) in words, one
    assert wanted or (kind == "level" and unit is not None)


def test_days_of_the_province_differ_so_that_a_wrong_day_would_show(units):
    figures = {
        tuple((b.declared, b.proven) for b in scoreboard.boards(scoreboard.BOARD_DUTIES, day).values()) for day in DAYS
    }
    assert len(figures) == len(DAYS)


def test_each_unit_of_the_appendix_has_its_states_of_the_board(units):
    report = made("to_ubnd")
    marks = {"unknown": "–", "declared": "KB", "evidenced": "BC", "proven": "CM", "decayed": "SG", "refuted": "BB"}
    boards = scoreboard.boards(scoreboard.BOARD_DUTIES, DAYS[-1])
    rows = {row[1]: row for row in tables_of_docx(archive.content(report, Form.DOCX))[-1]}
    for unit in units:
        name = unit.versions.get().name
        states = {b.duty.key: next((r.state for r in b.rows if r.unit_id == unit.pk), None) for b in boards.values()}
        said = [marks[state] if state else "" for state in states.values()]
        assert rows[name][2:] == [*said, str(said.count("CM"))]


def test_a_report_of_today_says_until_what_hour_and_may_not_be_confirmed(units):
    with clock.at(LATER):
        report = made("to_ubnd", day=LATER.date())
        assert report.provisional
        board = scoreboard.board("record_attacks", LATER.date())
    duty = next(d for d in report.inputs["duties"] if d["key"] == "record_attacks")
    assert (duty["units"], duty["declared"], duty["proven"]) == (board.units, board.declared, board.proven)
    words = words_of(archive.content(report, Form.PDF))
    assert "BẢN TẠM TÍNH: số liệu đến 10:00 ngày 10/12/2019" in words
