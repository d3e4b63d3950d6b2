"""Opens reports in a browser, and listens to all that goes wrong in them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Page, Request

from collector.report.language import Lang
from collector.report.page import render
from tests.report import sample


@dataclass
class Opened:
    """A page that is open, and all that went wrong in it or was asked of the network."""

    page: Page
    address: str
    troubles: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Listen, before anything is loaded."""
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("request", self._asked)
        self.page.on("dialog", lambda dialog: self.troubles.append(f"dialog: {dialog.message}"))

    async def two_frames(self) -> None:
        """Wait until the page has been told of a change, and has drawn what follows from it."""
        for _ in range(2):
            await self.page.evaluate("() => new Promise(requestAnimationFrame)")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.troubles.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if request.url != self.address:
            self.troubles.append(f"request: {request.url[:200]}")


@dataclass
class Reader:
    """Opens reports in one browser, and closes what it has opened."""

    browser: Browser
    directory: Path

    async def open(self, name: str, lang: Lang = Lang.EN, **context: Any) -> Opened:  # noqa: ANN401
        """Write a report of tests/report/sample.py, and open it."""
        return await self.open_file(self.write(name, lang), **context)

    async def open_file(self, path: Path, **context: Any) -> Opened:  # noqa: ANN401
        """Open a page that is there."""
        page = await (await self.browser.new_context(**context)).new_page()
        opened = Opened(page, path.as_uri())
        opened.watch()
        await page.goto(opened.address)
        return opened

    def write(self, name: str, lang: Lang) -> Path:
        """Write a report, unless it is there."""
        path = self.directory / f"{name}-{lang.value}.html"
        if not path.exists():
            path.write_bytes(render(getattr(sample, name)(), lang, "1.2.3"))
        return path
