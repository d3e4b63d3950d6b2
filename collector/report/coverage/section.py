"""The section about coverage: the heat map, its legend and tables, the companies with gaps."""

from collections.abc import Iterable
from typing import Final

from collector.report import texts as page_texts
from collector.report.coverage import texts
from collector.report.coverage.figure import STATE_NAMES, heat_map
from collector.report.coverage.model import CompanyGroup, CoverageMap, narrowed, state_of
from collector.report.html import Markup, company, element, joined, prose, untrusted
from collector.report.language import DASH, Language, Text
from collector.report.model import Tile
from collector.report.section import (
    Row,
    Section,
    details,
    note,
    numbers,
    picture,
    row,
    section,
    table,
)

__all__ = ["coverage_section"]

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


def coverage_section(coverage: CoverageMap, words: Language) -> Section:
    """Return which planned cells have an answer, and which do not."""
    planned = coverage.total.planned
    figure = None
    legends = None
    if planned > 1:
        narrow = narrowed(coverage, _NARROW)
        figure = heat_map(coverage, narrow, words)
        legends = _legends(coverage, narrow, words)
    html = section(
        "coverage",
        words(texts.HEADING),
        picture(figure, _summary(coverage, words), above=legends),
        _tables(coverage, words) if figure else None,
        element("h3", words(texts.GAPS)) if coverage.gaps else None,
        element("p", prose(_gaps(coverage, words))) if planned else None,
        _gaps_table(coverage, words),
    )
    return Section("coverage", texts.HEADING, html)


def _legends(wide: CoverageMap, narrow: CoverageMap, words: Language) -> Markup:
    """Return the legend; one for each width of the screen if their tiles differ in kind."""
    if wide.is_single == narrow.is_single:
        return _legend(wide, words, "any")
    return joined((_legend(wide, words, "wide"), _legend(narrow, words, "narrow")))


def _summary(coverage: CoverageMap, words: Language) -> str:
    total = coverage.total
    if total.planned == 0:
        return words(texts.NONE)
    if total.planned == 1:
        return words(texts.ONE_CELL, state=words(_only_state(total)))
    return words(
        texts.SUMMARY,
        share=words.share(total.answered, total.planned),
        planned=total.planned,
        data=total.data,
        empty=total.empty,
        failed=total.failed,
        missing=total.missing,
    )


def _only_state(tile: Tile) -> Text:
    state = state_of(tile)
    return texts.NONE if state is None else STATE_NAMES[state]


def _legend(coverage: CoverageMap, words: Language, kind: str) -> Markup:
    single = coverage.is_single
    is_full = all(state_of(tile) is not None for row in coverage.tiles for tile in row)
    entries = [*(_CELLS if single else _SHARES), *(() if is_full else (_BLANK,))]
    items = (
        element(
            "li",
            element("span", mark, class_=f"swatch {name}", aria_hidden="true"),
            words(meaning),
        )
        for name, mark, meaning in entries
    )
    return element(
        "div",
        note(words(texts.INTRO_SINGLE if single else texts.INTRO)),
        element("ul", *items, class_="legend", aria_label=words(texts.LEGEND)),
        class_=f"key {kind}",
    )


def _tables(coverage: CoverageMap, words: Language) -> Markup:
    return details(
        words,
        _by_companies(coverage, words),
        _by_windows(coverage, words),
        rows=len(coverage.groups) + len(coverage.spans),
    )


def _gaps(coverage: CoverageMap, words: Language) -> str:
    lacking, shown = coverage.companies_with_gaps, len(coverage.gaps)
    if lacking == 0:
        return words(texts.NO_GAPS)
    if lacking > shown:
        return words(texts.GAPS_SOME, n=lacking, shown=shown)
    return words.count(texts.GAPS_ALL, lacking)


def _gaps_table(coverage: CoverageMap, words: Language) -> Markup | None:
    if not coverage.gaps:
        return None
    names = (texts.MISSING, texts.FAILED, texts.PLANNED)
    rows = (
        row(company(gap.company), *numbers((gap.missing, gap.failed, gap.planned), words))
        for gap in coverage.gaps
    )
    heads = [words(page_texts.COMPANY), *map(words, names)]
    return details(words, table(words(texts.GAPS), heads, rows), rows=len(coverage.gaps))


def _by_companies(coverage: CoverageMap, words: Language) -> Markup:
    """Return the cells of each row of the heat map."""
    rows = (
        row(_group(group), *_states(Tile.sum(tiles), words))
        for group, tiles in zip(coverage.groups, coverage.tiles, strict=True)
    )
    head = words(page_texts.COMPANY)
    return _states_table(words(texts.BY_COMPANIES), head, rows, words)


def _by_windows(coverage: CoverageMap, words: Language) -> Markup:
    """Return the cells of each column of the heat map."""
    rows = (
        row(prose(words.span(span)), *_states(tile, words))
        for span, tile in coverage.by_span.items()
    )
    head = words(page_texts.WINDOW)
    return _states_table(words(texts.BY_WINDOWS), head, rows, words)


def _states_table(caption: str, head: str, rows: Iterable[Row], words: Language) -> Markup:
    names = (texts.DATA, texts.EMPTY, texts.FAILED, texts.MISSING, texts.ANSWERED)
    return table(caption, [head, *map(words, names)], rows)


def _states(tile: Tile, words: Language) -> list[str]:
    counts = (tile.data, tile.empty, tile.failed, tile.missing)
    return [*numbers(counts, words), words.share(tile.answered, tile.planned)]


def _group(group: CompanyGroup) -> Markup:
    if group.companies == 1:
        return company(group.first)
    return joined((untrusted(group.first.id), f" {DASH} ", untrusted(group.last.id)))
