"""The sections about sums: all counters as a funnel, and the companies that fail most."""

from collections.abc import Sequence

from collector.report import texts as page_texts
from collector.report.delivery import texts
from collector.report.delivery.model import DRAWN_COUNTERS, CompanyShare, Delivery
from collector.report.delivery.sums_figure import failing, funnel
from collector.report.html import Child, Markup, company, joined, untrusted
from collector.report.language import Language
from collector.report.section import Section, details, note, numbers, picture, row, section, table
from collector.report.untrusted import company_text, cut, isolated

__all__ = ["action", "delivery_section", "failing_section", "overlap_note"]


def delivery_section(delivery: Delivery, words: Language, *, overlap: bool) -> Section:
    """Return the sums of all counters, and their shares of total."""
    figure = funnel(delivery, words)
    summary = words(texts.ZEROS)
    if figure is not None:
        summary = words(
            texts.SUMMARY,
            total=delivery.total,
            sended=delivery.sended,
            share=words.share(delivery.sended, delivery.total),
            fails=delivery.fails,
            pending=delivery.pending,
            received=delivery.received,
            pressed=delivery.pressed,
        )
    html = section(
        "delivery",
        words(texts.HEADING),
        note(words(texts.INTRO)) if figure else None,
        overlap_note(words, overlap=overlap),
        picture(figure, summary),
        details(words, _counters_table(delivery, words), rows=4 + len(delivery.actions)),
    )
    return Section("delivery", texts.HEADING, html)


def failing_section(
    companies: Sequence[CompanyShare], overall: float | None, words: Language
) -> Section:
    """Return the companies with a high share of fails, by the lower end of its interval."""
    figure = failing(companies, overall, words)
    summary = words(texts.FAILING_NONE)
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
    html = section(
        "failing",
        words(texts.FAILING_HEADING),
        note(words(texts.FAILING_ORDER)) if companies else None,
        picture(figure, summary),
        details(words, _failing_table(companies, words), rows=len(companies))
        if companies
        else None,
    )
    return Section("failing", texts.FAILING_HEADING, html)


def overlap_note(words: Language, *, overlap: bool) -> Markup | None:
    """Return the warning that sums count days twice, if windows overlap."""
    return note(words(texts.OVERLAP), "warn") if overlap else None


def action(name: str, words: Language) -> Markup:
    """Return the name of an action of the API, marked as one to tell it from a counter."""
    before, _, after = words(texts.ACTION, name="\0").partition("\0")
    return joined((before, untrusted(name), after))


def _counters_table(delivery: Delivery, words: Language) -> Markup:
    """Return the counters, and all actions, the most frequent first."""
    rows: list[tuple[Child, int]] = [(words(one.name), one.of(delivery)) for one in DRAWN_COUNTERS]
    actions = sorted(delivery.actions.items(), key=lambda action: (-action[1], action[0]))
    rows += [(action(name, words), count) for name, count in actions]
    if delivery.others:
        rows.append((words.count(texts.OTHERS, delivery.others.count), delivery.others.sum))
    return table(
        words(texts.TABLE),
        [words(texts.COUNTER), words(texts.COUNT), words(texts.SHARE)],
        (row(name, words.number(n), words.share(n, delivery.total)) for name, n in rows),
    )


def _failing_table(companies: Sequence[CompanyShare], words: Language) -> Markup:
    """Return the companies with a high share of fails, in the order of the figure."""
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
