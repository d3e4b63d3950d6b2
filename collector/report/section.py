"""The parts of every section: a heading, sentences, figures, and tables with the same data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from collector.report import texts
from collector.report.figure import Figure
from collector.report.html import Child, Markup, element, prose, untrusted
from collector.report.language import Lang, Language, Text
from collector.report.model import WindowSpan

__all__ = [
    "Row",
    "Section",
    "details",
    "english",
    "known_days",
    "note",
    "numbers",
    "picture",
    "row",
    "section",
    "table",
]

_SHORT: Final = 50
"""Rows up to which a table is opened for printing."""

Row = tuple[Child, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: its anchor, its name in the contents, its HTML."""

    anchor: str
    name: Text
    html: Markup


def section(anchor: str, heading: str, *children: Child) -> Markup:
    """Return a section, named by its heading."""
    title = element("h2", heading, id=f"{anchor}-heading")
    labelled = f"{anchor}-heading"
    return element("section", title, *children, id=anchor, aria_labelledby=labelled)


def note(text: str, kind: str = "note") -> Markup:
    """Return a sentence; `kind` is `note`, or `warn` for what changes how figures are read."""
    return element("p", prose(text), class_=kind)


def english(text: str, words: Language) -> Markup:
    """Return untrusted text that is English in each language of the page: a remark of a run."""
    return untrusted(text, lang=None if words.lang is Lang.EN else Lang.EN.value)


def known_days(spans: Iterable[WindowSpan], words: Language) -> str:
    """Return the days from the first to the last that is known."""
    found = tuple(spans)
    begins = [span.from_date for span in found if span.from_date]
    ends = [span.until_date for span in found if span.until_date]
    return words.days(min(begins, default=None), max(ends, default=None))


def picture(figure: Figure | None, summary: str, *, above: Child = None) -> Markup:
    """Return a figure with a sentence that says what it shows; without a figure, the sentence.

    A screen reader reads the sentence in place of the figure. The style sheet chooses between the
    picture for wide and for narrow screens. `above` is a legend.
    """
    if figure is None:
        return element("p", prose(summary), class_="summary")
    caption = f"{figure.name}-summary"
    plots = (
        element(
            "div",
            Markup(svg),
            class_=f"plot {kind}",
            data_figure=figure.name,
            role="img",
            aria_labelledby=caption,
            tabindex=0,
        )
        for kind, svg in (("wide", figure.wide), ("narrow", figure.narrow))
    )
    return element(
        "figure", element("figcaption", prose(summary), id=caption, class_="summary"), above, *plots
    )


def details(
    words: Language, *tables: Markup, rows: int, label: Text = texts.DATA_AS_TABLE
) -> Markup:
    """Return tables that are folded; tables of up to 50 rows are opened for printing."""
    summary = element("summary", words(label))
    return element("details", summary, *tables, data_print=rows <= _SHORT)


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Row],
    *,
    text_columns: int = 1,
    kind: str = "",
) -> Markup:
    """Return a table that scrolls sideways on its own where the screen is too narrow.

    The first cell of a row is its header. The first `text_columns` columns are text, the others
    numbers. `kind` is a class for the style sheet: the lines of `facts` may wrap.
    """
    heads = (
        element("th", name, scope="col", class_=None if place < text_columns else "number")
        for place, name in enumerate(columns)
    )
    body = (element("tr", *_cells(cells, text_columns)) for cells in rows)
    content = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *heads)),
        element("tbody", *body),
        class_=kind or None,
    )
    # It takes the focus, so that the arrow keys scroll it.
    return element("div", content, class_="scroll", tabindex=0, role="group", aria_label=caption)


def row(*cells: Child) -> Row:
    """Return a row of a table; the first cell is its header."""
    return cells


def numbers(values: Iterable[int], words: Language) -> list[str]:
    """Return the cells of whole numbers."""
    return [words.number(value) for value in values]


def _cells(cells: Sequence[Child], text_columns: int) -> Iterable[Markup]:
    for place, cell in enumerate(cells):
        if place == 0:
            yield element("th", cell, scope="row")
        else:
            yield element("td", cell, class_=None if place < text_columns else "number")
