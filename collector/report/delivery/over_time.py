"""The section about the counters over time, with one panel for counters of similar size."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from collector.report import texts as page_texts
from collector.report.delivery import texts
from collector.report.delivery.model import (
    DRAWN_COUNTERS,
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
from collector.report.delivery.sums import overlap_note
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
from collector.report.html import Markup, prose
from collector.report.language import DASH, Language
from collector.report.model import Tile, WindowSpan
from collector.report.palette import variable
from collector.report.section import (
    Section,
    details,
    known_days,
    note,
    picture,
    row,
    section,
    table,
)

__all__ = ["over_time", "time_section"]

_TOO_LOW: Final = 0.01
"""Share of cells without an answer at which a span is shaded."""

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


def time_section(
    sums: Sequence[SpanDelivery],
    cells: Mapping[WindowSpan, Tile],
    words: Language,
    *,
    overlap: bool,
) -> Section:
    """Return the counters over time; `cells` are the planned cells of each span."""
    figure, is_shaded = over_time(sums, cells, words)
    left_out = note(words(texts.LEFT_OUT)) if len(comparable(sums)) < len(sums) else None
    remarks: list[Markup | None] = []
    if figure is not None:
        per_day = shows_per_day(sums)
        remarks = [
            note(f"{words(texts.PER_DAY if per_day else texts.SUMS)} {words(texts.RECENT)}"),
            note(words(texts.SHADED)) if is_shaded else None,
            overlap_note(words, overlap=overlap),
        ]
    html = section(
        "time",
        words(texts.TIME_HEADING),
        *remarks,
        left_out,
        picture(figure, _summary(sums, words)),
        details(words, _table(sums, cells, words), rows=len(sums)) if sums else None,
    )
    return Section("time", texts.TIME_NAV, html, (figure,) if figure else ())


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
        if (tile := cells.get(one.span))
        and tile.planned
        and tile.lacking / tile.planned >= _TOO_LOW
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


def _summary(sums: Sequence[SpanDelivery], words: Language) -> str:
    compared = comparable(sums)
    answered = [one for one in compared if one.answers]
    if not any(one.answers for one in sums):
        return words(texts.NO_SPAN)
    if len(answered) <= 1:
        return words(texts.ONE_SPAN if len(sums) == 1 else texts.TOO_FEW)
    per_day = shows_per_day(sums)
    values = [Fraction(one.delivery.total, divisor(one, per_day=per_day)) for one in answered]
    high, low = values.index(max(values)), values.index(min(values))
    days = known_days((one.span for one in compared), words)

    def count(value: Fraction) -> str:
        number = words.mean(value)
        return words(texts.A_DAY, count=number) if per_day else number

    if values[high] == values[low]:
        return words(texts.TIME_SAME, days=days, count=count(values[high]))
    return words(
        texts.TIME_SUMMARY,
        days=days,
        high=count(values[high]),
        high_days=words.span(answered[high].span),
        low=count(values[low]),
        low_days=words.span(answered[low].span),
    )


def _table(
    sums: Sequence[SpanDelivery], cells: Mapping[WindowSpan, Tile], words: Language
) -> Markup:
    """Return the sums of each span, and how many of its cells lack an answer."""
    shown = (*DRAWN_COUNTERS, RECEIVED, PRESSED)
    heads = [
        words(page_texts.WINDOW),
        *(words(counter.name) for counter in shown),
        words(texts.WITHOUT_ANSWER),
    ]
    rows = (
        row(
            prose(words.span(one.span)),
            *(words.number(counter.of(one.delivery)) if one.answers else DASH for counter in shown),
            words.number(tile.lacking if (tile := cells.get(one.span)) else 0),
        )
        for one in sums
    )
    return table(words(texts.TIME_HEADING), heads, rows)
