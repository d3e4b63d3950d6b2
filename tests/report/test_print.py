"""The page on paper: what Chromium prints, read page by page."""

import re
from dataclasses import replace
from typing import Final

import pypdfium2
import pytest

from collector.report.coverage.model import CompanyGroup
from collector.report.language import Lang
from collector.report.model import Company, Tile
from collector.report.page import render
from collector.report.report import Report
from tests.report import sample
from tests.report.reader import Opened, Reader

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

_WHITE: Final = 255
_PAPER: Final = 297
"""Millimetres in height of a page."""

_MARGIN: Final = 14
_BETWEEN: Final = 186
"""Millimetres between the margins on the left and on the right."""

_PIXELS: Final = 96 / 25.4
"""Pixels of a style sheet in a millimetre."""

_LEADS: Final = """() => [...document.querySelectorAll("main > section > figure")].map((figure) => {
    let lead = figure.previousElementSibling;
    while (lead && !/^H\\d$/.test(lead.tagName)) lead = lead.previousElementSibling;
    return [lead.textContent, figure.querySelector("figcaption").textContent];
})"""
"""Of each picture that is printed: the heading before it, and the sentence above it."""

_TABLES: Final = """() => [...document.querySelectorAll("table")]
    .filter((table) => table.closest("details, #runs").matches("[data-print], #runs"))
    .map((table) => [
        table.caption.textContent + table.tHead.textContent,
        table.tBodies[0].querySelector("th").textContent,
    ])"""
"""Of each table that is printed: its caption with its head, and the head of its first row."""

_TYPE: Final = """() => Math.min(...[...document.querySelectorAll(".plot text")]
    .filter((text) => text.getBoundingClientRect().height)
    .map((text) => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))"""
"""The pixels of the smallest type within a picture, as it is seen."""


def many() -> Report:
    """Return a report whose map is the tallest: a row for each of 50 companies with long names."""
    large = sample.large()
    companies = [Company(str(1000 + at), f"Transportes {at} del Altiplano") for at in range(50)]
    tile = Tile(5, 1, 1, 0)
    coverage = replace(
        large.coverage,
        groups=tuple(CompanyGroup(one, one, 1) for one in companies),
        tiles=tuple((tile,) * len(large.coverage.spans) for _ in companies),
    )
    return replace(large, coverage=coverage)


async def _open(reader: Reader, name: str, lang: Lang) -> Opened:
    if name != "many":
        return await reader.open(name, lang)
    path = reader.directory / f"{name}.html"
    path.write_bytes(render(many(), lang, "1.2.3"))
    return await reader.open_file(path)


async def _printed(opened: Opened) -> pypdfium2.PdfDocument:
    return pypdfium2.PdfDocument(await opened.page.pdf(prefer_css_page_size=True))


def _words(text: str) -> str:
    """Return text without white space: a printed line breaks anywhere."""
    return "".join(text.split())


def _filled(page: pypdfium2.PdfPage) -> float:
    """Return the share of a page from its top to the lowest mark on it."""
    bitmap = page.render(scale=0.2, grayscale=True)
    pixels, row = bytes(bitmap.buffer), bitmap.stride
    lines = (pixels[row * at :][: bitmap.width] for at in range(bitmap.height))
    marked = [at for at, line in enumerate(lines, start=1) if min(line) < _WHITE]
    height: int = bitmap.height
    return max(marked, default=0) / height


@pytest.mark.parametrize(
    ("name", "lang"),
    [("large", Lang.EN), ("small", Lang.ES), ("many", Lang.ES), ("bare", Lang.EN)],
)
async def test_no_heading_is_stranded_and_no_page_is_mostly_empty(
    reader: Reader, name: str, lang: Lang
) -> None:
    """A heading is on the page of its picture, the head of a table on that of its first row.

    A third of each page has something. For the last two pages that is so whatever the data
    are: the closing part is in one piece, more than a third of a page and less than two.
    """
    opened = await _open(reader, name, lang)
    leads = await opened.page.evaluate(_LEADS)
    tables = await opened.page.evaluate(_TABLES)
    document = await _printed(opened)
    pages = [_words(page.get_textpage().get_text_range()) for page in document]
    assert len(leads) >= (0 if name == "bare" else 7)
    for heading, sentence in leads:
        together = [page.find(_words(sentence)[:40], page.find(_words(heading))) for page in pages]
        assert max(together) > 0, heading
    assert len(tables) >= (2 if name == "bare" else 7)
    for head, row in tables:
        assert any(_words(row)[:20] in page.partition(_words(head))[2] for page in pages), head
    assert min(map(_filled, document)) > 1 / 3
    assert opened.troubles == []


@pytest.mark.parametrize("lang", list(Lang))
async def test_the_closing_part_fills_a_third_of_a_page_and_not_two(
    reader: Reader, lang: Lang
) -> None:
    """It is on the last page, alone if there is no room for it on the page before."""
    page = (await reader.open("small", lang)).page
    await page.set_viewport_size({"width": round(_BETWEEN * _PIXELS), "height": 900})
    await page.emulate_media(media="print")
    height = await page.locator("#reading").evaluate("one => one.offsetHeight")
    assert _PAPER / 3 - _MARGIN < height / _PIXELS < 2 / 3 * _PAPER - _MARGIN
    assert await page.evaluate("document.querySelector('main').lastElementChild.id") == "reading"
    assert not await page.locator("footer").is_visible()


@pytest.mark.parametrize("name", ["large", "many"])
async def test_printed_type_has_7_points(reader: Reader, name: str) -> None:
    """In each picture, however tall it is; a map has 50 rows at most."""
    page = (await _open(reader, name, Lang.ES)).page
    await page.set_viewport_size({"width": round(_BETWEEN * _PIXELS), "height": 900})
    await page.emulate_media(media="print")
    assert await page.evaluate(_TYPE) * 72 / 96 >= 7


async def test_what_is_folded_is_printed_without_scripts(reader: Reader) -> None:
    """Short tables, and pictures of earlier runs."""
    opened = await reader.open("large", java_script_enabled=False)
    document = await _printed(opened)
    text = _words("".join(page.get_textpage().get_text_range() for page in document))
    assert _words("Earlier runs output/2026-01-04 From 2026-01-04 06:30:00 UTC") in text
    assert text.count(_words("latency in seconds")) == 2
    assert _words("Counters and actions Counter Count Share of total") in text
    # 200 intervals of a run.
    assert _words("Requests per second and latencies") not in text


async def test_no_page_begins_with_the_last_line_or_row(reader: Reader) -> None:
    """Wherever a page ends: it takes the picture, or the row before, with it."""
    page = render(sample.bare(), Lang.EN, "1.2.3").decode()
    rows = "".join(f"<tr><td>{name}</td></tr>" for name in ("first", "second", "third"))
    parts = "".join(
        f'<div style="break-before: page; height: {height}px">x</div>'
        f"<section><figure>picture</figure><p>closing</p></section>"
        f'<div style="break-before: page; height: {height}px">x</div>'
        f"<section><table><tbody>{rows}</tbody></table></section>"
        for height in range(800, 1040, 8)
    )
    path = reader.directory / "ends.html"
    path.write_text(re.sub(r"<body>.*</body>", f"<body>{parts}</body>", page, flags=re.DOTALL))
    document = await _printed(await reader.open_file(path))
    begins = [page.get_textpage().get_text_range().strip() for page in document]
    assert not [text for text in begins if text.startswith(("closing", "third"))]
    # The heights are such that a page ends before each of the parts.
    assert {"picture", "first", "second"} <= {text.split()[0] for text in begins if text}
