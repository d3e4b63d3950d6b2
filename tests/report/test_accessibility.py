"""What people meet who do not see the page as it was drawn: axe, narrow screens, the keyboard."""

from typing import Any, Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from collector.report.language import Lang
from tests.report.reader import Reader

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

_DESK: Final[dict[str, Any]] = {"viewport": {"width": 1280, "height": 900}}
_PHONE: Final[dict[str, Any]] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True}


async def _violations(page: Page) -> list[str]:
    """Return the rules that the page breaks, and the first element that does."""
    found = await Axe().run(page)
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found.response["violations"]]


@pytest.mark.parametrize("screen", [_DESK, _PHONE | {"color_scheme": "dark"}])
async def test_axe_finds_nothing(reader: Reader, screen: dict[str, Any]) -> None:
    """With all tables folded as with all unfolded, in either palette."""
    opened = await reader.open("small", **screen)
    assert await _violations(opened.page) == []
    await opened.page.evaluate(
        "document.querySelectorAll('details').forEach(one => one.open = true)"
    )
    assert await _violations(opened.page) == []


@pytest.mark.parametrize("lang", list(Lang))
async def test_a_narrow_navigation_shows_that_it_scrolls(reader: Reader, lang: Lang) -> None:
    """A shadow lies on the edge beyond which there is more, and on no other."""
    opened = await reader.open("small", lang, **_PHONE)
    contents = opened.page.locator("nav ul")
    box = await contents.bounding_box()
    assert box is not None

    async def edges() -> list[bytes]:
        """Return pictures of the left and the right edge, below the words."""
        await opened.two_frames()
        places = (box["x"] + 1, box["x"] + box["width"] - 5)
        return [
            await opened.page.screenshot(
                clip={"x": x, "y": box["y"] + box["height"] - 4, "width": 4, "height": 2}
            )
            for x in places
        ]

    assert await contents.evaluate("one => one.scrollWidth > 2 * one.clientWidth")
    left, right = await edges()
    assert left != right
    await contents.evaluate("one => { one.scrollLeft = one.scrollWidth; }")
    left_at_end, right_at_end = await edges()
    assert (left_at_end, right_at_end) != (left, right)
    assert right_at_end == left
    assert left_at_end != right_at_end


@pytest.mark.parametrize("lang", list(Lang))
async def test_the_navigation_has_the_words_of_the_headings(reader: Reader, lang: Lang) -> None:
    """In their order, and each leads to its own."""
    opened = await reader.open("small", lang, **_DESK)
    links = await opened.page.locator("nav a").all()
    for link in links:
        target = opened.page.locator(f"{await link.get_attribute('href')} > h2")
        assert await target.text_content() == await link.text_content()
    assert len(links) == await opened.page.locator("h2").count()


async def test_a_wide_navigation_shows_all_its_words(reader: Reader) -> None:
    """It takes a second line; and where a link leads to is not below it."""
    opened = await reader.open("small", Lang.ES, **_DESK)
    page = opened.page
    assert await page.locator("nav ul").evaluate("one => one.scrollWidth <= one.clientWidth")
    await page.locator("nav a").nth(2).click()
    heading, bar = (
        await page.locator("#time > h2").bounding_box(),
        await page.locator("nav").bounding_box(),
    )
    assert heading is not None
    assert bar is not None
    assert bar["y"] == 0
    assert heading["y"] >= bar["height"]
