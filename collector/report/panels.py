"""Panels of lines over a common x axis, one above the other, each with its title and legend."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from collector.report.figure import Frame, Screen, number_axis
from collector.report.layers import Box, Label, Rule, Symbol, boxes, hatch, rules, symbols, texts_at
from collector.report.palette import variable
from collector.report.svg import Json
from collector.report.text_width import width_of

__all__ = ["TINT", "Ground", "Line", "Panel", "Stack", "stacked"]

_TITLE: Final = 20
_LEGEND: Final = 20
_GAP: Final = 14
_DOT: Final = 36
"""Square pixels of a symbol."""

_SAMPLE: Final = 26
"""Pixels of the piece of line in a legend."""

DASHES: Final = {
    "solid": [1, 0],
    "dash": [7, 4],
    "dot": [2, 3],
    "dashdot": [7, 3, 2, 3],
}


class Line(NamedTuple):
    """A line: `values` at the x places of the picture, None for a gap.

    Colour, dash and symbol each tell it from the others of its panel. `dots` are the places that
    have a symbol; `faded` are those of them whose symbol is hollow.
    """

    name: str
    colour: str
    dash: str
    symbol: str | None
    values: Sequence[float | None]
    dots: frozenset[int] = frozenset()
    faded: frozenset[int] = frozenset()
    steps: bool = False


TINT: Final = 0.2
"""Opacity of the ground of columns: the lines of the grid, and a ground below, show through it."""


class Ground(NamedTuple):
    """The ground of some columns: its name, its colour, and that of its hatching if it has one."""

    name: str
    colour: str
    hatching: str | None = None

    def layers(self, found: Iterable[Box]) -> Iterator[Json]:
        """Yield the layers of the ground in rectangles, which have its colour."""
        drawn = list(found)
        yield boxes(drawn, fillOpacity=TINT)
        if self.hatching:
            yield rules(line for box in drawn for line in hatch(box, self.hatching))


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel: its title with the unit, its pixels in height, its lines.

    `areas` are the grounds of columns, which the legend explains.
    """

    title: str
    height: int
    lines: Sequence[Line]
    areas: Sequence[Ground] = ()

    @property
    def high(self) -> float:
        """The highest value, at least 0."""
        return max((v for line in self.lines for v in line.values if v is not None), default=0)

    @property
    def low(self) -> float:
        """The lowest value, at most 0."""
        values = (v for line in self.lines for v in line.values if v is not None)
        return min(0, min(values, default=0))


class Stack(NamedTuple):
    """Panels in their frame: their layers, and the pixels of the top and the bottom of each."""

    frame: Frame
    layers: tuple[Json, ...]
    areas: tuple[tuple[float, float], ...]


def stacked(  # noqa: PLR0913 - margins are the caller's
    panels: Sequence[Panel],
    xs: Sequence[float],
    domain: tuple[float, float],
    screen: Screen,
    *,
    left: int,
    foot: int,
) -> Stack:
    """Return panels over one x axis, whose places are `xs` within `domain`."""
    right = 12
    width = screen.width - left - right
    layers: list[Json] = []
    areas: list[tuple[float, float]] = []
    top = 0
    for number, panel in enumerate(panels):
        top += _GAP if number else 0
        labels = [Label(-left + 2, top + _TITLE / 2, panel.title, colour="muted")]
        top += _TITLE
        names = [*(line.name for line in panel.lines), *(ground.name for ground in panel.areas)]
        places, rows = _legend(names, -left + 2, top, width)
        layers += _keys(panel, places)
        labels += [
            Label(x + _SAMPLE + 5, y, name, colour="ink")
            for name, (x, y) in zip(names, places, strict=True)
        ]
        layers += texts_at(labels)
        top += rows * _LEGEND + 6
        layers += _drawn(panel, xs, domain, top)
        areas.append((top, top + panel.height))
        top += panel.height
    return Stack(Frame(screen, top, left, right, 4, foot), tuple(layers), tuple(areas))


def _legend(
    names: Sequence[str], left: float, top: float, right: float
) -> tuple[list[tuple[float, float]], int]:
    """Return where the keys of a legend are, in pixels, and how many rows they take."""
    places = []
    x, row = left, 0
    for name in names:
        needed = _SAMPLE + 5 + width_of(name) + 14
        if x > left and x + needed > right:
            x, row = left, row + 1
        places.append((x, top + (row + 0.5) * _LEGEND))
        x += needed
    return places, row + 1


def _keys(panel: Panel, places: Sequence[tuple[float, float]]) -> Iterator[Json]:
    keyed = list(zip(panel.lines, places, strict=False))
    yield rules(
        Rule(x, y, x + _SAMPLE, y, line.colour, 2, DASHES[line.dash]) for line, (x, y) in keyed
    )
    yield symbols(
        Symbol(x + _SAMPLE / 2, y, line.symbol, _DOT, line.colour, line.colour)
        for line, (x, y) in keyed
        if line.symbol
    )
    for ground, (x, y) in zip(panel.areas, places[len(panel.lines) :], strict=True):
        yield from ground.layers([Box(x, x + _SAMPLE, y - 6, y + 6, ground.colour)])


def _drawn(
    panel: Panel, xs: Sequence[float], domain: tuple[float, float], top: float
) -> Iterator[Json]:
    low = panel.low
    high = panel.high if panel.high > low else 1
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {"domain": list(domain), "nice": False, "zero": False},
        "axis": None,
    }
    scale = {
        "domain": [low, high],
        "range": [top + panel.height, top],
        "nice": 4,
    }
    axis = {**number_axis(high - low), "orient": "left"}
    for number, line in enumerate(panel.lines):
        y = {
            "field": "y",
            "type": "quantitative",
            "scale": scale,
            "axis": None if number else axis,
        }
        values = [{"x": at, "y": value} for at, value in zip(xs, line.values, strict=True)]
        yield {
            "data": {"values": values},
            "mark": {
                "type": "line",
                "color": variable(line.colour),
                "strokeWidth": 2,
                "strokeDash": DASHES[line.dash],
                "interpolate": "step-after" if line.steps else "linear",
                "invalid": "break-paths-show-domains",
            },
            "encoding": {"x": x, "y": y},
        }
        if line.symbol and line.dots:
            dotted = [
                {**value, "fill": variable("panel" if place in line.faded else line.colour)}
                for place, value in enumerate(values)
                if place in line.dots and value["y"] is not None
            ]
            yield {
                "data": {"values": dotted},
                "mark": {
                    "type": "point",
                    "opacity": 1,
                    "shape": line.symbol,
                    "size": _DOT,
                    "stroke": variable(line.colour),
                    "strokeWidth": 1.2,
                },
                "encoding": {
                    "x": x,
                    "y": {**y, "axis": None},
                    "fill": {"field": "fill", "type": "nominal", "scale": None},
                },
            }
