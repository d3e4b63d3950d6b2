"""The heat map of coverage: groups of companies by spans of windows."""

from typing import Final

from collector.report import axis_texts
from collector.report.coverage import texts
from collector.report.coverage.model import (
    CompanyGroup,
    CoverageMap,
    Fill,
    State,
    fill_of,
    state_of,
)
from collector.report.figure import (
    FOOT,
    NARROW,
    WIDE,
    Figure,
    Frame,
    Screen,
    day_axis,
    figure,
    view,
)
from collector.report.language import DASH, Language
from collector.report.layers import Label, Spot, Symbol, spots, symbols, texts_at
from collector.report.model import Tile, WindowSpan
from collector.report.svg import Json
from collector.report.text_width import width_of
from collector.report.untrusted import company_text, cut, isolated, plain

__all__ = ["STATE_NAMES", "heat_map"]

_COLUMNS: Final = {WIDE: 24, NARROW: 12}
"""Columns of text in the label of a row."""

_TIP: Final = 40
"""Columns of the name that each tile repeats: 7,800 tiles of long names must not fill the page."""

_HEAD: Final = 24
_MARGIN: Final = 12
_SIZES: Final = {Fill.EMPTY: 0.3, Fill.DATA: 0.3, Fill.FEW: 0.5, Fill.MANY: 0.75}
"""Sizes of marks, as shares of the largest one."""

_LEAST: Final = 4.0
"""Pixels of the mark of a tile that lacks answers, so that it is seen on the smallest tile."""

_SYMBOLS: Final = {
    State.EMPTY: "circle",
    State.FAILED: "triangle-up",
    State.MISSING: "M-1,-1L1,1M1,-1L-1,1",
}
"""A mark for each state but data, so that the map can be read without colours."""

STATE_NAMES: Final = {
    State.DATA: texts.ONE_DATA,
    State.EMPTY: texts.ONE_EMPTY,
    State.FAILED: texts.ONE_FAILED,
    State.MISSING: texts.ONE_MISSING,
}
"""Names of the state of a single cell."""


def heat_map(wide: CoverageMap, narrow: CoverageMap, words: Language) -> Figure:
    """Return the map; `narrow` is the same coverage in as few columns as a phone can show."""
    return figure(
        "coverage",
        words,
        lambda screen: _specification(narrow if screen.is_narrow else wide, words, screen),
    )


def _specification(coverage: CoverageMap, words: Language, screen: Screen) -> Json:
    names = [isolated(_label(group, _COLUMNS[screen])) for group in coverage.groups]
    rows, columns = len(coverage.groups), len(coverage.spans)
    row = min(30, max(12, 420 // max(rows, 1)))
    left = max(map(width_of, names), default=0) + _MARGIN
    frame = Frame(screen, _HEAD + rows * row, left, _MARGIN, 4, FOOT)
    column = frame.width / columns
    gap = 1.0 if column > 4 else 0.5  # noqa: PLR2004 - pixels
    single = coverage.is_single
    row_tips = [_row_text(group, words) for group in coverage.groups]
    column_tips = [_column_text(span, words) for span in coverage.spans]
    tiles: list[Spot] = []
    marks: list[Symbol] = []
    largest = max(3.0, min(14.0, 0.78 * min(column, row)))
    for y, (row_tip, of) in enumerate(zip(row_tips, coverage.tiles, strict=True)):
        for x, (column_tip, tile) in enumerate(zip(column_tips, of, strict=True)):
            fill, state = fill_of(tile, single=single), state_of(tile)
            if fill is None or state is None:
                continue
            left_edge, top = x * column, _HEAD + y * row
            tip = "\n".join((row_tip, column_tip, *_counts(tile, words)))
            tiles.append(
                Spot(
                    left_edge,
                    left_edge + column - gap,
                    top,
                    top + row - gap,
                    tip,
                    f"cell-{fill.value}",
                )
            )
            if state in _SYMBOLS:
                place = (left_edge + (column - gap) / 2, top + (row - gap) / 2)
                marks.append(_mark(state, fill, place, largest))
    labels = [
        Label(2 - left, 10, words(axis_texts.COMPANIES)),
        *(
            Label(-6, _HEAD + (place + 0.5) * row, name, "right")
            for place, name in enumerate(names)
        ),
        *day_axis([(span.from_date, span.until_date) for span in coverage.spans], frame, words),
    ]
    return view(
        frame,
        [
            spots(tiles),
            # Neighbours of one style are drawn as one; no mark lies over another.
            symbols(sorted(marks, key=_style)),
            *texts_at(labels),
        ],
    )


def _mark(state: State, fill: Fill, place: tuple[float, float], largest: float) -> Symbol:
    """Return the mark of a tile: the more of it lacks answers, the larger."""
    colour = f"mark-{fill.value}"
    side = largest * _SIZES.get(fill, 1.0)
    if state is not State.EMPTY:
        side = max(side, _LEAST)
    is_line = state is not State.FAILED
    return Symbol(
        *place,
        _SYMBOLS[state],
        side * side,
        stroke=colour if is_line else None,
        fill=None if is_line else colour,
    )


def _style(mark: Symbol) -> tuple[str, str]:
    return mark.stroke or "", mark.fill or ""


def _label(group: CompanyGroup, width: int) -> str:
    """Return the label of a row in `width` columns: one company, or the ids of both ends."""
    if group.companies == 1:
        return cut(company_text(group.first), width)
    half = (width - 3) // 2
    return f"{cut(plain(group.first.id), half)} {DASH} {cut(plain(group.last.id), half)}"


def _row_text(group: CompanyGroup, words: Language) -> str:
    if group.companies == 1:
        return isolated(_label(group, _TIP))
    first, last = (isolated(cut(plain(end.id), 24)) for end in (group.first, group.last))
    return words(texts.HOVER_COMPANIES, n=group.companies, first=first, last=last)


def _column_text(span: WindowSpan, words: Language) -> str:
    days = words.span(span)
    return days if span.windows == 1 else words(texts.HOVER_WINDOWS, n=span.windows, days=days)


def _counts(tile: Tile, words: Language) -> list[str]:
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
