"""A real browser for the pages, one for each module of tests; what pages share is made once."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from functools import cache

import orjson
import pytest
import pytest_asyncio
from markupsafe import Markup
from playwright.async_api import async_playwright

from collector.report import figure, page
from collector.report.environment import environment
from collector.report.svg import Json, drawn
from tests.report.reader import Reader

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


@pytest.fixture(scope="session", autouse=True)
def _made_once() -> Iterator[None]:
    """Draw a picture, and compile the templates of a language, once in each process.

    Most tests change one part of a page with seven pictures.
    """
    known: dict[bytes, Markup] = {}

    def once(spec: Json, **marks: str) -> Markup:
        key = orjson.dumps((spec, marks))
        if key not in known:
            known[key] = drawn(spec, **marks)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure, "drawn", once)
        patch.setattr(page, "environment", cache(environment))
        yield


@pytest.fixture
def wide_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw large pictures for wide screens only, which takes half of the time."""
    monkeypatch.setattr(figure, "NARROW", figure.WIDE)


@pytest.fixture
def words_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing: for a test that reads the words of a page whose pictures no other test has."""
    monkeypatch.setattr(figure, "drawn", lambda _spec, **_marks: Markup("<svg></svg>"))


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
