"""What all sections are made of: a heading, sentences, pictures with their tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from collector.report.figures import Figure
from collector.report.html import Child, Markup, element, prose, untrusted
from collector.report.language import Lang, Language, Text
from collector.report.model import Behaviour, RunFacts, WindowSpan
from collector.report.texts import page as texts

__all__ = ["Section", "details", "english", "known_days", "newest", "note", "picture", "section"]

_Dated = TypeVar("_Dated", RunFacts, Behaviour)

_SHORT: Final = 50
"""Rows up to which a table is opened for printing."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: its anchor, its name in the contents, its HTML, its pictures."""

    anchor: str
    name: Text
    html: Markup
    figures: tuple[Figure, ...] = ()


def newest(ordered: Sequence[_Dated]) -> _Dated | None:
    """Return the newest of runs, or of what is known of each: they come with the oldest first."""
    return ordered[-1] if ordered else None


def english(text: str, words: Language) -> Markup:
    """Return untrusted text that is English in each language of the page: a remark of a run."""
    return untrusted(text, lang=None if words.lang is Lang.EN else Lang.EN.value)


def known_days(spans: Iterable[WindowSpan], words: Language) -> str:
    """Return the days from the first to the last that is known."""
    found = tuple(spans)
    begins = [span.from_date for span in found if span.from_date]
    ends = [span.until_date for span in found if span.until_date]
    return words.days(min(begins, default=None), max(ends, default=None))


def section(anchor: str, heading: str, *children: Child) -> Markup:
    """Return a section, named by its heading."""
    title = element("h2", heading, id=f"{anchor}-heading")
    labelled = f"{anchor}-heading"
    return element("section", title, *children, id=anchor, aria_labelledby=labelled)


def note(text: str, kind: str = "note") -> Markup:
    """Return a sentence; `kind` is `note`, or `warn` for what changes how figures are read."""
    return element("p", prose(text), class_=kind)


def picture(
    figures: Figure | tuple[tuple[Figure, str], ...] | None,
    summary: str,
    *,
    above: Child = None,
) -> Markup:
    """Return a picture with a sentence that says what it shows; only the sentence without one.

    A screen reader hears the sentence in place of the picture. Several figures are variants of one,
    each with the class by which the style sheet chooses among them. `above` is a legend.
    """
    if figures is None:
        return element("p", prose(summary), class_="summary")
    variants = ((figures, "any"),) if isinstance(figures, Figure) else figures
    caption = f"{variants[0][0].name}-summary"
    plots = (
        element(
            "div",
            class_=f"plot {kind}",
            data_figure=figure.name,
            role="img",
            aria_labelledby=caption,
            style=f"height:{figure.height}px",
        )
        for figure, kind in variants
    )
    return element(
        "figure", element("figcaption", prose(summary), id=caption, class_="summary"), above, *plots
    )


def details(
    words: Language, *tables: Markup, rows: int, label: Text = texts.DATA_AS_TABLE
) -> Markup:
    """Return tables that are folded away; short ones are opened for printing."""
    summary = element("summary", words(label))
    return element("details", summary, *tables, data_print=rows <= _SHORT)
