"""The report of `dekhang detect` as an officer opens it: from a file, without a network, on a desk and on a phone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.conftest import PROJECT, clean_environment

pytestmark = pytest.mark.e2e

STARTS = (
    ("2019-12-10T01:58:00Z", "whoami /all"),
    ("2019-12-10T02:10:00Z", "vssadmin.exe delete shadows /all /quiet"),
    ("2019-12-10T02:11:30Z", "wbadmin delete catalog -quiet " + "A" * 3_000),
    ("2019-12-10T02:12:00Z", "powershell -enc <script>document.title='owned'</script> \u202efdp.exe"),
    ("2019-12-10T03:40:00Z", "rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 624 C:\\l.dmp full"),
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on one machine's events, made by the real command with the rules that come with it."""
    folder = tmp_path_factory.mktemp("report")
    events = [
        {
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "Provider_Name": "Microsoft-Windows-Sysmon",
            "EventID": 1,
            "Computer": "may-ke-toan.example.gov.vn",
            "UtcTime": at,
            "@timestamp": at,
            "User": "XA\\an",
            "Image": "C:\\Windows\\System32\\" + line.split()[0].removesuffix(".exe") + ".exe",
            "CommandLine": line,
            "ParentImage": "C:\\Program Files\\Microsoft Office\\WINWORD.EXE",
        }
        for at, line in STARTS
    ]
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    made = folder / "bao-cao.html"
    done = subprocess.run(
        [sys.executable, "-m", "dekhang", "detect", str(folder / "events.jsonl"), "-o", str(made)],
        cwd=PROJECT,
        env=clean_environment(XDG_CACHE_HOME=str(folder)),
        capture_output=True,
        text=True,
        timeout=280,  # the very first start on a machine compiles the engine
    )
    assert done.returncode == 0, done.stderr
    return made


def opened(browser: Browser, report: Path, width: int) -> tuple[Page, list[str]]:
    context = browser.new_context(locale="vi-VN", viewport={"width": width, "height": 800}, java_script_enabled=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: asked.append(f"console: {message.text}") if message.type == "error" else None)
    page.goto(report.as_uri())
    return page, asked


@pytest.mark.parametrize("width", [1280, 360])
def test_the_report_is_readable_by_everybody_and_asks_nobody(
    browser: Browser, report: Path, width: int, screenshots: Path | None
) -> None:
    page, asked = opened(browser, report, width)
    if screenshots:
        page.screenshot(path=screenshots / f"report-{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert asked == [report.as_uri()]
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
    assert found.response["violations"] == []
    page.context.close()


def test_the_first_screen_says_what_happened_where_and_what_to_do(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report, 1280)
    verdict = page.locator(".verdict")
    assert verdict.bounding_box()["height"] < 700
    said = verdict.inner_text()
    assert "Có dấu hiệu tấn công nghiêm trọng" in said and "may-ke-toan.example.gov.vn" in said
    assert "10/12/2019" in said and "Cô lập máy" in said and "gọi đội ứng cứu sự cố của tỉnh" in said
    page.context.close()


def test_a_command_line_of_an_attacker_is_text(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report, 1280)
    assert page.title().startswith("Báo cáo soi log")
    assert "<script>document.title='owned'</script> U+202Efdp.exe" in page.locator("main").inner_text()
    page.context.close()


def test_every_link_in_the_page_leads_to_its_place_by_keyboard(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report, 1280)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    targets = page.eval_on_selector_all("a[href^='#']", "links => links.map(one => one.getAttribute('href'))")
    assert len(targets) > 10
    assert page.evaluate("targets => targets.filter(one => !document.querySelector(one))", targets) == []
    page.context.close()


def test_the_print_fits_a4_with_everything_opened(browser: Browser, report: Path, screenshots: Path | None) -> None:
    page, _ = opened(browser, report, 1280)
    paper = page.pdf(prefer_css_page_size=True)
    if screenshots:
        (screenshots / "report.pdf").write_bytes(paper)
    assert paper.startswith(b"%PDF") and len(paper) > 20_000
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1000})  # A4 less its margins, at 96 dots an inch
    assert page.evaluate("document.documentElement.scrollWidth") <= 703
    assert not page.locator("nav").is_visible()
    page.context.close()
