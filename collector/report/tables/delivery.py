"""The tables behind the pictures of the counters, and of what is odd in them."""

from collections.abc import Sequence

from collector.report.figures import COUNTERS, PRESSED, RECEIVED, lacking
from collector.report.html import Child, Markup, company, prose
from collector.report.language import DASH, Language
from collector.report.model import (
    CompanyShare,
    CoverageMap,
    Delivery,
    Quality,
    SpanDelivery,
)
from collector.report.tables.parts import action, numbers, row, table
from collector.report.texts import delivery as texts
from collector.report.texts import page as page_texts
from collector.report.texts import quality as quality_texts

__all__ = ["counters", "failing", "over_time", "unbalanced"]


def counters(delivery: Delivery, words: Language) -> Markup:
    """Return the counters, and all actions, the most frequent first."""
    rows: list[tuple[Child, int]] = [(words(one.name), one.of(delivery)) for one in COUNTERS]
    actions = sorted(delivery.actions.items(), key=lambda action: (-action[1], action[0]))
    rows += [(action(name, words), count) for name, count in actions]
    return table(
        words(texts.TABLE),
        [
            words(texts.COUNTER),
            words(texts.COUNT),
            words(texts.SHARE),
        ],
        (row(name, words.number(n), words.share(n, delivery.total)) for name, n in rows),
    )


def over_time(sums: Sequence[SpanDelivery], coverage: CoverageMap, words: Language) -> Markup:
    """Return the sums of each span, and how many of its cells have no answer."""
    without = {span: cells for span, (cells, _) in lacking(coverage).items()}
    shown = (*COUNTERS, RECEIVED, PRESSED)
    heads = [
        words(page_texts.WINDOW),
        *(words(counter.name) for counter in shown),
        words(texts.WITHOUT_ANSWER),
    ]
    rows = (
        row(
            prose(words.span(one.span)),
            *(words.number(counter.of(one.delivery)) if one.answers else DASH for counter in shown),
            words.number(without.get(one.span, 0)),
        )
        for one in sums
    )
    return table(words(texts.TIME_HEADING), heads, rows)


def failing(companies: Sequence[CompanyShare], words: Language) -> Markup:
    """Return the companies with a high share of fails, in the order of the picture."""
    rows = (
        row(
            company(one.company),
            words.share(one.fails, one.total),
            *numbers((one.fails, one.total), words),
        )
        for one in companies
    )
    heads = [words(page_texts.COMPANY), words(texts.FAILING_SHARE), "fails", "total"]
    return table(words(texts.FAILING_TABLE), heads, rows)


def unbalanced(quality: Quality, words: Language) -> Markup:
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
    heads = (
        *(page_texts.COMPANY, page_texts.WINDOW, quality_texts.TOTAL, quality_texts.SUM),
        quality_texts.DIFFERENCE,
    )
    caption = words.count(quality_texts.UNBALANCED, quality.unbalanced)
    return table(caption, list(map(words, heads)), rows, text_columns=2)
