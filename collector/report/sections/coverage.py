"""The section about coverage: the heat map, its legend, the companies with gaps."""

from typing import Final

from collector.report import tables
from collector.report.elements import Markup, element
from collector.report.figures import STATE_NAMES, Figure, heat_map, narrowed, state_of
from collector.report.language import Language, Text
from collector.report.model import Coverage, Tile
from collector.report.sections.parts import Section, details, note, picture, section
from collector.report.texts import coverage as texts
from collector.report.texts import page as page_texts

__all__ = ["coverage_section"]

_NARROW: Final = 36
"""Columns that a phone can show so that their marks are still seen."""

_LEGENDS: Final[tuple[tuple[str, str, Text, Text], ...]] = (
    ("data", "", texts.LEGEND_DATA, texts.LEGEND_MOSTLY_DATA),
    ("empty", "○", texts.LEGEND_EMPTY, texts.LEGEND_MOSTLY_EMPTY),
    ("failed", "▲", texts.LEGEND_FAILED, texts.LEGEND_SOME_FAILED),
    ("missing", "✖", texts.LEGEND_MISSING, texts.LEGEND_SOME_MISSING),
    ("blank", "", texts.LEGEND_BLANK, texts.LEGEND_BLANK),
)
"""The class of a swatch, the mark on it, its words if tiles are single cells, and if they are not.
"""


def coverage_section(coverage: Coverage, words: Language) -> Section:
    """Return what is there of what was planned, and what is not."""
    total = coverage.total
    planned = total.data + total.empty + total.failed + total.missing
    figures: tuple[tuple[Figure, str], ...] = ()
    if planned > 1:
        narrow = narrowed(coverage, _NARROW)
        figures = (
            (heat_map(coverage, words, "coverage", 24), "wide"),
            (heat_map(narrow, words, "coverage-narrow", 12), "narrow"),
        )
    is_single = _is_single(coverage)
    intro = texts.INTRO_SINGLE if is_single else texts.INTRO
    html = section(
        "coverage",
        words(texts.HEADING),
        note(words(intro)) if figures else None,
        picture(
            figures or None,
            _summary(coverage, words),
            above=_legend(coverage, words, single=is_single),
        ),
        _tables(coverage, words) if figures else None,
        element("h3", words(texts.GAPS)) if coverage.gaps else None,
        element("p", _gaps(coverage, words)) if planned else None,
        _gaps_table(coverage, words),
    )
    return Section("coverage", page_texts.NAV_COVERAGE, html, tuple(one for one, _ in figures))


def _is_single(coverage: Coverage) -> bool:
    """Tell whether each tile is one cell, on a wide screen."""
    return all(group.companies == 1 for group in coverage.groups) and all(
        span.windows == 1 for span in coverage.spans
    )


def _summary(coverage: Coverage, words: Language) -> str:
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


def _legend(coverage: Coverage, words: Language, *, single: bool) -> Markup:
    is_full = all(state_of(tile) is not None for row in coverage.tiles for tile in row)
    items = (
        element(
            "li",
            element("span", mark, class_=f"swatch {name}", aria_hidden="true"),
            words(one if single else many),
        )
        for name, mark, one, many in _LEGENDS
        if name != "blank" or not is_full
    )
    size = None if single else note(words(texts.LEGEND_SIZE))
    listed = element("ul", *items, class_="legend", aria_label=words(texts.LEGEND))
    return element("div", listed, size)


def _tables(coverage: Coverage, words: Language) -> Markup:
    return details(
        words,
        tables.by_companies(coverage, words),
        tables.by_windows(coverage, words),
        rows=len(coverage.groups) + len(coverage.spans),
    )


def _gaps(coverage: Coverage, words: Language) -> str:
    lacking, shown = coverage.companies_with_gaps, len(coverage.gaps)
    if lacking == 0:
        return words(texts.NO_GAPS)
    if lacking > shown:
        return words(texts.GAPS_SOME, n=lacking, shown=shown)
    return words.count(texts.GAPS_ALL, lacking)


def _gaps_table(coverage: Coverage, words: Language) -> Markup | None:
    if not coverage.gaps:
        return None
    return details(words, tables.gaps(coverage.gaps, words), rows=len(coverage.gaps))
