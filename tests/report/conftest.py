"""A real browser for the pages, one for each module of tests."""

import os
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from tests.report.reader import Reader

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


@pytest.fixture(scope="module")
def chromium() -> str:
    """Return where Chromium is; without one the tests are skipped, unless they must not be."""
    named = os.environ.get("COLLECTOR_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        reason = "no Chromium: install one, or name it in COLLECTOR_CHROMIUM"
        if os.environ.get("COLLECTOR_NEEDS_CHROMIUM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reader]:
    """Start one browser for all tests of this module."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield Reader(browser, tmp_path_factory.mktemp("pages"))
        await browser.close()
