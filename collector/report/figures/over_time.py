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
from collector.report.model import Coverage, Span, SpanDelivery
from collector.report.palette import variable

__all__ = ["lacking", "lengths", "over_time", "shows_per_day"]

_UNEVEN: Final = 1.15
"""By how much spans may differ in days and still be compared as they are: months do."""

_TOO_LOW: Final = 0.01
"""Share of cells without an answer from which on a span is shaded."""

_DOTTED: Final = 45
"""Points up to which each is marked as well as joined."""


class _Line(NamedTuple):
    """A counter over time: colour, dash and mark each tell it from the others of its panel."""

    counter: Counter
    dash: str
    symbol: str
    panel: int


_LINES: Final = (
    _Line(TOTAL, "solid", "circle", 1),
    _Line(SENDED, "dash", "square", 1),
    _Line(RECEIVED, "dot", "diamond", 1),
    _Line(FAILS, "solid", "x", 2),
    _Line(PENDING, "dot", "triangle-up", 2),
    _Line(PRESSED, "solid", "circle", 3),
)


def over_time(
    sums: Sequence[SpanDelivery], coverage: Coverage, words: Language
) -> tuple[Figure | None, bool]:
    """Return the counters over time, and whether spans are shaded for want of answers.

    None when there are fewer than two spans to compare.
    """
    if len(sums) <= 1:
        return None, False
    labels = [words.span(one.span) for one in sums]
    height, parts = panels((170, 110, 90), ("", "", ""))
    shades = _shades(sums, coverage)
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
    data = [_line(line, labels, sums, words) for line in _LINES]
    return Figure("over-time", data, layout), bool(shades)


def shows_per_day(over_time: Sequence[SpanDelivery]) -> bool:
    """Tell whether spans are so unequal in length that only counts per day can be compared."""
    days = [_days(sums.span) for sums in over_time]
    return all(days) and max(days, default=0) > _UNEVEN * min(days, default=0)


def lengths(over_time: Sequence[SpanDelivery]) -> list[int]:
    """Return what to divide the sums of each span by: its days, or 1 where sums are compared."""
    if shows_per_day(over_time):
        return [_days(sums.span) for sums in over_time]
    return [1] * len(over_time)


def lacking(coverage: Coverage) -> dict[Span, tuple[int, int]]:
    """Return how many cells of each span have no answer, and how many were planned."""
    return {
        span: (
            sum(tile.failed + tile.missing for tile in column),
            sum(tile.data + tile.empty + tile.failed + tile.missing for tile in column),
        )
        for span, column in zip(coverage.spans, zip(*coverage.tiles, strict=True), strict=False)
    }


def _line(
    line: _Line,
    labels: list[str],
    sums: Sequence[SpanDelivery],
    words: Language,
) -> Json:
    suffix = "" if line.panel == 1 else str(line.panel)
    values = [
        drawable(line.counter.of(one.delivery)) / length
        for one, length in zip(sums, lengths(sums), strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(labels) <= _DOTTED else "lines",
        "name": words(line.counter.name),
        "x": labels,
        "y": [round(value, 2) for value in values],
        "yaxis": f"y{suffix}",
        "legend": f"legend{suffix}",
        "line": {"color": variable(line.counter.colour), "dash": line.dash, "width": 2},
        "marker": {"color": variable(line.counter.colour), "symbol": line.symbol, "size": 7},
        "hovertemplate": "%{y:,.1f}" if shows_per_day(sums) else "%{y:,d}",
    }


def _shades(sums: Sequence[SpanDelivery], coverage: Coverage) -> list[Json]:
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


def _days(span: Span) -> int:
    if span.from_date is None or span.until_date is None:
        return 0
    return (span.until_date - span.from_date).days + 1
