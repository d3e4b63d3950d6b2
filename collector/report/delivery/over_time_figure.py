"""The figure of the counters over time, with one panel for counters of similar size."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final, NamedTuple

from collector.report import axis_texts
from collector.report.bins import Unit, unit_of
from collector.report.delivery.model import (
    FAILS,
    PENDING,
    PRESSED,
    RECEIVED,
    SENDED,
    TOTAL,
    Counter,
    SpanDelivery,
    comparable,
    divisor,
    lacks_many,
    shows_per_day,
)
from collector.report.figure import FOOT, Figure, Screen, day_axis, drawable, figure, margin, view
from collector.report.language import Language
from collector.report.layers import Box, Spot, boxes, spots, texts_at
from collector.report.model import Tile, WindowSpan
from collector.report.panels import Ground, Line, Panel, stacked
from collector.report.svg import Json

__all__ = ["over_time"]

_DOTTED: Final = 45
"""Points up to which each has a mark."""

_VEIL: Final = 0.65
"""Opacity of what covers partial spans."""

_UNITS: Final = ((1_000_000, axis_texts.MILLIONS), (1_000, axis_texts.THOUSANDS))
_TIMES: Final = 10
"""How often the highest value has to exceed a unit before the axis is in that unit."""


class _CounterLine(NamedTuple):
    """A counter over time: colour, dash and mark each tell it from the others of its panel."""

    counter: Counter
    dash: str
    symbol: str


_PANELS: Final = (
    (
        170,
        (
            _CounterLine(TOTAL, "solid", "circle"),
            _CounterLine(SENDED, "dash", "square"),
            _CounterLine(RECEIVED, "dot", "diamond"),
        ),
    ),
    (
        110,
        (_CounterLine(FAILS, "solid", "cross"), _CounterLine(PENDING, "dot", "triangle-up")),
    ),
    (90, (_CounterLine(PRESSED, "solid", "circle"),)),
)
"""The panels from top to bottom: pixels in height, and the lines."""


def over_time(
    sums: Sequence[SpanDelivery], cells: Mapping[WindowSpan, Tile], words: Language
) -> Figure | None:
    """Return the counters over time; None when there are fewer than two spans to compare.

    `cells` are the planned cells of each span.
    """
    drawn = comparable(sums)
    if sum(one.answers > 0 for one in drawn) <= 1:
        return None
    shades = _shades(drawn, cells)
    return figure(
        "over-time", words, lambda screen: _specification(drawn, shades, cells, words, screen)
    )


class _Shades(NamedTuple):
    """The places of the spans that lack answers, that still change, and that are partial."""

    lacking: list[int]
    unsettled: list[int]
    partial: list[int]


def _shades(sums: Sequence[SpanDelivery], cells: Mapping[WindowSpan, Tile]) -> _Shades:
    return _Shades(
        [place for place, one in enumerate(sums) if lacks_many(one, cells)],
        [place for place, one in enumerate(sums) if one.answers and not one.is_settled],
        [place for place, one in enumerate(sums) if one.span.is_partial],
    )


def _specification(
    sums: Sequence[SpanDelivery],
    shades: _Shades,
    cells: Mapping[WindowSpan, Tile],
    words: Language,
    screen: Screen,
) -> Json:
    count = len(sums)
    per_day = shows_per_day(sums)
    panels = [_panel(height, lines, sums, words, per_day=per_day) for height, lines in _PANELS]
    lacking = Ground(words(axis_texts.LACKING), "edge")
    unsettled = Ground(words(axis_texts.UNSETTLED), "unsettled", "warn")
    keys = ((lacking, shades.lacking), (unsettled, shades.unsettled))
    panels[0] = replace(panels[0], areas=[ground for ground, places in keys if places])
    left = margin((panel.high - panel.low for panel in panels), words)
    stack = stacked(panels, range(count), (-0.5, count - 0.5), screen, left=left, foot=FOOT)
    frame = stack.frame
    step = frame.width / count

    def columns(places: Sequence[int], colour: str) -> Iterator[Box]:
        """Yield a rectangle in each panel for each row of neighbours."""
        for first, after in _rows(places):
            for top, bottom in stack.areas:
                yield Box(first * step, after * step, top, bottom, colour)

    days = [(one.span.from_date, one.span.until_date) for one in sums]
    tips = [
        Spot(
            place * step,
            (place + 1) * step,
            stack.areas[0][0],
            frame.height,
            _tip(one, cells.get(one.span), words, per_day=per_day),
        )
        for place, one in enumerate(sums)
    ]
    layers = [
        *lacking.layers(columns(shades.lacking, lacking.colour)),
        *unsettled.layers(columns(shades.unsettled, unsettled.colour)),
        *stack.layers,
        # What is drawn of partial spans is faded.
        boxes(columns(shades.partial, "panel"), fillOpacity=_VEIL),
        *texts_at(day_axis(days, frame, words)),
        spots(tips),
    ]
    return view(frame, layers)


def _rows(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first of each row of neighbours, and the place after its last."""
    first = 0
    for at, place in enumerate(places, start=1):
        following = places[at] if at < len(places) else None
        if following != place + 1:
            yield places[first], place + 1
            first = at


def _panel(
    height: int,
    lines: Sequence[_CounterLine],
    sums: Sequence[SpanDelivery],
    words: Language,
    *,
    per_day: bool,
) -> Panel:
    values = [_values(line.counter, sums, per_day=per_day) for line in lines]
    partial = frozenset(place for place, one in enumerate(sums) if one.span.is_partial)
    most = max((abs(value) for of in values for value in of if value is not None), default=0)
    unit, name = next((unit for unit in _UNITS if most >= _TIMES * unit[0]), (1, None))
    each = Unit.DAY if per_day else unit_of([one.span for one in sums])
    title = words(axis_texts.PER[each])
    title = words(name, what=title) if name else title
    return Panel(
        title,
        height,
        [
            Line(
                words(line.counter.name),
                line.counter.colour,
                line.dash,
                line.symbol,
                [None if value is None else value / unit for value in of],
                _dots(of) | partial,
                partial,
            )
            for line, of in zip(lines, values, strict=True)
        ],
    )


def _values(counter: Counter, sums: Sequence[SpanDelivery], *, per_day: bool) -> list[float | None]:
    return [
        drawable(counter.of(one.delivery)) / divisor(one, per_day=per_day) if one.answers else None
        for one in sums
    ]


def _dots(values: Sequence[float | None]) -> frozenset[int]:
    """Return the places that have a symbol: of many, only points that no line leads to."""
    if len(values) <= _DOTTED:
        return frozenset(range(len(values)))
    padded = [None, *values, None]
    return frozenset(
        place
        for place, (before, after) in enumerate(zip(padded, padded[2:], strict=False))
        if before is None and after is None
    )


def _tip(one: SpanDelivery, tile: Tile | None, words: Language, *, per_day: bool) -> str:
    """Return what is said of a span: its days, and each counter on a line of its own."""
    days = words.span(one.span)
    lines = [words(axis_texts.PARTIAL, days=days) if one.span.is_partial else days]
    if not one.answers:
        lines.append(words(axis_texts.NO_ANSWERS))
    else:
        for _, drawn in _PANELS:
            for line in drawn:
                value = Fraction(line.counter.of(one.delivery), divisor(one, per_day=per_day))
                lines.append(f"{words(line.counter.name)}: {words.mean(value)}")
        if not one.is_settled:
            lines.append(words(axis_texts.UNSETTLED))
    if tile and tile.lacking:
        lines.append(words(axis_texts.WITHOUT_ANSWER, n=tile.lacking))
    return "\n".join(lines)
