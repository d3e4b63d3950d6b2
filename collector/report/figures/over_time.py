"""The counters over time, one panel for those of a size."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from collector.report.figures.counters import (
    FAILS,
    PENDING,
    PRESSED,
    RECEIVED,
    SENDED,
    TOTAL,
    Counter,
)
from collector.report.figures.parts import (
    Figure,
    Json,
    category_axis,
    drawable,
    frame,
    panels,
    thinned,
)
from collector.report.language import Language
from collector.report.model import CoverageMap, SpanDelivery, WindowSpan
from collector.report.palette import variable

__all__ = ["comparable", "lacking", "length", "over_time", "shows_per_day"]

_UNEVEN: Final = 1.15
"""By how much spans may differ in days and still be compared as they are: months do."""

_TOO_LOW: Final = 0.01
"""Share of cells without an answer from which on a span is shaded."""

_DOTTED: Final = 45
"""Points up to which each is marked as well as joined."""


_MARK: Final = 7
"""Pixels of a mark."""


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
    sums: Sequence[SpanDelivery], coverage: CoverageMap, words: Language
) -> tuple[Figure | None, bool]:
    """Return the counters over time, and whether spans are shaded for want of answers.

    None when there are fewer than two spans to compare.
    """
    drawn = comparable(sums)
    if sum(one.answers > 0 for one in drawn) <= 1:
        return None, False
    labels = [words.span(one.span) for one in drawn]
    height, parts = panels((170, 110, 90), ("", "", ""))
    shades = _shades(drawn, coverage)
    layout = frame(
        words,
        height,
        **parts,
        xaxis=category_axis(labels, anchor="y3"),
        hovermode="x unified",
        shapes=shades,
        meta=thinned(),
    )
    layout = {**layout, "showlegend": True, "hoversubplots": "axis"}
    data = [_line(line, labels, drawn, words) for line in _LINES]
    return Figure("over-time", data, layout), bool(shades)


def comparable(sums: Sequence[SpanDelivery]) -> list[SpanDelivery]:
    """Return the spans that have a place in time: of the server's default window nobody knows it.

    Those of nothing but the default window are all that there is, and are compared as they are.
    """
    return [one for one in sums if one.span.days is not None] or list(sums)


def shows_per_day(sums: Sequence[SpanDelivery]) -> bool:
    """Tell whether spans are so unequal in length that only counts per day can be compared."""
    days = [one.span.days for one in comparable(sums) if one.span.days is not None]
    return max(days, default=0) > _UNEVEN * min(days, default=0)


def length(one: SpanDelivery, *, per_day: bool) -> int:
    """Return what to divide the sums of a span by: its days, or 1 where sums are compared."""
    return (one.span.days or 1) if per_day else 1


def lacking(coverage: CoverageMap) -> dict[WindowSpan, tuple[int, int]]:
    """Return how many cells of each span have no answer, and how many were planned."""
    return {
        span: (
            sum(tile.failed + tile.missing for tile in column),
            sum(tile.data + tile.empty + tile.failed + tile.missing for tile in column),
        )
        for span, column in zip(coverage.spans, zip(*coverage.tiles, strict=True), strict=False)
    }


def _line(
    line: _CounterLine,
    labels: list[str],
    sums: Sequence[SpanDelivery],
    words: Language,
) -> Json:
    suffix = "" if line.panel == 1 else str(line.panel)
    per_day = shows_per_day(sums)
    values = [
        round(drawable(line.counter.of(one.delivery)) / length(one, per_day=per_day), 2)
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
        "yaxis": f"y{suffix}",
        "legend": f"legend{suffix}",
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
    """Return how large the mark on each point is: of many, only those without a line to them."""
    if len(values) <= _DOTTED:
        return [_MARK] * len(values)
    padded = [None, *values, None]
    return [
        0 if before is not None or after is not None else _MARK
        for before, after in zip(padded, padded[2:], strict=False)
    ]


def _shades(sums: Sequence[SpanDelivery], coverage: CoverageMap) -> list[Json]:
    gaps = lacking(coverage)
    shades = []
    for place, one in enumerate(sums):
        without, planned = gaps.get(one.span, (0, 0))
        if planned and without / planned >= _TOO_LOW:
            shades.append(_shade(place))
    return shades


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
