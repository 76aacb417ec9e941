"""The leadership page on paper: one sheet of A4."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_journey import PASSWORD

pytestmark = pytest.mark.e2e


def test_the_leadership_page_is_one_sheet_of_a4_and_says_everything(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Tên đăng nhập").fill("lanh-dao")
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Toàn tỉnh hôm nay")
    assert page.locator("table tbody tr").count() == 11
    assert page.locator(".decisions > li").count() == 3
    sheets = re.findall(rb"/Type\s*/Page\b(?!s)", page.pdf(format="A4"))
    assert len(sheets) == 1
