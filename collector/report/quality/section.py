"""The section about what is odd in the data, each finding with the companies concerned."""

from collections.abc import Sequence

from collector.report import texts as page_texts
from collector.report.html import Markup, company, element
from collector.report.language import Language
from collector.report.model import Company
from collector.report.quality import texts
from collector.report.quality.model import Quality
from collector.report.section import Section, details, english, note, numbers, row, section, table

__all__ = ["quality_section"]


def quality_section(quality: Quality, words: Language) -> Section:
    """Return what is odd, each finding with the companies concerned."""
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
    return Section("quality", texts.HEADING, html)


def _unbalanced(quality: Quality, words: Language) -> list[Markup]:
    if not quality.unbalanced:
        return []
    shown = len(quality.unbalanced_examples)
    return [
        _finding(words.count(texts.UNBALANCED, quality.unbalanced)),
        details(
            words,
            *_listed(quality.unbalanced, shown, words),
            _unbalanced_table(quality, words),
            rows=shown,
            label=texts.WHICH,
        ),
    ]


def _unbalanced_table(quality: Quality, words: Language) -> Markup:
    """Return cells whose total is not the sum of its parts."""
    rows = (
        row(
            company(who),
            words.days(from_date, until_date),
            *numbers((total, summed), words),
            words.signed(total - summed),
        )
        for who, from_date, until_date, total, summed in quality.unbalanced_examples
    )
    heads = (page_texts.COMPANY, page_texts.WINDOW, texts.TOTAL, texts.SUM, texts.DIFFERENCE)
    caption = words.count(texts.UNBALANCED, quality.unbalanced)
    return table(caption, list(map(words, heads)), rows, text_columns=2)


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
