"""The heat map of coverage: groups of companies by spans of windows."""

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum, IntEnum
from math import ceil
from typing import Final

from collector.report.figures.parts import CHARACTER, Figure, Json, axis, frame, points, thinned
from collector.report.language import Language
from collector.report.model import CompanyGroup, CoverageMap, Tile, WindowSpan
from collector.report.palette import variable
from collector.report.texts import coverage as texts
from collector.report.untrusted import cut, figure_text, group_label, plain

__all__ = [
    "STATE_NAMES",
    "Fill",
    "State",
    "fill_of",
    "heat_map",
    "is_single",
    "narrowed",
    "state_of",
]


class State(IntEnum):
    """What a cell is, the worst last; a tile is marked by the worst that is among its cells."""

    DATA = 0
    EMPTY = 1
    FAILED = 2
    MISSING = 3


class Fill(Enum):
    """How a tile is filled; the value names its colour in the palette.

    A tile of one cell is filled by its state; one of many by the share of cells that are failed or
    missing, or, if none is, of those that are empty.
    """

    EMPTY = "empty"
    MIXED = "mixed"
    DATA = "data"
    FAILED = "failed"
    MISSING = "missing"
    FEW = "few"
    SOME = "some"
    MANY = "many"
    MOST = "most"


_FILLS: Final = {fill: place for place, fill in enumerate(Fill)}
_ONE_CELL: Final = {
    State.DATA: Fill.DATA,
    State.EMPTY: Fill.EMPTY,
    State.FAILED: Fill.FAILED,
    State.MISSING: Fill.MISSING,
}
_BELOW: Final = ((2, Fill.FEW), (10, Fill.SOME), (50, Fill.MANY))
"""Per cent of the cells that are failed or missing, and how a tile below that is filled."""

_SIZES: Final = {Fill.FEW: 0.4, Fill.SOME: 0.55, Fill.MANY: 0.75}
"""Sizes of marks, as parts of the largest."""

_SYMBOLS: Final = {
    State.EMPTY: "circle-open",
    State.FAILED: "triangle-up",
    State.MISSING: "x",
}
"""A mark for each state but data, so that the map reads without colours."""

STATE_NAMES: Final = {
    State.DATA: texts.ONE_DATA,
    State.EMPTY: texts.ONE_EMPTY,
    State.FAILED: texts.ONE_FAILED,
    State.MISSING: texts.ONE_MISSING,
}
"""Of a single cell."""


def state_of(tile: Tile) -> State | None:
    """Return how a tile is marked: one missing cell makes it missing. None: nothing planned."""
    if tile.missing:
        return State.MISSING
    if tile.failed:
        return State.FAILED
    if tile.empty > tile.data:
        return State.EMPTY
    return State.DATA if tile.data else None


def is_single(coverage: CoverageMap) -> bool:
    """Tell whether each tile of a map is one cell."""
    return all(group.companies == 1 for group in coverage.groups) and all(
        span.windows == 1 for span in coverage.spans
    )


def fill_of(tile: Tile, *, single: bool) -> Fill | None:
    """Return how a tile is filled, on a map of single cells or of many; None: nothing planned."""
    state = state_of(tile)
    if state is None:
        return None
    if single:
        return _ONE_CELL[state]
    lacking = tile.failed + tile.missing
    if not lacking:
        return Fill.MIXED if state is State.DATA and tile.empty else _ONE_CELL[state]
    planned = tile.data + tile.empty + lacking
    return next((fill for limit, fill in _BELOW if 100 * lacking < limit * planned), Fill.MOST)


def narrowed(coverage: CoverageMap, columns: int) -> CoverageMap:
    """Return the same coverage with at most so many columns, for a narrow screen."""
    step = ceil(len(coverage.spans) / columns)
    if step <= 1:
        return coverage
    starts = range(0, len(coverage.spans), step)
    return replace(
        coverage,
        spans=tuple(_one_span(coverage.spans[at : at + step]) for at in starts),
        tiles=tuple(
            tuple(_one_tile(row[at : at + step]) for at in starts) for row in coverage.tiles
        ),
    )


def heat_map(coverage: CoverageMap, words: Language, name: str, label_width: int) -> Figure:
    """Return the map; row labels take at most so many characters.

    `meta.map` tells page.js how many tiles share the room, so that it can size the marks.
    """
    labels = [group_label(group, label_width) for group in coverage.groups]
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


_BARE: Final[Json] = {"showgrid": False, "zeroline": False, "rangemode": "normal"}


def _tiles(coverage: CoverageMap, words: Language) -> Json:
    rows = [_row_text(group, words) for group in coverage.groups]
    columns = [_column_text(span, words) for span in coverage.spans]
    single = is_single(coverage)
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
    """Return the marks of a state: the larger, the more of a tile has no answer."""
    single = is_single(coverage)
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
    """Return a colour scale without transitions: each fill has the same part of it."""
    width = 1 / len(Fill)
    return [
        [edge, variable(f"cell-{fill.value}")]
        for fill, place in _FILLS.items()
        for edge in (place * width, (place + 1) * width)
    ]


def _row_text(group: CompanyGroup, words: Language) -> str:
    if group.companies == 1:
        return f"<b>{figure_text(group_label(group, 60))}</b>"
    first, last = (figure_text(cut(plain(end.id), 24)) for end in (group.first, group.last))
    return words(texts.HOVER_COMPANIES, n=group.companies, first=first, last=last)


def _column_text(span: WindowSpan, words: Language) -> str:
    days = words.span(span)
    return days if span.windows == 1 else words(texts.HOVER_WINDOWS, n=span.windows, days=days)


def _counts(tile: Tile, words: Language) -> list[str]:
    planned = tile.data + tile.empty + tile.failed + tile.missing
    if planned == 0:
        return [words(texts.NOT_PLANNED)]
    if planned == 1:
        state = state_of(tile)
        return [] if state is None else [words(STATE_NAMES[state])]
    counts = (
        (texts.MISSING, tile.missing),
        (texts.FAILED, tile.failed),
        (texts.EMPTY, tile.empty),
        (texts.DATA, tile.data),
    )
    return [
        words(texts.HOVER_STATE, state=words(state), n=n, planned=planned)
        for state, n in counts
        if n
    ]


def _one_span(spans: Sequence[WindowSpan]) -> WindowSpan:
    days = [span.days for span in spans if span.days is not None]
    return WindowSpan(
        # The server's default window has no dates; beside others it does not hide theirs.
        next((span.from_date for span in spans if span.from_date), None),
        next((span.until_date for span in reversed(spans) if span.until_date), None),
        windows=sum(span.windows for span in spans),
        days=sum(days) if len(days) == len(spans) else None,
    )


def _one_tile(tiles: Sequence[Tile]) -> Tile:
    return Tile(
        data=sum(tile.data for tile in tiles),
        empty=sum(tile.empty for tile in tiles),
        failed=sum(tile.failed for tile in tiles),
        missing=sum(tile.missing for tile in tiles),
    )
