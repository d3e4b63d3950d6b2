"""The figure of the counters over time, with one panel for counters of similar size."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

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
    shows_per_day,
)
from collector.report.figure import (
    Figure,
    Json,
    category_axis,
    drawable,
    frame,
    on_panel,
    panels,
    thinned,
)
from collector.report.language import Language
from collector.report.model import Tile, WindowSpan
from collector.report.palette import variable

__all__ = ["over_time"]


_DOTTED: Final = 45
"""Points up to which each has a mark."""


_MARK: Final = 7
"""Pixels per mark."""


class _CounterLine(NamedTuple):
    """A counter over time: colour, dash and mark each tell it from the others of its panel."""

    counter: Counter
    dash: str
    symbol: str
    panel: int


_LINES: Final = (
    _CounterLine(TOTAL, "solid", "circle", 1),
    _CounterLine(SENDED, "dash", "square", 1),
    _CounterLine(RECEIVED, "dot", "diamond", 1),
    _CounterLine(FAILS, "solid", "x", 2),
    _CounterLine(PENDING, "dot", "triangle-up", 2),
    _CounterLine(PRESSED, "solid", "circle", 3),
)


def over_time(
    sums: Sequence[SpanDelivery], cells: Mapping[WindowSpan, Tile], words: Language
) -> tuple[Figure | None, bool]:
    """Return the counters over time, and whether spans that lack answers are shaded.

    None when there are fewer than two spans to compare. `cells` are the planned cells of each span.
    """
    drawn = comparable(sums)
    if sum(one.answers > 0 for one in drawn) <= 1:
        return None, False
    labels = [words.span(one.span) for one in drawn]
    height, parts = panels((170, 110, 90), ("", "", ""))
    shades = _shades(drawn, cells)
    layout = frame(
        words,
        height,
        **parts,
        xaxis=category_axis(labels, anchor="y3"),
        hovermode="x unified",
        shapes=shades,
        meta=thinned(),
        showlegend=True,
        hoversubplots="axis",
    )
    data = [_line(line, labels, drawn, words) for line in _LINES]
    return Figure("over-time", data, layout), bool(shades)


def _line(
    line: _CounterLine,
    labels: list[str],
    sums: Sequence[SpanDelivery],
    words: Language,
) -> Json:
    per_day = shows_per_day(sums)
    values = [
        round(drawable(line.counter.of(one.delivery)) / divisor(one, per_day=per_day), 2)
        if one.answers
        else None
        for one in sums
    ]
    sizes = _sizes(values)
    return {
        "type": "scatter",
        "mode": "lines+markers" if any(sizes) else "lines",
        "name": words(line.counter.name),
        "x": labels,
        "y": values,
        **on_panel(line.panel),
        "line": {"color": variable(line.counter.colour), "dash": line.dash, "width": 2},
        "marker": {
            "color": variable(line.counter.colour),
            "symbol": line.symbol,
            "size": sizes if any(sizes) else _MARK,
        },
        "connectgaps": False,
        "hovertemplate": "%{y:,.1f}" if per_day else "%{y:,d}",
    }


def _sizes(values: Sequence[float | None]) -> list[int]:
    """Return the size of the mark on each point: of many, only points without a line have one."""
    if len(values) <= _DOTTED:
        return [_MARK] * len(values)
    padded = [None, *values, None]
    return [
        0 if before is not None or after is not None else _MARK
        for before, after in zip(padded, padded[2:], strict=False)
    ]


def _shades(sums: Sequence[SpanDelivery], cells: Mapping[WindowSpan, Tile]) -> list[Json]:
    return [
        _shade(place)
        for place, one in enumerate(sums)
        if (tile := cells.get(one.span)) and tile.lacks_many
    ]


def _shade(place: int) -> Json:
    return {
        "type": "rect",
        "layer": "below",
        "xref": "x",
        "x0": place - 0.5,
        "x1": place + 0.5,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"width": 0},
        "fillcolor": variable("shade"),
    }
