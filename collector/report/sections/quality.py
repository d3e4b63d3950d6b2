"""The sections about what is odd in the data, and about how to read the page."""

from collections.abc import Sequence

from collector.report import tables
from collector.report.html import Markup, company, element, prose
from collector.report.language import Language
from collector.report.model import Company, Quality
from collector.report.sections.parts import Section, details, english, note, section
from collector.report.texts import page as page_texts
from collector.report.texts import quality as texts

__all__ = ["quality_section", "reading_section"]


def quality_section(quality: Quality, words: Language) -> Section:
    """Return the remarks on the data, each with the companies that it is about."""
    found = [
        *_unbalanced(quality, words),
        *_companies(
            words.count(texts.EMPTY, quality.empty_everywhere),
            quality.empty_everywhere,
            quality.empty_examples,
            words,
        ),
        *_companies(
            words.count(texts.SAME, quality.same_everywhere),
            quality.same_everywhere,
            quality.same_examples,
            words,
        ),
    ]
    if quality.remarks:
        found.append(element("h3", words(texts.FILES)))
        found.append(
            element("ul", *(element("li", english(text, words)) for text in quality.remarks))
        )
    html = section("quality", words(texts.HEADING), *(found or [note(words(texts.FINE))]))
    return Section("quality", page_texts.NAV_QUALITY, html)


def reading_section(words: Language) -> Section:
    """Return what the words of the page mean."""
    entries = (
        element("div", element("dt", words(term)), element("dd", prose(words(meaning))))
        for term, meaning in texts.GLOSSARY
    )
    html = section("reading", words(texts.READING), element("dl", *entries, class_="glossary"))
    return Section("reading", page_texts.NAV_READING, html)


def _unbalanced(quality: Quality, words: Language) -> list[Markup]:
    if not quality.unbalanced:
        return []
    shown = len(quality.unbalanced_examples)
    return [
        _finding(words.count(texts.UNBALANCED, quality.unbalanced)),
        details(
            words,
            *_listed(quality.unbalanced, shown, words),
            tables.unbalanced(quality, words),
            rows=shown,
            label=texts.WHICH,
        ),
    ]


def _companies(
    sentence: str, count: int, examples: Sequence[Company], words: Language
) -> list[Markup]:
    if not count:
        return []
    names = element("ul", *(element("li", company(one)) for one in examples), class_="names")
    listed = _listed(count, len(examples), words)
    folded = details(words, *listed, names, rows=len(examples), label=texts.WHICH)
    return [_finding(sentence), folded]


def _listed(count: int, shown: int, words: Language) -> list[Markup]:
    return [note(words(texts.LISTED, n=shown))] if count > shown else []


def _finding(sentence: str) -> Markup:
    return element("p", sentence, class_="warn")
