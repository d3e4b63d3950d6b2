"""Every figure: its two widths, its frame, and the labels of its axes.

A figure is one picture for wide and one for narrow screens, each drawn by Vega-Lite from the values
of a report alone; the style sheet of the page chooses. A colour is a reference such as
`var(--sended)`, so that pictures follow the palette of the page. Untrusted text is data of a mark,
never part of a specification.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, inf, log10
from typing import Final, NamedTuple

from markupsafe import Markup

from collector.report import axis_texts
from collector.report.language import Language, Text
from collector.report.layers import Label
from collector.report.palette import variable
from collector.report.svg import Json, drawn
from collector.report.text_width import SIZE, width_of

__all__ = [
    "FOOT",
    "NARROW",
    "WIDE",
    "Days",
    "Figure",
    "Frame",
    "Screen",
    "day_axis",
    "drawable",
    "figure",
    "margin",
    "number_axis",
    "span_labels",
    "view",
]

_SPACE: Final = 10
"""Pixels between labels of an axis."""

_STEPS: Final = 4
"""Steps of an axis of numbers, about."""

_MOST: Final = 10**18
"""The largest count that is drawn: more than is ever sent, and within the numbers of JavaScript."""


FOOT: Final = 60
"""Pixels below a frame, for the labels of its columns."""

Days = tuple[date | None, date | None]
"""The first and the last day of a column; both are None for the server's default window."""


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


def figure(name: str, words: Language, draw: Callable[[Screen], Json]) -> Figure:
    """Return the figure that `draw` specifies for each kind of screen."""
    decimal, thousands = words.separators[0], words.separators[1:]
    wide, narrow = (
        drawn(draw(screen), decimal=decimal, thousands=thousands) for screen in (WIDE, NARROW)
    )
    return Figure(name, wide, narrow)


def day_axis(spans: Sequence[Days], frame: Frame, words: Language) -> list[Label]:
    """Return the labels of columns below a frame: first days, what they are, and the last day.

    `spans` are the first and the last day of each column, None for the server's default window.
    """
    names = [first.isoformat() if first else words.days(None, None) for first, _ in spans]
    below = [
        *span_labels(names, frame.width, frame.height + 16),
        Label(
            frame.screen.width / 2 - frame.left,
            frame.height + 34,
            words(_title(spans)),
            "center",
        ),
    ]
    first, last = spans[-1]
    if last is not None and last != first:
        text = words(axis_texts.LAST_DAY, day=last.isoformat())
        below.append(Label(frame.width, frame.height + 50, text, "right"))
    return below


def _title(spans: Sequence[Days]) -> Text:
    """Return what the labels of columns are: windows whose days are not known, days, first days."""
    dated = [(first, last) for first, last in spans if first]
    if not dated:
        return axis_texts.WINDOW
    is_daily = all(first == last for first, last in dated)
    return axis_texts.DAY if is_daily else axis_texts.FIRST_DAY


def _digits(span: float) -> int:
    """Return the digits after the decimal mark that tell the steps of an axis apart.

    `span` is the difference between its ends; an allowed rate may be infinite.
    """
    return max(0, -floor(log10(span / _STEPS))) if 0 < span < inf else 1


def number_axis(span: float) -> Json:
    """Return an axis of numbers whose ends differ by `span`, with as many digits as it needs."""
    return {
        "tickCount": _STEPS,
        "format": f",.{_digits(span)}~f",
        "grid": True,
        "title": None,
    }


def margin(spans: Iterable[float], words: Language) -> int:
    """Return the pixels that the numbers need on the left of axes from 0 to each of `spans`."""
    numbers = (words.decimal(span, max(1, _digits(span))) for span in spans)
    return max(map(width_of, numbers)) + 12


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


def drawable(count: int) -> float:
    """Return a count within the range of JavaScript; an answer may hold any integer."""
    return float(max(-_MOST, min(count, _MOST)))


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
