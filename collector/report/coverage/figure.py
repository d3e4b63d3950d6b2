"""The heat map of coverage: groups of companies by spans of windows."""

from typing import Final

from collector.report.coverage import texts
from collector.report.coverage.model import (
    CompanyGroup,
    CoverageMap,
    Fill,
    State,
    fill_of,
    state_of,
)
from collector.report.figure import CHARACTER, Figure, Json, axis, frame, points, thinned
from collector.report.language import DASH, Language
from collector.report.model import Tile, WindowSpan
from collector.report.palette import variable
from collector.report.untrusted import company_text, cut, figure_text, plain

__all__ = ["STATE_NAMES", "heat_map"]

_FILLS: Final = {fill: place for place, fill in enumerate(Fill)}
_SIZES: Final = {Fill.EMPTY: 0.3, Fill.DATA: 0.3, Fill.FEW: 0.5, Fill.MANY: 0.75}
"""Sizes of marks, as shares of the largest one."""

_SYMBOLS: Final = {
    State.EMPTY: "circle-open",
    State.FAILED: "triangle-up",
    State.MISSING: "x",
}
"""A mark for each state but data, so that the map can be read without colours."""

STATE_NAMES: Final = {
    State.DATA: texts.ONE_DATA,
    State.EMPTY: texts.ONE_EMPTY,
    State.FAILED: texts.ONE_FAILED,
    State.MISSING: texts.ONE_MISSING,
}
"""Names of the state of a single cell."""

_BARE: Final[Json] = {"showgrid": False, "zeroline": False, "rangemode": "normal"}


def heat_map(coverage: CoverageMap, words: Language, name: str, label_width: int) -> Figure:
    """Return the map; row labels have at most `label_width` columns of text.

    `meta.map` tells page.js how many tiles share the space, so that it can size the marks.
    """
    labels = [_label(group, label_width) for group in coverage.groups]
    rows, columns = len(coverage.groups), len(coverage.spans)
    row_height = min(30, max(12, 420 // max(rows, 1)))
    height = rows * row_height + 56
    dates = [
        span.from_date.isoformat() if span.from_date else words.span(span)
        for span in coverage.spans
    ]
    layout = frame(
        words,
        height,
        xaxis=axis(**points(dates), range=[-0.5, columns - 0.5], tickangle=0, **_BARE),
        yaxis=axis(
            **points([figure_text(label) for label in labels]),
            range=[rows - 0.5, -0.5],
            **_BARE,
        ),
        meta={
            "map": {
                "rows": rows,
                "columns": columns,
                "left": round(CHARACTER * max(map(len, labels), default=0)),
                "height": rows * row_height,
            },
            **thinned(),
        },
    )
    traces = [_tiles(coverage, words), *(_marks(coverage, state) for state in _SYMBOLS)]
    return Figure(name, traces, layout)


def _tiles(coverage: CoverageMap, words: Language) -> Json:
    rows = [_row_text(group, words) for group in coverage.groups]
    columns = [_column_text(span, words) for span in coverage.spans]
    single = coverage.is_single
    fills = [[fill_of(tile, single=single) for tile in row] for row in coverage.tiles]
    return {
        "type": "heatmap",
        "z": [[None if fill is None else _FILLS[fill] for fill in row] for row in fills],
        "zmin": -0.5,
        "zmax": len(Fill) - 0.5,
        "colorscale": _steps(),
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "hoverinfo": "text",
        "hovertext": [
            [
                "<br>".join((row_text, column_text, *_counts(tile, words)))
                for column_text, tile in zip(columns, row, strict=True)
            ]
            for row_text, row in zip(rows, coverage.tiles, strict=True)
        ],
    }


def _marks(coverage: CoverageMap, state: State) -> Json:
    """Return the marks of a state: the more of a tile lacks answers, the larger."""
    single = coverage.is_single
    places = [
        (column, row, fill)
        for row, tiles in enumerate(coverage.tiles)
        for column, tile in enumerate(tiles)
        if state_of(tile) is state and (fill := fill_of(tile, single=single))
    ]
    colours = [variable(f"mark-{fill.value}") for _, _, fill in places]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [column for column, _, _ in places],
        "y": [row for _, row, _ in places],
        "marker": {
            "symbol": _SYMBOLS[state],
            "color": colours,
            "size": [_SIZES.get(fill, 1.0) for _, _, fill in places],
            "opacity": 1,
            "line": {"width": 1 if state is State.EMPTY else 0, "color": colours},
        },
        "hoverinfo": "skip",
    }


def _steps() -> list[list[object]]:
    """Return a colour scale of equal steps without transitions, one per fill."""
    width = 1 / len(Fill)
    return [
        [edge, variable(f"cell-{fill.value}")]
        for fill, place in _FILLS.items()
        for edge in (place * width, (place + 1) * width)
    ]


def _label(group: CompanyGroup, width: int) -> str:
    """Return the label of a row in `width` columns: one company, or the ids of both ends."""
    if group.companies == 1:
        return cut(company_text(group.first), width)
    half = (width - 3) // 2
    return f"{cut(plain(group.first.id), half)} {DASH} {cut(plain(group.last.id), half)}"


def _row_text(group: CompanyGroup, words: Language) -> str:
    if group.companies == 1:
        return f"<b>{figure_text(_label(group, 60))}</b>"
    first, last = (figure_text(cut(plain(end.id), 24)) for end in (group.first, group.last))
    return words(texts.HOVER_COMPANIES, n=group.companies, first=first, last=last)


def _column_text(span: WindowSpan, words: Language) -> str:
    days = words.span(span)
    return days if span.windows == 1 else words(texts.HOVER_WINDOWS, n=span.windows, days=days)


def _counts(tile: Tile, words: Language) -> list[str]:
    if tile.planned == 0:
        return [words(texts.NOT_PLANNED)]
    if tile.planned == 1:
        state = state_of(tile)
        return [] if state is None else [words(STATE_NAMES[state])]
    counts = (
        (texts.MISSING, tile.missing),
        (texts.FAILED, tile.failed),
        (texts.EMPTY, tile.empty),
        (texts.DATA, tile.data),
    )
    return [
        words(texts.HOVER_STATE, state=words(state), n=n, planned=tile.planned)
        for state, n in counts
        if n
    ]
