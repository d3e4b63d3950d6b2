"""Specifications as SVG: hostile texts, addresses, and what is left out."""

from xml.etree import ElementTree as ET

import pytest

from collector.report.figure import Frame, Screen, view
from collector.report.layers import Box, Label, Spot, Symbol, boxes, spots, symbols, texts_at
from collector.report.svg import Json, drawn
from tests.report.shown import marks, texts, tips

_FRAME = Frame(Screen("any", 200), 50, 10, 10, 5, 5)
_HOSTILE = (
    "</svg><script>alert(1)</script>",
    "<b>&amp;</b> & \"quoted\" 'single'",
    "null",
    "1e5",
    "\u2068\u0645\u0631\u062d\u0628\u0627\u2069",
    "{{x}} ${y} datum.text",
    "http://127.0.0.1:9/x.csv",
)


def _draw(*layers: Json) -> str:
    return drawn(view(_FRAME, layers), decimal=".", thousands=",")


@pytest.mark.parametrize("text", _HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    """On a label, and beside the pointer: as it is written, and no element of it."""
    svg = _draw(*texts_at([Label(0, 10, text)]), spots([Spot(0, 10, 0, 10, text, "fails")]))
    assert texts(svg) == [text]
    assert tips(svg) == [text]
    names = {element.tag for element in ET.fromstring(svg).iter()}  # noqa: S314 - drawn above
    assert names <= {"svg", "g", "path", "text", "title"}


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x.csv", "https://example.org/x.json"])
def test_no_address_is_read(url: str) -> None:
    """Whatever a specification says: drawing needs no network, and uses none."""
    with pytest.raises(ValueError, match="not allowed"):
        _draw({"data": {"url": url}, "mark": "bar"})


def test_an_element_that_is_not_on_the_list_is_an_error() -> None:
    """Such as a clip path, whose id would clash with that of another picture."""
    with pytest.raises(ValueError, match="element defs, which is not allowed"):
        _draw({**boxes([Box(0, 1, 0, 1, "fails")], clip=True)})


def test_what_marks_have_in_common_is_said_once() -> None:
    """Many tiles of one colour take few bytes."""
    tiles = [Spot(x, x + 1, y, y + 1, "x", "cell-data") for x in range(50) for y in range(50)]
    svg = _draw(spots(tiles))
    assert svg.count("var(--cell-data)") == 1
    assert len(svg) < 60 * len(tiles)


def test_symbols_of_one_style_are_one_path() -> None:
    """Each at its place, and in the order in which they are drawn."""
    crosses = [Symbol(x, 20, "M-1,-1L1,1M1,-1L-1,1", 16, "ink", None) for x in (10, 20.5)]
    svg = _draw(symbols([*crosses, Symbol(30, 20, "circle", 16, "muted", None), crosses[0]]))
    ways = [mark.attributes["d"] for mark in marks(svg)]
    assert ways[0] == "M8,18L12,22M12,18L8,22M18.5,18L22.5,22M22.5,18L18.5,22"
    assert [way.count("M") for way in ways] == [4, 1, 2]
    assert [mark.attributes["stroke"] for mark in marks(svg)] == [
        f"var(--{colour})" for colour in ("ink", "muted", "ink")
    ]


def test_what_shines_through_stays_apart() -> None:
    """Two circles that overlap are darker where they do."""
    circles = [Symbol(x, 20, "circle", 90, None, "ink") for x in (10, 12)]
    assert len(marks(_draw(symbols(circles, opacity=0.5)))) == 2


def test_what_most_marks_have_is_said_once() -> None:
    """Of two colours the commoner one is the group's."""
    colours = ["cell-data"] * 7 + ["cell-empty"] * 2
    svg = _draw(spots([Spot(at, at + 1, 0, 1, "x", one) for at, one in enumerate(colours)]))
    assert svg.count("var(--cell-data)") == 1
    assert [mark.attributes["fill"] for mark in marks(svg)] == [f"var(--{one})" for one in colours]


def test_the_same_specification_makes_the_same_bytes() -> None:
    """A page that is made again can be compared with the first."""
    layers = [spots([Spot(0, 1, 0, 1, "x", "fails")]), *texts_at([Label(0, 10, "x")])]
    assert len({_draw(*layers) for _ in range(3)}) == 1
