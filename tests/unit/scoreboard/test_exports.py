import csv
import io
import zipfile

import pytest

from dekhang.apps.core.cells import guarded
from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.scoreboard import exports, selectors
from tests.factories.registry import UnitFactory

HOSTILE = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "\n=1", "  =1", "＝1", "|x", "%1"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_starts_a_formula(text):
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["Xã Tân Hà", "", "5 - 3 = 2", "Quá hạn -2 ngày"])
def test_ordinary_text_stays_as_it_is(text):
    assert guarded(text) == text


def test_a_cell_is_bounded_and_has_no_nul():
    assert len(guarded("a\x00" * 100_000)) < 32_767
    assert "\x00" not in guarded("a\x00b")


@pytest.mark.django_db
def test_a_unit_named_like_a_formula_is_text_in_both_files(frozen_now):
    UnitFactory(version__name="=cmd|' /C calc'!A0")
    board = selectors.board("record_attacks")
    cells = list(csv.DictReader(io.StringIO(exports.as_csv(board, board.rows, {}).decode("utf-8-sig"))))
    assert cells[0]["Đơn vị"] == "'=cmd|' /C calc'!A0"
    assert cells[0]["Trạng thái"] == ClaimState.UNKNOWN.label
    with zipfile.ZipFile(io.BytesIO(exports.as_xlsx(board, board.rows, {}))) as book:
        sheet, strings = book.read("xl/worksheets/sheet1.xml").decode(), book.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet
    assert "'=cmd|" in strings
