"""The page on paper: what Chromium prints, read page by page."""

from typing import Final

import pypdfium2
import pytest

from collector.report.language import Lang
from tests.report.reader import Opened, Reader

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

_WHITE: Final = 255

_LEADS: Final = """() => [...document.querySelectorAll("main > section > figure")].map((figure) => {
    let lead = figure.previousElementSibling;
    while (lead && !/^H\\d$/.test(lead.tagName)) lead = lead.previousElementSibling;
    return [lead.textContent, figure.querySelector("figcaption").textContent];
})"""
"""Of each picture that is printed: the heading before it, and the sentence above it."""


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


@pytest.mark.parametrize(("name", "lang"), [("large", Lang.EN), ("small", Lang.ES)])
async def test_no_heading_is_stranded_and_no_page_is_mostly_empty(
    reader: Reader, name: str, lang: Lang
) -> None:
    """A heading is on the page of its picture; a third of each page but the last has something."""
    opened = await reader.open(name, lang)
    leads = await opened.page.evaluate(_LEADS)
    document = await _printed(opened)
    pages = [_words(page.get_textpage().get_text_range()) for page in document]
    assert len(leads) >= 7
    for heading, sentence in leads:
        together = [page.find(_words(sentence)[:40], page.find(_words(heading))) for page in pages]
        assert max(together) > 0, heading
    assert min(map(_filled, list(document)[:-1])) > 1 / 3
    assert opened.troubles == []
