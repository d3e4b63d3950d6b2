"""The heat map of coverage: groups of companies by spans of windows."""

from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum
from math import ceil, sqrt
from typing import Final

from collector.report.figures.parts import CHARACTER, Figure, Json, axis, frame, points, thinned
from collector.report.foreign import cut, figure_text, group_label, plain
from collector.report.language import Language
from collector.report.model import CompanyGroup, Coverage, Span, Tile
from collector.report.palette import variable
from collector.report.texts import coverage as texts

__all__ = ["STATE_NAMES", "State", "heat_map", "narrowed", "state_of"]


class State(IntEnum):
    """What a tile looks like, the worst last: it shows the worst that is among its cells."""

    DATA = 0
    EMPTY = 1
    FAILED = 2
    MISSING = 3


_COLOURS: Final = {
    State.DATA: variable("cell-data"),
    State.EMPTY: variable("cell-empty"),
    State.FAILED: variable("cell-failed"),
    State.MISSING: variable("cell-missing"),
}
_MARKS: Final = {
    State.EMPTY: ("circle-open", variable("mark-empty")),
    State.FAILED: ("triangle-up", variable("mark-failed")),
    State.MISSING: ("x", variable("mark-missing")),
}
"""A mark for each state but data, so that the map reads without colours."""

STATE_NAMES: Final = {
    State.DATA: texts.DATA,
    State.EMPTY: texts.EMPTY,
    State.FAILED: texts.FAILED,
    State.MISSING: texts.MISSING,
}


def state_of(tile: Tile) -> State | None:
    """Return what a tile looks like: one missing cell makes it missing. None: nothing planned."""
    if tile.missing:
        return State.MISSING
    if tile.failed:
        return State.FAILED
    if tile.empty > tile.data:
        return State.EMPTY
    return State.DATA if tile.data else None


def narrowed(coverage: Coverage, columns: int) -> Coverage:
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


def heat_map(coverage: Coverage, words: Language, name: str, label_width: int) -> Figure:
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
    traces = [_tiles(coverage, words), *(_marks(coverage, state) for state in _MARKS)]
    return Figure(name, traces, layout)


_BARE: Final[Json] = {"showgrid": False, "zeroline": False, "rangemode": "normal"}


def _tiles(coverage: Coverage, words: Language) -> Json:
    rows = [_row_text(group, words) for group in coverage.groups]
    columns = [_column_text(span, words) for span in coverage.spans]
    return {
        "type": "heatmap",
        "z": [[state_of(tile) for tile in row] for row in coverage.tiles],
        "zmin": -0.5,
        "zmax": len(State) - 0.5,
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


def _marks(coverage: Coverage, state: State) -> Json:
    """Return the marks of a state, sized by the share of its cells in the tile."""
    places = [
        (column, row, _share(tile, state))
        for row, tiles in enumerate(coverage.tiles)
        for column, tile in enumerate(tiles)
        if state_of(tile) is state
    ]
    symbol, colour = _MARKS[state]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [column for column, _, _ in places],
        "y": [row for _, row, _ in places],
        "marker": {
            "symbol": symbol,
            "color": colour,
            "size": [round(0.65 + 0.35 * sqrt(share), 2) for _, _, share in places],
            "opacity": 1,
            "line": {"width": 1 if state is State.EMPTY else 0, "color": colour},
        },
        "hoverinfo": "skip",
    }


def _share(tile: Tile, state: State) -> float:
    counts = {
        State.DATA: tile.data,
        State.EMPTY: tile.empty,
        State.FAILED: tile.failed,
        State.MISSING: tile.missing,
    }
    return counts[state] / sum(counts.values())


def _steps() -> list[list[object]]:
    """Return a colour scale without transitions: each state has a quarter of it."""
    width = 1 / len(State)
    return [
        [edge, colour]
        for state, colour in _COLOURS.items()
        for edge in (state * width, (state + 1) * width)
    ]


def _row_text(group: CompanyGroup, words: Language) -> str:
    if group.companies == 1:
        return f"<b>{figure_text(group_label(group, 60))}</b>"
    first, last = (figure_text(cut(plain(end.id), 24)) for end in (group.first, group.last))
    return words(texts.HOVER_COMPANIES, n=group.companies, first=first, last=last)


def _column_text(span: Span, words: Language) -> str:
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


def _one_span(spans: Sequence[Span]) -> Span:
    return Span(spans[0].from_date, spans[-1].until_date, sum(span.windows for span in spans))


def _one_tile(tiles: Sequence[Tile]) -> Tile:
    return Tile(
        data=sum(tile.data for tile in tiles),
        empty=sum(tile.empty for tile in tiles),
        failed=sum(tile.failed for tile in tiles),
        missing=sum(tile.missing for tile in tiles),
    )
