"""The section about the counters over time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from collector.report.bins import unit_of
from collector.report.delivery import texts
from collector.report.delivery.model import (
    DRAWN_COUNTERS,
    PRESSED,
    RECEIVED,
    Counter,
    SpanDelivery,
    comparable,
    divisor,
    lacks_many,
    named,
    shows_per_day,
)
from collector.report.delivery.over_time_figure import over_time
from collector.report.delivery.settling import Settling
from collector.report.figure import Figure
from collector.report.language import Language
from collector.report.model import Tile, WindowSpan
from collector.report.section import Section, known_days

__all__ = ["TimeView", "time_section"]


@dataclass(frozen=True, slots=True)
class TimeView:
    """The sums of `counters` in each span, and how many cells it has, with or without an answer.

    `notes` are sentences on how to read the figure.
    """

    sums: Sequence[SpanDelivery]
    cells: Mapping[WindowSpan, Tile]
    counters: Sequence[Counter]
    figure: Figure | None
    notes: Sequence[str]
    summary: str
    overlap: bool


def time_section(
    sums: Sequence[SpanDelivery],
    cells: Mapping[WindowSpan, Tile],
    settling: Settling,
    words: Language,
    *,
    overlap: bool,
) -> Section:
    """Return the counters over time; `cells` are the planned cells of each span."""
    figure = over_time(sums, cells, words)
    notes = list(_notes(sums, cells, settling, words)) if figure else []
    if len(comparable(sums)) < len(sums):
        notes.append(words(texts.LEFT_OUT))
    view = TimeView(
        sums=sums,
        cells=cells,
        counters=(*DRAWN_COUNTERS, RECEIVED, PRESSED),
        figure=figure,
        notes=notes,
        summary=_summary(sums, cells, words),
        overlap=overlap and figure is not None,
    )
    return Section("time", texts.TIME_HEADING, texts, view)


def _notes(
    sums: Sequence[SpanDelivery],
    cells: Mapping[WindowSpan, Tile],
    settling: Settling,
    words: Language,
) -> Iterator[str]:
    """Yield what a point is, and what the marks on some points mean."""
    drawn = comparable(sums)
    points = words(texts.POINTS[unit_of([one.span for one in drawn])])
    yield f"{points} {words(texts.PER_DAY)}" if shows_per_day(sums) else points
    if any(one.span.is_partial for one in drawn):
        yield words(texts.PARTIAL)
    unsettled = [one for one in drawn if one.answers and not one.is_settled]
    if unsettled:
        known = texts.SETTLED if settling.is_measured else texts.SETTLED_PERHAPS
        yield words.count(known, settling.days)
    if any(lacks_many(one, cells) for one in drawn):
        yield words(texts.SHADED)
    if any(lacks_many(one, cells) for one in unsettled):
        yield words(texts.BOTH_GROUNDS)


def _summary(
    sums: Sequence[SpanDelivery], cells: Mapping[WindowSpan, Tile], words: Language
) -> str:
    compared = [one for one in comparable(sums) if one.answers]
    if not any(one.answers for one in sums):
        return words(texts.NO_SPAN)
    if len(compared) <= 1:
        return words(texts.ONE_SPAN if len(sums) == 1 else texts.TOO_FEW)
    days = known_days((one.span for one in comparable(sums)), words)
    found = named(sums, cells)
    if len(found) <= 1:
        return words(texts.TIME_NOT_COMPARED, days=days)
    sentences = [_extremes(found, words, days=days, per_day=shows_per_day(sums))]
    if not all(one.is_settled for one in found):
        sentences.append(words(texts.TIME_UNSETTLED))
    lacking = sum(lacks_many(one, cells) for one in found)
    if lacking:
        sentence = texts.TIME_ALL_LACKING if lacking == len(found) else texts.TIME_LACKING
        sentences.append(words(sentence))
    if len(found) < len(compared):
        sentences.append(words(texts.TIME_SOME, n=len(found), count=len(compared)))
    return " ".join(sentences)


def _extremes(sums: Sequence[SpanDelivery], words: Language, *, days: str, per_day: bool) -> str:
    """Return the highest and the lowest total, each with its days."""
    values = [Fraction(one.delivery.total, divisor(one, per_day=per_day)) for one in sums]
    high, low = values.index(max(values)), values.index(min(values))

    def count(value: Fraction) -> str:
        number = words.mean(value)
        return words(texts.A_DAY, count=number) if per_day else number

    if values[high] == values[low]:
        return words(texts.TIME_SAME, days=days, count=count(values[high]))
    return words(
        texts.TIME_SUMMARY,
        days=days,
        high=count(values[high]),
        high_days=words.span(sums[high].span),
        low=count(values[low]),
        low_days=words.span(sums[low].span),
    )
