"""Layers of a picture whose places are pixels: texts, rectangles, lines, symbols, spots."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from math import ceil, floor
from typing import Final, NamedTuple

from collector.report.palette import variable
from collector.report.svg import Json
from collector.report.text_width import SIZE

__all__ = [
    "Box",
    "Label",
    "Rule",
    "Spot",
    "Symbol",
    "boxes",
    "hatch",
    "pixels",
    "rules",
    "spots",
    "symbols",
    "texts_at",
]


class Label(NamedTuple):
    """A text at a place in pixels of the frame."""

    x: float
    y: float
    text: str
    align: str = "left"
    colour: str = "muted"
    bold: bool = False
    size: int = SIZE


class Box(NamedTuple):
    """A rectangle in pixels, from x to x2 and from y to y2."""

    x: float
    x2: float
    y: float
    y2: float
    colour: str


class Rule(NamedTuple):
    """A straight line in pixels, from (x, y) to (x2, y2); `dash` is as in SVG, or None."""

    x: float
    y: float
    x2: float
    y2: float
    colour: str
    width: float = 1.0
    dash: Sequence[int] | None = None


class Symbol(NamedTuple):
    """A symbol in pixels; `shape` is a name of Vega or a way of SVG, `size` is square pixels."""

    x: float
    y: float
    shape: str
    size: float
    stroke: str | None
    fill: str | None


class Spot(NamedTuple):
    """A rectangle that can be pointed at, in pixels, and what is said of it."""

    x: float
    x2: float
    y: float
    y2: float
    tip: str
    colour: str | None = None


def pixels(name: str) -> Json:
    """Return the encoding of a field that is in pixels already."""
    return {"field": name, "type": "quantitative", "scale": None, "axis": None}


_ENDS: Final = {
    "x": pixels("x"),
    "y": pixels("y"),
    "x2": {"field": "x2"},
    "y2": {"field": "y2"},
}


def texts_at(labels: Iterable[Label]) -> Iterator[Json]:
    """Yield layers of texts; they may be untrusted."""

    def kind(label: Label) -> tuple[str, bool]:
        return label.align, label.bold

    for (align, bold), group in groupby(sorted(labels, key=kind), key=kind):
        values = [
            {
                "x": one.x,
                "y": one.y,
                "text": one.text,
                "colour": variable(one.colour),
                "size": one.size,
            }
            for one in group
        ]
        yield {
            "data": {"values": values},
            "mark": {
                "type": "text",
                "align": align,
                "baseline": "middle",
                "fontWeight": "bold" if bold else "normal",
            },
            "encoding": {
                "x": pixels("x"),
                "y": pixels("y"),
                "text": {"field": "text", "type": "nominal"},
                "color": _of_drawn_field("colour"),
                "size": {"field": "size", "type": "quantitative", "scale": None},
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
            **_ENDS,
            "fill": _of_drawn_field("fill"),
            "description": {"field": "tip", "type": "nominal"},
        },
    }


def boxes(found: Iterable[Box], **mark: object) -> Json:
    """Return a layer of rectangles."""
    return {
        "data": {
            "values": [
                {"x": x, "x2": x2, "y": y, "y2": y2, "colour": variable(colour)}
                for x, x2, y, y2, colour in found
            ]
        },
        "mark": {"type": "rect", **mark},
        "encoding": {**_ENDS, "fill": _of_drawn_field("colour")},
    }


_HATCH: Final = 10
"""Pixels from one line of a hatched ground to the next, across."""


def hatch(box: Box, colour: str) -> Iterator[Rule]:
    """Yield slanting lines that hatch a rectangle; those of neighbours meet."""
    x, x2, y, y2, _ = box
    for at in range(ceil((x + y) / _HATCH) * _HATCH, floor(x2 + y2) + 1, _HATCH):
        low = max(x, at - y2)
        high = min(x2, at - y)
        yield Rule(low, at - low, high, at - high, colour, 0.5)


def rules(found: Iterable[Rule]) -> Json:
    """Return a layer of straight lines."""
    return {
        "data": {
            "values": [
                {
                    **{name: getattr(one, name) for name in ("x", "x2", "y", "y2", "width")},
                    "colour": variable(one.colour),
                    "dash": one.dash,
                }
                for one in found
            ]
        },
        "mark": "rule",
        "encoding": {
            **_ENDS,
            "stroke": _of_drawn_field("colour"),
            "strokeWidth": {"field": "width", "type": "quantitative", "scale": None},
            "strokeDash": _of_drawn_field("dash"),
        },
    }


def symbols(found: Iterable[Symbol], **mark: object) -> Json:
    """Return a layer of symbols."""
    return {
        "data": {
            "values": [
                {
                    "x": one.x,
                    "y": one.y,
                    "shape": one.shape,
                    "size": one.size,
                    "stroke": variable(one.stroke) if one.stroke else None,
                    "fill": variable(one.fill) if one.fill else None,
                }
                for one in found
            ]
        },
        "mark": {"type": "point", "opacity": 1, "strokeWidth": 1.2, **mark},
        "encoding": {
            "x": pixels("x"),
            "y": pixels("y"),
            "size": {"field": "size", "type": "quantitative", "scale": None},
            **{name: _of_drawn_field(name) for name in ("shape", "stroke", "fill")},
        },
    }


def _of_drawn_field(name: str) -> Json:
    """Return the encoding of a field that is what is drawn."""
    return {"field": name, "type": "nominal", "scale": None, "legend": None}
