"""The section about the counters over time, with one panel for counters of similar size."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from collector.report import texts as page_texts
from collector.report.delivery import texts
from collector.report.delivery.model import (
    DRAWN_COUNTERS,
    PRESSED,
    RECEIVED,
    SpanDelivery,
    comparable,
    divisor,
    shows_per_day,
)
from collector.report.delivery.over_time_figure import over_time
from collector.report.delivery.sums import overlap_note
from collector.report.html import Markup, prose
from collector.report.language import DASH, Language
from collector.report.model import Tile, WindowSpan
from collector.report.section import (
    Section,
    details,
    known_days,
    note,
    picture,
    row,
    section,
    table,
)

__all__ = ["time_section"]


def time_section(
    sums: Sequence[SpanDelivery],
    cells: Mapping[WindowSpan, Tile],
    words: Language,
    *,
    overlap: bool,
) -> Section:
    """Return the counters over time; `cells` are the planned cells of each span."""
    figure, is_shaded = over_time(sums, cells, words)
    left_out = note(words(texts.LEFT_OUT)) if len(comparable(sums)) < len(sums) else None
    remarks: list[Markup | None] = []
    if figure is not None:
        per_day = shows_per_day(sums)
        remarks = [
            note(f"{words(texts.PER_DAY if per_day else texts.SUMS)} {words(texts.RECENT)}"),
            note(words(texts.SHADED)) if is_shaded else None,
            overlap_note(words, overlap=overlap),
        ]
    html = section(
        "time",
        words(texts.TIME_HEADING),
        *remarks,
        left_out,
        picture(figure, _summary(sums, words)),
        details(words, _table(sums, cells, words), rows=len(sums)) if sums else None,
    )
    return Section("time", texts.TIME_HEADING, html)


def _summary(sums: Sequence[SpanDelivery], words: Language) -> str:
    compared = comparable(sums)
    answered = [one for one in compared if one.answers]
    if not any(one.answers for one in sums):
        return words(texts.NO_SPAN)
    if len(answered) <= 1:
        return words(texts.ONE_SPAN if len(sums) == 1 else texts.TOO_FEW)
    per_day = shows_per_day(sums)
    values = [Fraction(one.delivery.total, divisor(one, per_day=per_day)) for one in answered]
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


def _table(
    sums: Sequence[SpanDelivery], cells: Mapping[WindowSpan, Tile], words: Language
) -> Markup:
    """Return the sums of each span, and how many of its cells lack an answer."""
    shown = (*DRAWN_COUNTERS, RECEIVED, PRESSED)
    heads = [
        words(page_texts.WINDOW),
        *(words(counter.name) for counter in shown),
        words(texts.WITHOUT_ANSWER),
    ]
    rows = (
        row(
            prose(words.span(one.span)),
            *(words.number(counter.of(one.delivery)) if one.answers else DASH for counter in shown),
            words.number(tile.lacking if (tile := cells.get(one.span)) else 0),
        )
        for one in sums
    )
    return table(words(texts.TIME_HEADING), heads, rows)
