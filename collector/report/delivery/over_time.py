"""The section about the counters over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from collector.report.delivery import texts
from collector.report.delivery.model import (
    DRAWN_COUNTERS,
    PRESSED,
    RECEIVED,
    Counter,
    SpanDelivery,
    comparable,
    divisor,
    shows_per_day,
)
from collector.report.delivery.over_time_figure import over_time
from collector.report.figure import Figure
from collector.report.language import Language
from collector.report.model import Tile, WindowSpan
from collector.report.section import Section, known_days

__all__ = ["TimeView", "time_section"]


@dataclass(frozen=True, slots=True)
class TimeView:
    """The sums of `counters` in each span, and how many cells it has, with or without an answer.

    `per_day` says that the figure shows counts per day, `is_shaded` that spans which lack answers
    are shaded, `left_out` that the server's default window is in the table only.
    """

    sums: Sequence[SpanDelivery]
    cells: Mapping[WindowSpan, Tile]
    counters: Sequence[Counter]
    figure: Figure | None
    summary: str
    per_day: bool
    is_shaded: bool
    left_out: bool
    overlap: bool


def time_section(
    sums: Sequence[SpanDelivery],
    cells: Mapping[WindowSpan, Tile],
    words: Language,
    *,
    overlap: bool,
) -> Section:
    """Return the counters over time; `cells` are the planned cells of each span."""
    figure, is_shaded = over_time(sums, cells, words)
    view = TimeView(
        sums=sums,
        cells=cells,
        counters=(*DRAWN_COUNTERS, RECEIVED, PRESSED),
        figure=figure,
        summary=_summary(sums, words),
        per_day=shows_per_day(sums),
        is_shaded=is_shaded,
        left_out=len(comparable(sums)) < len(sums),
        overlap=overlap,
    )
    return Section("time", texts.TIME_HEADING, texts, view, (figure,) if figure else ())


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
