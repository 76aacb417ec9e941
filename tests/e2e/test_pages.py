"""Every page of every role in a real browser: accessible, as wide as a phone, without faults; and without JavaScript.

Pages are found as people find them: from the navigation, then the first link of each shape on every page
(`/canh-bao/12/` and `/canh-bao/7/` are one shape).
"""

import re
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Page, expect

from tests.e2e.test_journey import PASSWORD, brute_force, send_syslog
from tests.installation import Installation

pytestmark = pytest.mark.e2e

OFFICER = "can-bo.so-y-te"
FEWEST_PAGES = {  # a floor for each role, so that a broken navigation is not taken for few pages
    OFFICER: 25,
    "thu-truong.so-y-te": 22,
    "dieu-phoi": 23,
    "quan-tri": 18,
    "thanh-tra": 15,
    "lanh-dao": 14,
}
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
WIDTH = "document.documentElement.scrollWidth"
LINKS = "links => links.map(link => new URL(link.getAttribute('href'), document.baseURI).href)"
# what an audit of accessibility depends on: elements with their classes and attributes, and in what they stand
ELEMENTS = """() => { const said = e => e.tagName + '.' + (e.getAttribute('class') || '');
    return [...new Set([...document.querySelectorAll('*')].map(e =>
        (e.parentElement ? said(e.parentElement) : '') + '>' + said(e) + [...e.attributes].map(a => a.name).sort()))] }"""
CHOICES = "malware|intrusion|phishing|denial_of_service|data_leak|windows|linux|web|suricata|syslog"
FILES = re.compile(r"/xuat\.|/tai/|/tep/\d|/cau-hinh/.|/dang-xuat/|/openapi\.json")


def shape(address: str) -> str:
    """The kind of page: numbers and chosen kinds do not matter, nor what is asked for except a drill."""
    parts = urlsplit(address)
    path = re.sub(rf"/({CHOICES})/", "/K/", re.sub(r"(don-vi/\d+)/[a-z_]+/", r"\1/D/", parts.path))
    path = re.sub(r"/(gci|quyet-dinh)/[a-z0-9_-]+/", r"/\1/K/", path)
    return re.sub(r"\d+", "N", path) + ("?" if "dien-tap" in parts.query else "")


def sign_in(page: Page, username: str) -> None:
    page.goto("/")
    page.get_by_label("Tên đăng nhập").fill(username)
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()


def walk(page: Page, base: str) -> Iterator[tuple[str, int]]:
    """Open one page of each shape; yields its address and HTTP status while it is open."""
    waiting, seen = ["/"], {"/"}
    while waiting:
        address = waiting.pop(0)
        try:
            answer = page.goto(address, wait_until="load")
        except Error as error:
            if "Download is starting" in str(error):  # a file, no page
                continue
            raise
        assert answer is not None
        links = page.eval_on_selector_all("a[href]", LINKS)
        yield address, answer.status
        for link in links:
            path = link.removeprefix(base).partition("#")[0] or "/"
            if link.startswith(base) and not FILES.search(path) and shape(link) not in seen:
                seen.add(shape(link))
                waiting.append(path)


@pytest.fixture(scope="module")
def incident(browser: Browser, installation: Installation) -> str:
    """Address of an incident that the officer came to by links and forms alone, with JavaScript switched off."""
    context = browser.new_context(base_url=installation.address, locale="vi-VN", java_script_enabled=False)
    context.set_default_timeout(15_000)
    page = context.new_page()
    sign_in(page, OFFICER)
    page.goto("/nguon-log/ket-noi/linux/")
    page.get_by_label("Tên").first.fill("Máy không JavaScript")
    page.get_by_role("button", name="Tạo nguồn và lấy mã").click()
    token = page.locator("pre[aria-label='Mã nguồn log'] code").inner_text()
    send_syslog(installation, token, brute_force("soyte-may"))
    for _ in range(40):
        page.goto("/canh-bao/?q=do+mat+khau")
        if page.get_by_role("link", name="Dò mật khẩu SSH").count():
            break
        time.sleep(0.25)
    page.get_by_role("link", name="Dò mật khẩu SSH").first.click()
    page.get_by_role("button", name="Tiếp nhận").click()
    page.get_by_role("link", name="Mở sự cố").first.click()
    page.get_by_role("button", name="Mở sự cố và xem bước đầu tiên").click()
    address = page.url
    page.locator("#buoc textarea").first.fill("Đã chụp.")
    page.locator("#buoc button.btn--primary").click()
    expect(page.locator("#dien-bien").get_by_text("Đã chụp.")).to_be_visible()
    context.close()
    return address


def test_from_a_source_to_the_second_step_of_an_incident_without_javascript(incident: str):
    assert re.search(r"/su-co/\d+/", incident)


audited: set[str] = set()  # elements that axe has judged, over all roles: a page of nothing new is not judged again


@pytest.mark.parametrize("username", FEWEST_PAGES)
def test_every_page_is_accessible_fits_a_phone_and_has_no_fault(
    browser: Browser, installation: Installation, incident: str, username: str
):
    axe, found, opened = Axe(), [], 0
    context = browser.new_context(
        base_url=installation.address, locale="vi-VN", viewport=PHONE, reduced_motion="reduce"
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.on("pageerror", lambda error: found.append(f"{page.url}: {error}"))
    page.on("console", lambda said: found.append(f"{page.url}: {said.text}") if said.type == "error" else None)
    sign_in(page, username)

    for address, status in walk(page, installation.address):
        opened += 1
        if status != 200:
            found.append(f"{address}: a link leads to status {status}")
        if page.locator("main h1").count() != 1:
            found.append(f"{address}: {page.locator('main h1').count()} headings of the first level")
        if (width := page.evaluate(WIDTH)) > PHONE["width"]:
            found.append(f"{address}: {width} px wide on a phone")
        if not audited.issuperset(elements := page.evaluate(ELEMENTS)):
            audited.update(elements)
            judged = axe.run(page, options={"runOnly": STANDARDS, "resultTypes": ["violations"]}).response
            found += [f"{address}: {v['id']} at {v['nodes'][0]['html'][:120]}" for v in judged["violations"]]
        page.set_viewport_size(DESK)
        if (width := page.evaluate(WIDTH)) > DESK["width"]:
            found.append(f"{address}: {width} px wide on a desk")
        page.set_viewport_size(PHONE)

    context.close()
    assert not found, "\n".join(found)
    assert opened >= FEWEST_PAGES[username]
