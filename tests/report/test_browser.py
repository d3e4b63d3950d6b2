"""The page in a real browser: nothing is loaded, nothing untrusted runs, everything is seen."""

from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from collector.report.coverage.model import CompanyGroup
from collector.report.delivery.model import CompanyShare, CountMovement
from collector.report.language import Lang
from collector.report.model import Company
from collector.report.page import render
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
    """Return the large report, open on a desk; a test that changes it changes it back."""
    return await reader.open("large", viewport=_DESK)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hostile(reader: Reader) -> Opened:
    """Return the small report with hostile names, open on a desk."""
    return await reader.open("small", viewport=_DESK)


async def test_all_is_drawn_and_nothing_is_requested(desk: Opened) -> None:
    """No error, no warning, no request; and the whole page of 2,000 companies is below 2 MB."""
    pictures = desk.page.locator(".plot:visible svg")
    assert await pictures.count() == 7
    for picture in await pictures.all():
        box = await picture.bounding_box()
        assert box is not None
        assert box["width"] > 900
        assert box["height"] > 100
    assert len(await desk.page.content()) < 2_000_000
    assert desk.troubles == []


async def test_the_page_may_run_nothing_else(desk: Opened) -> None:
    """Neither a script from the data, nor text that is read as one, nor a picture."""
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


_FILL = """() => getComputedStyle(
    document.querySelector("[data-figure=failing].wide [fill='var(--fails)']")).fill"""


async def test_pictures_follow_the_surroundings(desk: Opened) -> None:
    """Dark when the screen is, and light again; on paper always light."""
    assert await desk.page.evaluate(_FILL) == "rgb(200, 80, 0)"
    await desk.page.emulate_media(color_scheme="dark")
    assert await desk.page.evaluate(_FILL) == "rgb(255, 138, 76)"
    body = "getComputedStyle(document.body).backgroundColor"
    assert await desk.page.evaluate(body) == "rgb(16, 21, 26)"
    await desk.page.emulate_media(color_scheme="dark", media="print")
    assert await desk.page.evaluate(_FILL) == "rgb(200, 80, 0)"
    await desk.page.emulate_media(color_scheme="light", media="screen")
    assert desk.troubles == []


async def test_what_is_pointed_at_is_said(desk: Opened) -> None:
    """A tile, a company, a day; and nothing once the pointer is elsewhere, or after Escape."""
    page = desk.page
    tip = page.locator(".tip")
    await page.locator("[data-figure=failing].wide .spots > *").nth(1).hover()
    assert (await tip.text_content() or "").startswith("1003 ")
    assert "95 % interval" in (await tip.text_content() or "")
    await page.locator("[data-figure=over-time].wide .spots > *").nth(3).hover()
    said = await tip.text_content()
    assert said is not None
    assert said.count("\n") >= 6
    await page.keyboard.press("Escape")
    await page.locator("h1").hover()
    assert await tip.count() == 0
    assert desk.troubles == []


async def test_the_arrow_keys_lead_from_mark_to_mark(reader: Reader) -> None:
    """A picture is one stop of the Tab key, however many marks it has."""
    page = (await reader.open("large", viewport=_DESK)).page
    plot = page.locator("[data-figure=coverage].wide")
    await plot.focus()
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
        await page.keyboard.press(key)
        seen.append(await page.locator(".tip").text_content())
        # A screen reader follows a region outside of images.
        assert await page.locator("[role=status]").text_content() == seen[-1]
    assert await page.locator("[role=img] .tip, [role=img] [role=status]").count() == 0
    first, right, below, left, back = seen
    assert first == back
    assert len({first, right, below, left}) == 4
    assert first is not None
    assert first.startswith("56 companies, 1000 \N{EN DASH} 1055\n")
    assert await page.locator(".plot [tabindex]").count() == 0
    await page.keyboard.press("Escape")
    assert await page.locator(".tip").count() == 0
    assert await page.locator("[role=status]").text_content() == ""


async def test_each_picture_that_takes_the_focus_has_marks_to_visit(hostile: Opened) -> None:
    """And the first arrow key says something of it."""
    page = hostile.page
    plots = await page.locator(".plot:visible").all()
    for plot in plots:
        await plot.focus()
        await page.keyboard.press("ArrowRight")
        assert await page.locator(".tip").text_content()
    assert len(plots) == 7
    await page.keyboard.press("Escape")


_TALL = """() => [...document.querySelectorAll(".plot svg")].filter(
    (picture) => picture.checkVisibility() && picture.getBoundingClientRect().height > 100).map(
    (picture) => picture.parentElement.className)"""
"""The classes of the pictures that are seen, but for the smallest ones."""


async def test_it_prints_all_pictures_for_wide_screens(desk: Opened) -> None:
    """Also those of earlier runs, which are folded on a screen."""
    page = desk.page
    shown = await page.evaluate(_TALL)
    await page.emulate_media(media="print")
    printed = await page.evaluate(_TALL)
    await page.emulate_media(media="screen")
    assert set(printed) == {"plot wide"}
    assert len(printed) == len(shown) + 1
    assert await page.evaluate(_TALL) == shown
    assert await page.locator("details[open]").count() == 0
    assert desk.troubles == []


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


_NAMES = ("W" * 40, "@%" * 20, "\u65e5\u672c\u8a9e" * 14, "\u0429\u0416" * 20, "\u0645\u0631" * 20)
"""Names of letters that are broader than a digit."""


async def test_broad_names_lie_within_their_pictures(reader: Reader) -> None:
    """As labels of companies and of actions, for either width of the screen."""
    small = sample.small()
    companies = [Company(str(at), name) for at, name in enumerate(_NAMES)]
    assert small.restated is not None
    report = replace(
        small,
        coverage=replace(
            small.coverage, groups=tuple(CompanyGroup(one, one, 1) for one in companies)
        ),
        failing=tuple(CompanyShare(one, 10, 5) for one in companies),
        restated=replace(
            small.restated,
            movements=tuple(CountMovement(name, is_action=True, rose=9, fell=9) for name in _NAMES),
        ),
    )
    path = reader.directory / "broad.html"
    path.write_bytes(render(report, Lang.EN, "1.2.3"))
    for screen in ({"viewport": _DESK}, _PHONE):
        opened = await reader.open_file(path, **screen)
        assert await opened.page.evaluate(_CUT_OFF) == []


_SMALLEST = """() => Math.min(...[...document.querySelectorAll(".plot text")]
    .map((text) => text.getBoundingClientRect().height).filter(Boolean))"""
"""The pixels in height of the smallest text within a picture."""


async def _assert_fits(opened: Opened) -> None:
    """Open all tables, and look whether anything is wider than the screen."""
    page = opened.page
    await page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert await page.evaluate(_CUT_OFF) == []
    assert await page.locator("[data-figure=coverage].narrow").is_visible()
    assert not await page.locator("[data-figure=coverage].wide").is_visible()
    assert await page.evaluate(_SMALLEST) >= 10
    await page.evaluate("document.querySelectorAll('details').forEach(one => one.open = false)")
    assert opened.troubles == []


async def test_nothing_is_wider_than_a_phone(reader: Reader) -> None:
    """With everything drawn and every table open; the map for narrow screens is shown."""
    await _assert_fits(await reader.open("large", Lang.ES, **_PHONE))


async def test_pictures_follow_the_width(hostile: Opened) -> None:
    """A window that is made as narrow as a phone needs no reload."""
    await hostile.page.set_viewport_size({"width": 390, "height": 844})
    await hostile.two_frames()
    await _assert_fits(hostile)
    await hostile.page.set_viewport_size(_DESK)


_TYPE = """() => Math.min(...[...document.querySelectorAll(".plot text")]
    .filter((text) => text.getBoundingClientRect().height)
    .map((text) => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))"""
"""The pixels of the smallest type within a picture, as it is seen."""


@pytest.mark.parametrize("width", [720, 730, 880, 928, 929, 1000])
async def test_type_is_never_small(hostile: Opened, width: int) -> None:
    """A wide picture is not shrunk much: where it would be, the narrow one is shown."""
    await hostile.page.set_viewport_size({"width": width, "height": 900})
    await hostile.two_frames()
    assert await hostile.page.evaluate(_TYPE) >= 10
    await hostile.page.set_viewport_size(_DESK)


async def test_hostile_names_are_seen_as_text(hostile: Opened) -> None:
    """In labels and beside the pointer they read as they are written, and nothing of them runs."""
    page = hostile.page
    seen = await page.locator(".plot.wide").all_text_contents()
    drawn = " ".join(seen)
    assert "0 <script>alert(1)</script>" in drawn
    assert "1 <b>x</b> &lt;i&gt;" in drawn
    assert '2 <a href="javascript' in drawn
    assert "3 var(--bad) <U+202E>" in drawn
    assert await page.locator(".plot a, .plot script, main img").count() == 0
    await page.locator("[data-figure=failing].wide .spots > *").nth(1).hover()
    said = await page.locator(".tip").text_content()
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


async def test_without_scripts_the_pictures_and_figures_are_there(reader: Reader) -> None:
    """Cards, tables and pictures, which the browser explains by their titles."""
    opened = await reader.open("small", Lang.ES, java_script_enabled=False)
    page = opened.page
    assert await page.get_by_text("Incompleto: falta 1 celda").is_visible()
    assert await page.locator(".plot.wide:visible svg").count() == 7
    assert await page.locator("[data-figure=failing].wide title").count() == 5
    await page.locator("#delivery summary").click()
    assert await page.locator("#delivery table").is_visible()
    assert opened.troubles == []
