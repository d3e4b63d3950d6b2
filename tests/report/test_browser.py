"""The page in a real browser: nothing is loaded, nothing untrusted runs, everything is seen."""

import time
from typing import Any

import pytest
import pytest_asyncio

from collector.report.language import Lang
from tests.report import sample
from tests.report.reader import Opened, Reader

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

_DESK: Any = {"width": 1280, "height": 900}
_PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(reader: Reader) -> Opened:
    """Return the large report, open on a desk; whoever changes it changes it back."""
    return await reader.open("large", viewport=_DESK)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hostile(reader: Reader) -> Opened:
    """Return the small report with hostile names, open on a desk."""
    return await reader.open("small", viewport=_DESK)


@pytest.mark.alone
async def test_a_year_of_2000_companies_opens_quickly(reader: Reader) -> None:
    """The map is drawn in less than 5 seconds, and the file is smaller than 10 MB."""
    path = reader.write("large", Lang.EN)
    started = time.perf_counter()
    opened = await reader.open("large", viewport=_DESK)
    await opened.page.locator("[data-figure=coverage] .main-svg").first.wait_for(state="attached")
    assert time.perf_counter() - started < 5
    assert path.stat().st_size < 10_000_000
    assert opened.troubles == []


async def test_all_is_drawn_and_nothing_is_asked_of_anybody(desk: Opened) -> None:
    """No error, no warning, no request; a picture can be saved within the policy of the page."""
    await desk.draw_all()
    drawn = await desk.page.locator(".plot:visible").count()
    assert drawn == await desk.page.locator(".plot:visible:has(.main-svg)").count() == 7
    picture = await desk.page.evaluate(
        "Plotly.toImage(document.querySelector('[data-figure=funnel]'), {format: 'png'})"
    )
    assert picture.startswith("data:image/png;base64,")
    assert desk.troubles == []


async def test_the_page_may_run_nothing_else(desk: Opened) -> None:
    """Neither a script that somebody puts in, nor text that is read as one, nor a picture."""
    ran = await desk.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            return Boolean(window.ran);
        }"""
    )
    assert not ran
    assert desk.troubles
    assert all("Content Security Policy" in trouble for trouble in desk.troubles)
    desk.troubles.clear()


async def test_pictures_follow_the_surroundings(desk: Opened) -> None:
    """Dark when the screen is, and light again; on paper always light."""
    ground = "document.querySelector('[data-figure=coverage]').layout.paper_bgcolor"
    assert await desk.page.evaluate(ground) == "#ffffff"
    await desk.page.emulate_media(color_scheme="dark")
    await desk.two_frames()
    assert await desk.page.evaluate(ground) == "#1a2129"
    body = "getComputedStyle(document.body).backgroundColor"
    assert await desk.page.evaluate(body) == "rgb(16, 21, 26)"
    await desk.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert await desk.page.evaluate(ground) == "#ffffff"
    await desk.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert await desk.page.evaluate(ground) == "#1a2129"
    await desk.page.emulate_media(color_scheme="light")
    assert desk.troubles == []


async def test_it_prints_all_pictures_and_short_tables(hostile: Opened) -> None:
    """Also those that nobody has scrolled to; afterwards the page is as it was."""
    page = hostile.page
    await page.evaluate(
        """() => addEventListener("beforeprint", () => {
            window.printed = document.querySelectorAll(".plot.any .main-svg").length;
            window.unfolded = document.querySelectorAll("details[open]").length;
        })"""
    )
    assert (await page.pdf(prefer_css_page_size=True)).startswith(b"%PDF")
    assert await page.evaluate("window.printed") >= 6
    assert await page.evaluate("window.unfolded") >= 8
    assert await page.locator("details[open]").count() == 0
    assert hostile.troubles == []


async def test_on_paper_no_table_lies_over_what_follows(reader: Reader) -> None:
    """A table that is rolled on a screen has all its height there."""
    opened = await reader.open("large", viewport=_DESK)
    await opened.page.emulate_media(media="print")
    hidden = await opened.page.evaluate(
        """() => [...document.querySelectorAll("details")].flatMap((details) => {
            details.open = true;
            return [...details.querySelectorAll(".scroll")];
        }).map((box) => box.scrollHeight - box.clientHeight)"""
    )
    assert len(hidden) >= 8
    assert max(hidden) <= 1


_CUT_OFF = """() => [...document.querySelectorAll(".plot text")].filter((text) => {
    const inner = text.getBoundingClientRect();
    const outer = text.closest(".plot").getBoundingClientRect();
    return inner.width && (inner.left < outer.left - 1 || inner.right > outer.right + 1);
}).map((text) => text.textContent)"""
"""Texts of pictures that do not lie within them, so that they are cut off at the edge."""


async def _assert_fits(opened: Opened) -> None:
    """Draw all, open all tables, and look whether anything is wider than the screen."""
    await opened.draw_all()
    page = opened.page
    await page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert await page.evaluate(_CUT_OFF) == []
    assert await page.locator("[data-figure=coverage-narrow]").is_visible()
    assert not await page.locator("[data-figure=coverage]").is_visible()
    await page.evaluate("document.querySelectorAll('details').forEach(one => one.open = false)")
    assert opened.troubles == []


async def test_nothing_is_wider_than_a_phone(reader: Reader) -> None:
    """With everything drawn and every table open; the map for narrow screens is shown."""
    await _assert_fits(await reader.open("large", Lang.ES, **_PHONE))


async def test_pictures_follow_the_width(hostile: Opened) -> None:
    """A window that is made as narrow as a phone needs no reload."""
    await hostile.draw_all()
    await hostile.page.set_viewport_size({"width": 390, "height": 844})
    await hostile.two_frames()
    await _assert_fits(hostile)
    await hostile.page.set_viewport_size(_DESK)


async def test_hostile_names_are_seen_as_text(hostile: Opened) -> None:
    """In labels and beside the pointer they read as they are written, and nothing of them runs."""
    await hostile.draw_all()
    page = hostile.page
    seen = await page.locator(".plot:visible").all_text_contents()
    drawn = " ".join(seen)
    assert "0 <script>alert(1)</s…" in drawn
    assert "1 <b>x</b> &lt;i&gt;…" in drawn
    assert '2 <a href="javascript…' in drawn
    assert "3 var(--bad) <U+202E>" in drawn
    assert await page.locator(".plot a, .plot script, main img").count() == 0
    await page.locator("[data-figure=failing]").scroll_into_view_if_needed()
    await page.locator("[data-figure=failing] .point").nth(1).hover(force=True)
    label = page.locator("[data-figure=failing] .hoverlayer")
    await label.locator("text").first.wait_for(state="attached")
    said = await label.text_content()
    assert said is not None
    assert said.startswith(f"1 {sample.HOSTILE[1]}")
    whole = await page.locator("#failing tbody th").all_text_contents()
    assert whole[0] == f"0 {sample.HOSTILE[0]}"
    assert whole[1] == f"1 {sample.HOSTILE[1]}"
    assert whole[4].endswith("end-of-the-name")
    assert hostile.troubles == []


async def test_tables_open_by_keyboard(desk: Opened) -> None:
    """The first key leads past the contents; Enter unfolds a table, which then takes the focus."""
    page = desk.page
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    summary = page.locator("#coverage summary").first
    await summary.focus()
    await page.keyboard.press("Enter")
    assert await page.locator("#coverage table").first.is_visible()
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.getAttribute('role')") == "group"
    await summary.focus()
    await page.keyboard.press("Enter")
    assert not await page.locator("#coverage table").first.is_visible()


async def test_without_scripts_the_figures_are_there(reader: Reader) -> None:
    """Cards and tables; a note says why there are no pictures, and no room is kept for them."""
    opened = await reader.open("small", Lang.ES, java_script_enabled=False)
    page = opened.page
    assert await page.get_by_text("Los gráficos necesitan JavaScript").is_visible()
    assert await page.get_by_text("Incompleto: 1 celda faltante").is_visible()
    assert not await page.locator(".plot").first.is_visible()
    await page.locator("#delivery summary").click()
    assert await page.locator("#delivery table").is_visible()
    assert opened.troubles == []
