"""The section about coverage: the heat map, its legend, the companies with gaps."""

from typing import Final

from collector.report import tables
from collector.report.figures import STATE_NAMES, Figure, heat_map, is_single, narrowed, state_of
from collector.report.html import Markup, element, joined, prose
from collector.report.language import Language, Text
from collector.report.model import CoverageMap, Tile
from collector.report.sections.parts import Section, details, note, picture, section
from collector.report.texts import coverage as texts
from collector.report.texts import page as page_texts

__all__ = ["coverage_section"]

_NARROW: Final = 36
"""Columns that a phone can show so that their marks are still seen."""

_BLANK: Final = ("blank", "", texts.LEGEND_BLANK)
_CELLS: Final = (
    ("data", "", texts.LEGEND_DATA),
    ("empty", "○", texts.LEGEND_EMPTY),
    ("failed", "▲", texts.LEGEND_FAILED),
    ("missing", "✖", texts.LEGEND_MISSING),
)
"""The class of a swatch, the mark on it, its words, if tiles are single cells."""

_SHARES: Final = (
    ("data", "", texts.LEGEND_NONE_EMPTY),
    ("mixed", "", texts.LEGEND_SOME_EMPTY),
    ("empty", "○", texts.LEGEND_MOST_EMPTY),
    ("few", "", texts.LEGEND_FEW),
    ("some", "", texts.LEGEND_SOME),
    ("many", "", texts.LEGEND_MANY),
    ("most", "", texts.LEGEND_MOST),
    ("mark", "▲", texts.LEGEND_WORST_FAILED),
    ("mark", "✖", texts.LEGEND_WORST_MISSING),
)
"""The same if tiles are of many cells: fills by shares, and marks of the worst."""


def coverage_section(coverage: CoverageMap, words: Language) -> Section:
    """Return what is there of what was planned, and what is not."""
    total = coverage.total
    planned = total.data + total.empty + total.failed + total.missing
    figures: tuple[tuple[Figure, str], ...] = ()
    legends = None
    if planned > 1:
        narrow = narrowed(coverage, _NARROW)
        figures = (
            (heat_map(coverage, words, "coverage", 24), "wide"),
            (heat_map(narrow, words, "coverage-narrow", 12), "narrow"),
        )
        legends = _legends(coverage, narrow, words)
    html = section(
        "coverage",
        words(texts.HEADING),
        picture(figures or None, _summary(coverage, words), above=legends),
        _tables(coverage, words) if figures else None,
        element("h3", words(texts.GAPS)) if coverage.gaps else None,
        element("p", prose(_gaps(coverage, words))) if planned else None,
        _gaps_table(coverage, words),
    )
    return Section("coverage", page_texts.NAV_COVERAGE, html, tuple(one for one, _ in figures))


def _legends(wide: CoverageMap, narrow: CoverageMap, words: Language) -> Markup:
    """Return how to read the map; apart for a narrow screen if tiles are other ones there."""
    if is_single(wide) == is_single(narrow):
        return _legend(wide, words, "any")
    return joined((_legend(wide, words, "wide"), _legend(narrow, words, "narrow")))


def _summary(coverage: CoverageMap, words: Language) -> str:
    total = coverage.total
    answered = total.data + total.empty
    planned = answered + total.failed + total.missing
    if planned == 0:
        return words(texts.NONE)
    if planned == 1:
        return words(texts.ONE_CELL, state=words(_only_state(total)))
    return words(
        texts.SUMMARY,
        share=words.share(answered, planned),
        planned=planned,
        data=total.data,
        empty=total.empty,
        failed=total.failed,
        missing=total.missing,
    )


def _only_state(tile: Tile) -> Text:
    state = state_of(tile)
    return texts.NONE if state is None else STATE_NAMES[state]


def _legend(coverage: CoverageMap, words: Language, kind: str) -> Markup:
    single = is_single(coverage)
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
        tables.by_companies(coverage, words),
        tables.by_windows(coverage, words),
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
    return details(words, tables.gaps(coverage.gaps, words), rows=len(coverage.gaps))
