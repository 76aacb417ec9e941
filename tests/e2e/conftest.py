from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests import browser as chromium
from tests.installation import Installation


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The demo province without the demo's play: one harmless line instead, so that only the test makes traffic."""
    folder = tmp_path_factory.mktemp("e2e")
    quiet = folder / "quiet.log"
    quiet.write_text("Dec 10 01:00:00 may-chu systemd[1]: Started Daily apt download activities.\n")
    running = Installation(folder / "data", options=("--demo", "--replay", str(quiet)))
    running.start()
    yield running
    running.kill()


@pytest.fixture(
    scope="module"
)  # not longer: an event loop runs with it, which other tests of the process must not find
def browser() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        pytest.skip("no chromium here: install Debian's package chromium, or set DK_CHROMIUM")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, installation: Installation) -> Iterator[Page]:
    context = browser.new_context(
        base_url=installation.address, locale="vi-VN", viewport={"width": 1280, "height": 900}, accept_downloads=True
    )
    context.set_default_timeout(15_000)
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    yield opened
    context.close()
    assert not faults, f"the browser reported: {faults}"


@pytest.fixture(scope="session")
def screenshots() -> Path | None:
    """Where to put pictures of the pages, for people who want to look, in the folder SCREENSHOTS."""
    import os

    wanted = os.environ.get("SCREENSHOTS")
    if not wanted:
        return None
    Path(wanted).mkdir(parents=True, exist_ok=True)
    return Path(wanted)
