"""The tables behind the pictures of the counters, and of what is odd in them."""

from collections.abc import Sequence
from typing import Final

from collector.report.elements import Child, Markup, company, prose
from collector.report.figures import lacking
from collector.report.language import Language
from collector.report.model import (
    CompanyShare,
    Coverage,
    Delivery,
    Quality,
    SpanDelivery,
)
from collector.report.tables.parts import action, numbers, row, table
from collector.report.texts import delivery as texts
from collector.report.texts import page as page_texts
from collector.report.texts import quality as quality_texts

__all__ = ["counters", "failing", "over_time", "unbalanced"]

_COUNTERS: Final = ("total", "sended", "pending", "fails")


def counters(delivery: Delivery, words: Language) -> Markup:
    """Return the counters, and all actions, the most frequent first."""
    rows: list[tuple[Child, int]] = [(name, getattr(delivery, name)) for name in _COUNTERS]
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


def over_time(sums: Sequence[SpanDelivery], coverage: Coverage, words: Language) -> Markup:
    """Return the sums of each span, and how many of its cells have no answer."""
    without = {span: cells for span, (cells, _) in lacking(coverage).items()}
    heads = [
        words(page_texts.WINDOW),
        *_COUNTERS,
        words(texts.RECEIVED),
        words(texts.PRESSED),
        words(texts.WITHOUT_ANSWER),
    ]
    rows = (
        row(
            prose(words.span(one.span)),
            *numbers([getattr(one.delivery, name) for name in _COUNTERS], words),
            *numbers([one.delivery.received, one.delivery.pressed], words),
            words.number(without.get(one.span, 0)),
        )
        for one in sums
    )
    return table(words(texts.TIME_HEADING), heads, rows)


def failing(companies: Sequence[CompanyShare], words: Language) -> Markup:
    """Return the companies with the highest share of fails."""
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
