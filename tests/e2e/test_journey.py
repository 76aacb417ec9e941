"""The main job, in a real browser on a real installation: from an empty unit to a proven share."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docx import Document
from playwright.sync_api import Browser, Page, expect

from tests.installation import Installation

pytestmark = pytest.mark.e2e

PASSWORD = "de-khang-2019"
OFFICER, HEAD = "can-bo.huyen-chau-thanh", "thu-truong.huyen-chau-thanh"
UNIT = "Huyện Châu Thành"

SignIn = Callable[[str], Page]


@pytest.fixture
def sign_in(browser: Browser, installation: Installation) -> Iterator[SignIn]:
    """A page of somebody's own browser, signed in; every page keeps its faults until the end."""
    contexts, faults = [], []

    def open_page(username: str) -> Page:
        context = browser.new_context(
            base_url=installation.address, locale="vi-VN", viewport={"width": 1280, "height": 900}
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto("/")
        page.get_by_label("Tên đăng nhập").fill(username)
        page.get_by_label("Mật khẩu").fill(PASSWORD)
        page.get_by_role("button", name="Đăng nhập").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Việc (hôm nay|phải làm bây giờ)"))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults, f"the browser reported: {faults}"


def proven_units(page: Page) -> int:
    """How many units the board counts as proven for `record_attacks`."""
    page.goto("/bang-diem/")
    text = page.get_by_role("region", name="Có khả năng ghi nhận tấn công").inner_text()
    declared, proven = re.findall(r"(\d+)\s*/\s*123", text)[:2]
    assert int(proven) <= int(declared)
    return int(proven)


def brute_force(marker_host: str = "chauthanh-web") -> list[bytes]:
    """One SSH guessing run, as rsyslog hands it on; the address is a documentation one."""
    now = time.gmtime(time.time())
    stamp = time.strftime("%b %e %H:%M:%S", now)
    return [
        f"<38>{stamp} {marker_host} sshd[{1000 + n}]: Failed password for root from 203.0.113.77 port {40000 + n} ssh2".encode()
        for n in range(40)
    ]


def send_syslog(installation: Installation, token: str, lines: list[bytes]) -> None:
    import socket

    with socket.create_connection(("127.0.0.1", installation.syslog_port), timeout=5) as connection:
        connection.sendall(b"".join(b"dk-token=%s %s\n" % (token.encode(), line) for line in lines))


def walk_procedure(officer: Page, head: Page, address: str) -> int:
    """Answer every step as the person whose step it is; returns how many were done."""
    done: list[str] = []
    officer.goto(address)
    for _ in range(40):
        step = officer.locator("#buoc")
        if step.get_by_role("heading", name="Đã đi hết quy trình").count() or not step.locator("form").count():
            who = head
            head.goto(address)
            if not head.locator("#buoc form").count():
                return len(done)
        else:
            who = officer
        form = who.locator("#buoc form").first
        name = who.locator("#buoc-ten").inner_text()
        if "báo cáo kết thúc" in name:  # refused until that report is made
            return len(done)
        radios = form.locator("input[type=radio]")
        if radios.count():  # within own capacity; a question that comes back ("is it stable?") gets the other answer
            (radios.last if name in done or "vượt khả năng" in name else radios.first).check()
        form.locator("textarea").first.fill("Đã làm theo hướng dẫn, ghi lại trong buổi thử.")
        files = form.locator("input[type=file]")
        if files.count():
            files.set_input_files(files=[{"name": "man-hinh.txt", "mimeType": "text/plain", "buffer": b"anh man hinh"}])
        form.locator("button.btn--primary").click()
        done.append(name)
        officer.goto(address)
    raise AssertionError(f"the procedure does not end: {done}")


def test_from_an_empty_unit_to_an_answered_attack_and_a_proven_share(
    sign_in: SignIn, installation: Installation, tmp_path: Path
):
    officer = sign_in(OFFICER)
    coordinator = sign_in("dieu-phoi")
    proven_before = proven_units(coordinator)

    # connect a source: kind → name → token and configuration
    officer.goto("/nguon-log/ket-noi/")
    officer.get_by_role("link", name=re.compile("Máy Linux")).click()
    officer.get_by_label("Tên").first.fill("Máy chủ một cửa")
    officer.get_by_role("button", name="Tạo nguồn và lấy mã").click()
    expect(officer.get_by_text("Đang chờ sự kiện đầu tiên")).to_be_visible()
    token = officer.locator("pre[aria-label='Mã nguồn log'] code").inner_text()
    rsyslog = officer.locator("pre[aria-label*='60-dekhang'] code, pre code").nth(1).inner_text()
    assert token in rsyslog
    assert str(installation.syslog_port) in rsyslog
    setup_page = officer.url

    # the first event shows within five seconds, by itself
    started = time.monotonic()
    send_syslog(installation, token, brute_force())
    expect(officer.get_by_text("Đã nhận sự kiện đầu tiên")).to_be_visible(timeout=5_000)
    assert time.monotonic() - started < 5

    # one run is one alert, for this unit and no other
    officer.goto("/canh-bao/")
    for _ in range(20):
        if officer.get_by_role("link", name="Dò mật khẩu SSH").count():
            break
        time.sleep(0.25)
        officer.reload()
    expect(officer.get_by_role("link", name="Dò mật khẩu SSH")).to_have_count(1)
    officer.get_by_role("link", name="Dò mật khẩu SSH").click()
    alert_address = officer.url
    expect(officer.get_by_text("203.0.113.77").first).to_be_visible()
    expect(officer.get_by_role("heading", name="Làm gì trước")).to_be_visible()
    stranger = sign_in("can-bo.huyen-tan-chau")
    answer = stranger.goto(alert_address)
    assert answer is not None and answer.status == 404
    stranger.goto("/canh-bao/")
    expect(stranger.get_by_role("link", name="Dò mật khẩu SSH")).to_have_count(0)

    # acknowledge, open the incident, follow the procedure
    officer.goto(alert_address)
    officer.get_by_role("button", name="Tiếp nhận").click()
    expect(officer.get_by_role("status").first).to_contain_text("Đã tiếp nhận")
    officer.get_by_role("link", name="Mở sự cố").first.click()
    officer.get_by_role("button", name="Mở sự cố và xem bước đầu tiên").click()
    incident_address = officer.url
    assert re.search(r"/su-co/\d+/", incident_address)
    head = sign_in(HEAD)
    assert walk_procedure(officer, head, incident_address) >= 8

    # the notice and the end report come out as DOCX, and the incident closes with them
    incident_address = incident_address.split("#")[0]
    text = make_document(officer, f"{incident_address}van-ban/notice/", tmp_path)
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in text
    assert UNIT.upper() in text.upper()
    text = make_document(officer, f"{incident_address}van-ban/end/", tmp_path)
    assert "Chụp lại trang và giờ" in text or "Đã làm theo hướng dẫn" in text

    # the canary: sent, detected, acknowledged; then the share moves
    officer.goto(setup_page)
    officer.get_by_role("link", name="Xem nguồn và thử khả năng ghi nhận").click()
    officer.get_by_role("button", name=re.compile("thử", re.IGNORECASE)).first.click()
    nonce = re.search(r"dekhang-canary-([0-9a-f]{16})", officer.content())
    assert nonce
    sent = installation.command(
        "canary", "send", "--source", re.search(r"/nguon-log/(\d+)/", setup_page)[1], "--token", token,
        "--nonce", nonce[1],
    )  # fmt: skip
    assert sent.returncode == 0, sent.stderr
    expect(officer.get_by_role("link", name="Mở cảnh báo của phép thử để tiếp nhận")).to_be_visible()
    officer.get_by_role("link", name="Mở cảnh báo của phép thử để tiếp nhận").click()
    officer.get_by_role("link", name=re.compile("Dấu vết thử")).first.click()
    officer.get_by_role("button", name="Tiếp nhận").click()
    assert proven_units(coordinator) == proven_before + 1


def make_document(page: Page, address: str, folder: Path) -> str:
    """Fill what is missing, make the document, fetch the file; returns all its text."""
    page.goto(address)
    for box in page.locator("main form textarea, main form input[type=text]").all():
        if box.is_visible() and not box.input_value():
            box.fill("Theo hồ sơ của đơn vị.")
    page.get_by_role("button", name="Lưu và lập văn bản").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name=re.compile("Tải|DOCX")).first.click()
    path = folder / "van-ban.docx"
    waiting.value.save_as(path)
    document = Document(str(path))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([paragraph.text for paragraph in document.paragraphs] + cells)
