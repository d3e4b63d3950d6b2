"""What a report shows: its page, the words of the page, the marks of a picture."""

import re
from typing import NamedTuple
from xml.etree import ElementTree as ET

from collector.report.language import Lang
from collector.report.page import render
from collector.report.report import Report


class Mark(NamedTuple):
    """An element of a picture, with what it inherits from its groups, and its tip if it has one."""

    name: str
    attributes: dict[str, str]
    text: str
    tip: str | None


def page_of(report: Report, lang: Lang = Lang.EN) -> str:
    """Return the page of a report."""
    return render(report, lang, "1.2.3").decode()


def words_of(page: str) -> str:
    """Return the text of a page without tags, pictures and scripts."""
    body = page[page.index("<body>") : page.index("<script>")]
    body = re.sub(r"<svg.*?</svg>", " ", body, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).replace("\xa0", " ").split())


def marks(svg: str) -> list[Mark]:
    """Return what a picture has, but for groups."""
    return _marks(ET.fromstring(svg), {})  # noqa: S314 - drawn by the test


def tips(svg: str) -> list[str]:
    """Return what is said of each mark that can be pointed at."""
    return [mark.tip for mark in marks(svg) if mark.tip]


def texts(svg: str) -> list[str]:
    """Return the texts within a picture."""
    return [mark.text for mark in marks(svg) if mark.name == "text"]


def lines(svg: str, colour: str) -> list[str]:
    """Return the ways of the lines of a colour, without samples in legends."""
    return [
        mark.attributes["d"]
        for mark in marks(svg)
        if mark.name == "path"
        and mark.attributes.get("stroke") == f"var(--{colour})"
        and mark.attributes.get("fill") == "none"
    ]


def boxes(svg: str, colour: str) -> int:
    """Return how many rectangles have a colour."""
    return sum(
        mark.attributes.get("fill") == f"var(--{colour})" and not mark.tip for mark in marks(svg)
    )


def _marks(element: ET.Element, inherited: dict[str, str]) -> list[Mark]:
    attributes = {**inherited, **element.attrib}
    found: list[Mark] = []
    for child in element:
        if child.tag in {"g", "svg"}:
            found += _marks(child, attributes)
        elif child.tag != "title":
            title = child.find("title")
            tip = None if title is None else title.text
            found.append(Mark(child.tag, {**attributes, **child.attrib}, child.text or "", tip))
    return found
