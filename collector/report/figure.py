"""The parts of every figure: its two widths, panels with axes, texts, legends, readable spots.

A figure is one picture for wide and one for narrow screens, each drawn by Vega-Lite from the values
of a report alone; the style sheet of the page chooses. A colour is a reference such as
`var(--sended)`, so that pictures follow the palette of the page. Untrusted text is data of a mark,
never part of a specification.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from typing import Final, NamedTuple

from markupsafe import Markup

from collector.report.language import Language
from collector.report.palette import variable
from collector.report.svg import Json, drawn

__all__ = [
    "NARROW",
    "WIDE",
    "Figure",
    "Frame",
    "Json",
    "Label",
    "Screen",
    "Spot",
    "boxes",
    "drawable",
    "figure",
    "pixels",
    "rules",
    "span_labels",
    "spots",
    "symbols",
    "texts_at",
    "view",
    "width_of",
]

SIZE: Final = 12
"""Pixels of the type of a text."""

_SPACE: Final = 10
"""Pixels between labels of an axis."""

_SLIM: Final = frozenset(" .,:;'|!iIjltfr()[]")
_BROAD: Final = frozenset("mwMW@%_—…<>+=&")
_LATIN: Final = 0x24F
"""The last letter of the alphabets whose letters are about as wide as digits."""

_MOST: Final = 10**18
"""The largest count that is drawn: more than is ever sent, and within the numbers of JavaScript."""


class Screen(NamedTuple):
    """A kind of screen, and the pixels of a picture on it before the style sheet scales it."""

    kind: str
    width: int

    @property
    def is_narrow(self) -> bool:
        """Whether it is a phone's."""
        return self.kind == NARROW.kind


WIDE: Final = Screen("wide", 880)
NARROW: Final = Screen("narrow", 340)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure: its name in the page, and its SVG for wide and for narrow screens."""

    name: str
    wide: Markup
    narrow: Markup


class Frame(NamedTuple):
    """The room of a picture: pixels around and within the marks."""

    screen: Screen
    height: int
    left: int
    right: int
    top: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels between the left and the right margin."""
        return self.screen.width - self.left - self.right


class Label(NamedTuple):
    """A text at a place in pixels of the frame."""

    x: float
    y: float
    text: str
    align: str = "left"
    colour: str = "muted"
    bold: bool = False
    size: int = SIZE


class Spot(NamedTuple):
    """A rectangle that can be pointed at, in pixels, and what is said of it."""

    x: float
    x2: float
    y: float
    y2: float
    tip: str
    colour: str | None = None


def figure(name: str, words: Language, draw: Callable[[Screen], Json]) -> Figure:
    """Return the figure that `draw` specifies for each kind of screen."""
    decimal, thousands = words.separators[0], words.separators[1:]
    wide, narrow = (
        drawn(draw(screen), decimal=decimal, thousands=thousands) for screen in (WIDE, NARROW)
    )
    return Figure(name, wide, narrow)


def view(frame: Frame, layers: Iterable[Json]) -> Json:
    """Return the specification of layers, the lowest first, in a frame of fixed size."""
    return {
        "width": frame.width,
        "height": frame.height,
        "padding": {
            "left": frame.left,
            "right": frame.right,
            "top": frame.top,
            "bottom": frame.bottom,
        },
        "autosize": "none",
        "background": None,
        "resolve": {"scale": {"y": "independent"}},
        "layer": list(layers),
        "config": {
            # Marks say nothing but their spots: the figure has a sentence, and the page a table.
            "aria": False,
            "view": {"stroke": None},
            "axis": {
                "domain": False,
                "ticks": False,
                "grid": True,
                "gridColor": variable("line"),
                "labelColor": variable("muted"),
                "labelFontSize": SIZE,
                "labelPadding": 6,
                "title": None,
            },
        },
    }


def pixels(name: str) -> Json:
    """Return the encoding of a field that is in pixels already."""
    return {"field": name, "type": "quantitative", "scale": None, "axis": None}


def texts_at(labels: Iterable[Label]) -> Iterator[Json]:
    """Yield layers of texts; they may be untrusted."""

    def kind(label: Label) -> tuple[str, str, bool, int]:
        return label.align, label.colour, label.bold, label.size

    for (align, colour, bold, size), group in groupby(sorted(labels, key=kind), key=kind):
        yield {
            "data": {"values": [{"x": one.x, "y": one.y, "text": one.text} for one in group]},
            "mark": {
                "type": "text",
                "align": align,
                "baseline": "middle",
                "color": variable(colour),
                "fontSize": size,
                "fontWeight": "bold" if bold else "normal",
            },
            "encoding": {
                "x": pixels("x"),
                "y": pixels("y"),
                "text": {"field": "text", "type": "nominal"},
            },
        }


def spots(found: Sequence[Spot]) -> Json:
    """Return the layer of what can be pointed at; a spot without a colour is not seen."""
    return {
        "data": {
            "values": [
                {
                    **{name: getattr(one, name) for name in ("x", "x2", "y", "y2", "tip")},
                    "fill": variable(one.colour) if one.colour else None,
                }
                for one in found
            ]
        },
        "mark": {"type": "rect", "aria": True},
        "encoding": {
            **{name: pixels(name) for name in ("x", "y")},
            "x2": {"field": "x2"},
            "y2": {"field": "y2"},
            "fill": {"field": "fill", "type": "nominal", "scale": None},
            "description": {"field": "tip", "type": "nominal"},
        },
    }


def boxes(places: Sequence[tuple[float, float, float, float]], **mark: object) -> Json:
    """Return a layer of rectangles from x to x2 and from y to y2, in pixels."""
    return {
        "data": {
            "values": [dict(zip(("x", "x2", "y", "y2"), place, strict=True)) for place in places]
        },
        "mark": {"type": "rect", **mark},
        "encoding": {
            "x": pixels("x"),
            "y": pixels("y"),
            "x2": {"field": "x2"},
            "y2": {"field": "y2"},
        },
    }


def rules(lines: Sequence[tuple[float, float, float, float]], **mark: object) -> Json:
    """Return a layer of straight lines from (x, y) to (x2, y2), in pixels."""
    values = [dict(zip(("x", "y", "x2", "y2"), line, strict=True)) for line in lines]
    return {
        "data": {"values": values},
        "mark": {"type": "rule", **mark},
        "encoding": {
            "x": pixels("x"),
            "y": pixels("y"),
            "x2": {"field": "x2"},
            "y2": {"field": "y2"},
        },
    }


def symbols(places: Sequence[tuple[float, float]], **mark: object) -> Json:
    """Return a layer of symbols of one kind, in pixels."""
    return {
        "data": {"values": [{"x": x, "y": y} for x, y in places]},
        "mark": {"type": "point", "opacity": 1, **mark},
        "encoding": {"x": pixels("x"), "y": pixels("y")},
    }


def drawable(count: int) -> float:
    """Return a count within the range of JavaScript; an answer may hold any integer."""
    return float(max(-_MOST, min(count, _MOST)))


def width_of(text: str, size: int = SIZE) -> int:
    """Return the pixels that a text takes, about; fonts differ, so rather too many."""
    return ceil(size / SIZE * sum(map(_width, text)))


def _width(char: str) -> float:
    if char in _SLIM:
        return 4.5
    if char.isupper() or char in _BROAD or ord(char) > _LATIN:
        return 9.5
    return 7.4


def span_labels(names: Sequence[str], width: float, y: float) -> list[Label]:
    """Return the labels of columns of equal width, as many as fit; the last is among them."""
    step = width / max(1, len(names))
    last = len(names) - 1
    shown: list[tuple[float, float, Label]] = []

    def add(place: int) -> None:
        name, middle = names[place], (place + 0.5) * step
        half = width_of(name) / 2
        label = Label(middle, y, name, "center")
        if middle - half < -_SPACE:
            middle, label = half, Label(0, y, name, "left")
        elif middle + half > width + _SPACE:
            middle, label = width - half, Label(width, y, name, "right")
        if all(
            middle - half - _SPACE >= end or middle + half + _SPACE <= begin
            for begin, end, _ in shown
        ):
            shown.append((middle - half, middle + half, label))

    needed = max(map(width_of, names), default=1) + _SPACE
    stride = max(1, ceil(needed / step))
    for place in (*((0, last) if names else ()), *range(stride, last, stride)):
        add(place)
    return [label for _, _, label in sorted(shown)]
