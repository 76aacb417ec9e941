"""Handing over log files in a real browser: dropped on the page, one refused, the other read, stored and counted."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e

LINE = "Dec 10 02:00:0{n} may-chu sshd[1291]: Failed password for u{n} from 192.0.2.7 port 40000 ssh2\n"
DROP = """(text) => {
    const dropped = new DataTransfer();
    dropped.items.add(new File([text], "dang-nhap.log"));
    dropped.items.add(new File(["MZ chuong trinh"], "chuong-trinh.exe"));
    return dropped;
}"""


def test_files_dropped_on_the_page_are_read_to_the_last_record(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Tên đăng nhập").fill("can-bo.huyen-duong-minh-chau")
    page.get_by_label("Mật khẩu").fill("de-khang-2019")
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Việc phải làm bây giờ")

    page.goto("/nguon-log/ket-noi/linux/")
    page.get_by_label("Tên nguồn").fill("Máy chủ không nối mạng")
    page.get_by_role("button", name="Tạo nguồn và lấy mã").click()
    page.get_by_role("link", name="Máy chủ không nối mạng").click()
    page.get_by_role("link", name="Tải tệp log").click()
    text = "".join(LINE.replace("{n}", str(n)) for n in range(7))
    page.dispatch_event("[data-dk-drop] label", "drop", {"dataTransfer": page.evaluate_handle(DROP, text)})
    page.get_by_role("button", name="Tải lên").click()

    expect(page.get_by_text("chuong-trinh.exe: Không nhận tệp này: nó là chương trình Windows.")).to_be_visible()
    row = page.get_by_role("row", name="dang-nhap.log")
    expect(row).to_contain_text("Đã đọc xong", timeout=30_000)
    assert [cell.inner_text() for cell in row.locator("td.number").all()] == ["7", "0", "0"]
