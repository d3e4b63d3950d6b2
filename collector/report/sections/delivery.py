"""The sections about the counters: the sums, how they go over time, who fails most."""

from collections.abc import Sequence
from fractions import Fraction

from collector.report import figures, tables
from collector.report.html import Markup
from collector.report.language import Language
from collector.report.model import Report, SpanDelivery
from collector.report.sections.parts import Section, details, known_days, note, picture, section
from collector.report.texts import delivery as texts
from collector.report.texts import page as page_texts
from collector.report.untrusted import company_text, cut, isolated

__all__ = ["delivery_section", "failing_section", "overlap_note", "time_section"]


def delivery_section(report: Report, words: Language) -> Section:
    """Return the sums of all counters, and their shares of total."""
    delivery = report.delivery
    figure = figures.funnel(delivery, words)
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
        overlap_note(report, words),
        picture(figure, summary),
        details(words, tables.counters(delivery, words), rows=4 + len(delivery.actions)),
    )
    return Section("delivery", page_texts.NAV_DELIVERY, html, (figure,) if figure else ())


def time_section(report: Report, words: Language) -> Section:
    """Return the counters over time."""
    sums = report.over_time
    figure, is_shaded = figures.over_time(sums, report.coverage, words)
    left_out = note(words(texts.LEFT_OUT)) if len(figures.comparable(sums)) < len(sums) else None
    remarks: list[Markup | None] = []
    if figure is not None:
        per_day = figures.shows_per_day(sums)
        remarks = [
            note(f"{words(texts.PER_DAY if per_day else texts.SUMS)} {words(texts.RECENT)}"),
            note(words(texts.SHADED)) if is_shaded else None,
            overlap_note(report, words),
        ]
    table = details(words, tables.over_time(sums, report.coverage, words), rows=len(sums))
    html = section(
        "time",
        words(texts.TIME_HEADING),
        *remarks,
        left_out,
        picture(figure, _time_summary(sums, words)),
        table if sums else None,
    )
    return Section("time", page_texts.NAV_TIME, html, (figure,) if figure else ())


def failing_section(report: Report, words: Language) -> Section:
    """Return the companies with a high share of fails, the surest first."""
    companies = report.failing
    figure = figures.failing(companies, words)
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
        details(words, tables.failing(companies, words), rows=len(companies))
        if companies
        else None,
    )
    return Section("failing", page_texts.NAV_FAILING, html, (figure,) if figure else ())


def overlap_note(report: Report, words: Language) -> Markup | None:
    """Return the warning that sums count days twice, if they do."""
    return note(words(texts.OVERLAP), "warn") if report.overlap else None


def _time_summary(sums: Sequence[SpanDelivery], words: Language) -> str:
    compared = figures.comparable(sums)
    answered = [one for one in compared if one.answers]
    if not any(one.answers for one in sums):
        return words(texts.NO_SPAN)
    if len(answered) <= 1:
        return words(texts.ONE_SPAN if len(sums) == 1 else texts.TOO_FEW)
    per_day = figures.shows_per_day(sums)
    values = [
        Fraction(one.delivery.total, figures.length(one, per_day=per_day)) for one in answered
    ]
    high, low = values.index(max(values)), values.index(min(values))
    days = known_days((one.span for one in compared), words)

    def count(value: Fraction) -> str:
        number = words.mean(value)
        return words(texts.A_DAY, count=number) if per_day else number

    if values[high] == values[low]:
        return words(texts.TIME_SAME, days=days, count=count(values[high]))
    return words(
        texts.TIME_SUMMARY,
        days=days,
        high=count(values[high]),
        high_days=words.span(answered[high].span),
        low=count(values[low]),
        low_days=words.span(answered[low].span),
    )
