"""The sections about sums: all counters as a funnel, and the companies that fail most."""

from collections.abc import Sequence
from dataclasses import dataclass

from collector.report.delivery import texts
from collector.report.delivery.model import (
    DRAWN_COUNTERS,
    FAILS,
    PENDING,
    PRESSED,
    RECEIVED,
    SENDED,
    CompanyShare,
    Delivery,
)
from collector.report.delivery.sums_figure import failing, funnel
from collector.report.figure import Figure
from collector.report.language import Language
from collector.report.section import Section
from collector.report.untrusted import company_text, cut, isolated

__all__ = ["CountRow", "DeliveryView", "FailingView", "delivery_section", "failing_section"]


@dataclass(frozen=True, slots=True)
class CountRow:
    """The sum of a counter, of an action, or of the actions that are not told apart."""

    name: str
    sum: int
    is_action: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """What is shown of the sums; without a figure, all of them are zero, or there are no rows."""

    rows: Sequence[CountRow]
    total: int
    figure: Figure | None
    summary: str
    overlap: bool


@dataclass(frozen=True, slots=True)
class FailingView:
    """What is shown of the companies that fail most."""

    companies: Sequence[CompanyShare]
    figure: Figure | None
    summary: str


def delivery_section(
    delivery: Delivery, words: Language, *, is_answered: bool, overlap: bool
) -> Section:
    """Return the sums of all counters, and their shares of total; of no answer there are none."""
    figure = funnel(delivery, words)
    summary = words(texts.ZEROS if is_answered else texts.NO_SPAN)
    if figure is not None:
        counts = "; ".join(
            f"{words(counter.name)} {words.number(counter.of(delivery))} "
            f"({words.share(*counter.part(delivery))})"
            for counter in (SENDED, FAILS, PENDING, RECEIVED, PRESSED)
        )
        summary = words.count(texts.SUMMARY, delivery.total, counts=counts)
    rows = _rows(delivery, words) if is_answered else ()
    view = DeliveryView(rows, delivery.total, figure, summary, overlap)
    return Section("delivery", texts.HEADING, texts, view)


def failing_section(
    companies: Sequence[CompanyShare], overall: Delivery, words: Language, *, is_answered: bool
) -> Section:
    """Return the companies with a high share of fails, by the lower end of its interval.

    `overall` are the sums over all companies.
    """
    figure = failing(companies, overall, words)
    summary = words(texts.FAILING_NONE if is_answered else texts.NO_SPAN)
    if companies:
        first = companies[0]
        sentence = words(
            texts.FAILING_SUMMARY,
            company=isolated(cut(company_text(first.company), 60)),
            fails=first.fails,
            total=first.total,
            share=words.share(first.fails, first.total),
        )
        summary = f"{words.count(texts.FAILING_COUNT, len(companies))} {sentence}"
    view = FailingView(companies, figure, summary)
    return Section("failing", texts.FAILING_HEADING, texts, view)


def _rows(delivery: Delivery, words: Language) -> list[CountRow]:
    """Return the counters, and all actions, the most frequent first."""
    rows = [CountRow(words(one.name), one.of(delivery)) for one in DRAWN_COUNTERS]
    actions = sorted(delivery.actions.items(), key=lambda action: (-action[1], action[0]))
    rows += [CountRow(name, count, is_action=True) for name, count in actions]
    if delivery.others:
        others = delivery.others
        rows.append(CountRow(words.count(texts.OTHERS, others.count), others.sum))
    return rows
