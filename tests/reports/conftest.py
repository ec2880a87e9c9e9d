"""A page in a real headless Chromium, and a report made in this process."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from qrd.config import ReportConfig
from qrd.console import Console
from qrd.stages.report import run

sys.path.insert(0, str(Path(__file__).parent))
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")  # its driver keeps an event loop running, beside which no other test could have one
def chromium():
    """The browser; tests that want it are skipped where none is installed."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        assert not os.environ.get("QRD_TEST_BROWSER"), "a chromium was found, but not by these tests"
        pytest.skip("no chromium is installed")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Sight:
    """A page that is open, and everything that it did beyond being shown."""

    page: object
    file: Path
    noise: list[str] = field(default_factory=list)

    def note(self, words: str) -> None:
        self.noise.append(words)

    def status(self) -> str:
        return self.page.locator("#status").inner_text()

    def skeleton(self) -> list[str]:
        """Every element in order, with the names of its attributes: what no text may change."""
        script = "[...document.querySelectorAll('*')].map(e => e.tagName + ' ' + e.getAttributeNames().sort())"
        return self.page.evaluate(script)


@pytest.fixture
def look(chromium):
    """Open a file in a fresh window: look(file, width=, scheme=) gives a Sight."""
    contexts = []

    def opened(file: Path, *, width: int = 1280, scheme: str = "light") -> Sight:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        sight = Sight(context.new_page(), file)
        sight.page.on("console", lambda message: sight.note(f"console: {message.text}"))
        sight.page.on("pageerror", lambda error: sight.note(f"error: {error}"))
        sight.page.on("dialog", lambda dialog: (sight.note("dialog"), dialog.dismiss()))
        sight.page.on("request", lambda request: request.url == file.as_uri() or sight.note(f"request: {request.url}"))
        sight.page.goto(file.as_uri())
        return sight

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def report(tmp_path):
    """Make a report in this process: report(inputs, option=...) gives its file."""

    def made(inputs, name: str = "report.html", **options) -> Path:
        file = tmp_path / name
        run(ReportConfig(input=tuple(map(str, inputs)), output=str(file), **options), Console(quiet=True))
        return file

    return made
