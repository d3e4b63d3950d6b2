"""The section about coverage: the heat map, its legends, and what is said of them."""

from dataclasses import dataclass
from typing import Final

from collector.report import texts as page_texts
from collector.report.coverage import texts
from collector.report.coverage.figure import STATE_NAMES, heat_map
from collector.report.coverage.model import CoverageMap, narrowed, state_of
from collector.report.figure import Figure
from collector.report.language import Language, Text
from collector.report.model import Tile
from collector.report.section import Section

__all__ = ["CoverageView", "Legend", "coverage_section"]

_NARROW: Final = 36
"""Columns that a phone can show with visible marks."""

_BLANK: Final = ("blank", "", texts.LEGEND_BLANK)
_CELLS: Final = (
    ("data", "", texts.LEGEND_DATA),
    ("empty", "○", texts.LEGEND_EMPTY),
    ("failed", "▲", texts.LEGEND_FAILED),
    ("missing", "✖", texts.LEGEND_MISSING),
)
"""The legend of single cells: the class of a swatch, the mark on it, its meaning."""

_SHARES: Final = (
    ("data", "", texts.LEGEND_ANSWERED),
    ("empty", "○", texts.LEGEND_MOST_EMPTY),
    ("few", "", texts.LEGEND_FEW),
    ("many", "", texts.LEGEND_MANY),
    ("most", "", texts.LEGEND_MOST),
    ("mark", "▲", texts.LEGEND_WORST_FAILED),
    ("mark", "✖", texts.LEGEND_WORST_MISSING),
)
"""The legend of tiles of many cells: fills by shares, and marks of the worst."""


@dataclass(frozen=True, slots=True)
class Legend:
    """A legend of the map: the class of each swatch, the mark on it, its meaning.

    `kind` is `wide` or `narrow` if the map for narrow screens needs another legend, else `any`.
    """

    intro: Text
    entries: tuple[tuple[str, str, Text], ...]
    kind: str


@dataclass(frozen=True, slots=True)
class CoverageView:
    """What is shown of coverage; without a figure only the sentences are."""

    coverage: CoverageMap
    summary: str
    gaps: str
    figure: Figure | None
    legends: tuple[Legend, ...]


def coverage_section(coverage: CoverageMap, words: Language) -> Section:
    """Return which planned cells have an answer, and which do not."""
    figure = None
    legends: tuple[Legend, ...] = ()
    if coverage.total.planned > 1:
        narrow = narrowed(coverage, _NARROW)
        figure = heat_map(coverage, narrow, words)
        legends = _legends(coverage, narrow)
    view = CoverageView(
        coverage, _summary(coverage, words), _gaps(coverage, words), figure, legends
    )
    return Section("coverage", texts.HEADING, texts, view)


def _legends(wide: CoverageMap, narrow: CoverageMap) -> tuple[Legend, ...]:
    """Return the legend; one for each width of the screen if their tiles differ in kind."""
    if wide.is_single == narrow.is_single:
        return (_legend(wide, "any"),)
    return _legend(wide, "wide"), _legend(narrow, "narrow")


def _summary(coverage: CoverageMap, words: Language) -> str:
    total = coverage.total
    if total.planned == 0:
        return words(texts.NONE)
    if total.planned == 1:
        return words(texts.ONE_CELL, state=words(_only_state(total)))
    return words(
        texts.SUMMARY,
        answered=total.answered,
        planned=total.planned,
        share=words.share(total.answered, total.planned),
        data=words.count(texts.COUNT_DATA, total.data),
        empty=words.count(texts.COUNT_EMPTY, total.empty),
        failed=words.count(page_texts.COUNT_FAILED, total.failed),
        missing=words.count(page_texts.COUNT_MISSING, total.missing),
    )


def _only_state(tile: Tile) -> Text:
    state = state_of(tile)
    return texts.NONE if state is None else STATE_NAMES[state]


def _legend(coverage: CoverageMap, kind: str) -> Legend:
    single = coverage.is_single
    is_full = all(state_of(tile) is not None for row in coverage.tiles for tile in row)
    entries = (*(_CELLS if single else _SHARES), *(() if is_full else (_BLANK,)))
    return Legend(texts.INTRO_SINGLE if single else texts.INTRO, entries, kind)


def _gaps(coverage: CoverageMap, words: Language) -> str:
    lacking, shown = coverage.companies_with_gaps, len(coverage.gaps)
    if lacking == 0:
        return words(texts.NO_GAPS)
    if lacking > shown:
        return words(texts.GAPS_SOME, n=lacking, shown=shown)
    return words.count(texts.GAPS_ALL, lacking)
