"""The columns of figures over time: windows as they are, or joined to whole weeks or months.

A column of an arbitrary number of days, such as four, has sometimes one weekend and sometimes two:
a weekly season would make a pattern that is not there.
"""

from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from enum import Enum
from math import ceil, gcd
from typing import Final, NamedTuple

from collector.core.cell import Window
from collector.plan import WindowSize, clipped_windows
from collector.report.model import WindowSpan

__all__ = ["Bin", "Unit", "cut", "partial_windows", "unit_of"]

_WEEK: Final = 7
_LONG: Final = 28
"""Days of a window from which on one weekend more or less changes its sums little."""

_FEWEST: Final = 5
"""Columns that a period must leave: with fewer the figure would hide how things develop."""


class Bin(NamedTuple):
    """A column, and the positions of the spans that it joins."""

    span: WindowSpan
    members: range


class Unit(Enum):
    """What a column stands for."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    WINDOW = "window"


Period = tuple[date, date]
"""The first and the last day of a week, a month or a year."""


def partial_windows(plans: Iterable[tuple[Sequence[Window], WindowSize]]) -> set[Window]:
    """Return the windows that have fewer days than the size of windows in each run that has them.

    `plans` are the windows of each run and their size. The days of a window alone do not tell: a
    short one may be a whole window of another run, or all that a run was asked for.
    """
    partial: set[Window] = set()
    whole: set[Window] = set()
    for windows, size in plans:
        clipped = clipped_windows(windows, size)
        partial |= clipped
        whole.update(one for one in windows if one not in clipped)
    return partial - whole


def cut(spans: Sequence[WindowSpan], most: int) -> list[Bin]:
    """Join spans, sorted by their days, to at most `most` columns; each is in exactly one.

    Spans that are partial say so themselves (`partial_windows`).

    They stay as they are if they are few enough. Otherwise a column is a week from Monday to
    Sunday, a calendar month, a quarter or a year: the first of these that is long enough and that
    no span crosses. If there is none, so many neighbours are joined that their days are whole weeks
    (this is how windows of some days are joined, which begin on any day). The server's default
    window is always a column of its own.
    """
    first = next((at for at, one in enumerate(spans) if _days(one)), len(spans))
    undated = [Bin(one, range(at, at + 1)) for at, one in enumerate(spans[:first])]
    dated = spans[first:]
    most -= len(undated)
    if len(dated) <= most:
        return undated + _as_they_are(dated, first)
    for unit in (Unit.WEEK, Unit.MONTH, Unit.QUARTER, Unit.YEAR):
        found = _by_period(dated, first, _PERIODS[unit])
        if found is not None and _FEWEST <= len(found) <= most:
            return undated + found
    return undated + _neighbours(dated, first, most)


def unit_of(spans: Sequence[WindowSpan]) -> Unit:
    """Return what each span stands for that is not partial; else they are windows of some days."""
    days = [_days(one) for one in spans if not one.is_partial]
    for unit, period in _PERIODS.items():
        if days and all(one is not None and one == period(one[0]) for one in days):
            return unit
    return Unit.WINDOW


def _as_they_are(spans: Sequence[WindowSpan], first: int) -> list[Bin]:
    return [Bin(one, range(at, at + 1)) for at, one in enumerate(spans, start=first)]


def _usual(spans: Sequence[WindowSpan]) -> int:
    """Return the commonest length in days, the longest of several."""
    lengths = Counter(one.days for one in spans if one.days is not None)
    return max(lengths, key=lambda days: (lengths[days], days), default=1)


def _by_period(
    spans: Sequence[WindowSpan], first: int, period: Callable[[date], Period]
) -> list[Bin] | None:
    """Return a column for each period that has spans; None if a span is in more than one."""
    starts: dict[Period, int] = {}
    for at, one in enumerate(spans):
        days = _days(one)
        if days is None or period(days[0]) != period(days[1]):
            return None
        starts.setdefault(period(days[0]), at)
    ends = [*list(starts.values())[1:], len(spans)]
    bins = []
    for whole, start, end in zip(starts, starts.values(), ends, strict=True):
        members = spans[start:end]
        span = _joined(members, is_partial=not _covers(members, whole))
        bins.append(Bin(span, range(first + start, first + end)))
    return bins


def _covers(spans: Sequence[WindowSpan], period: Period) -> bool:
    """Tell whether each day of a period is in one of the spans, which are sorted by their days.

    A window that its run cuts off has the days that it has; a partial column of several windows
    may lack days between them.
    """
    lacking, last = period
    for one in spans:
        days = _days(one)
        has_gaps = one.is_partial and one.windows > 1
        if days and not has_gaps and days[0] <= lacking <= days[1]:
            if days[1] >= last:
                return True
            lacking = days[1] + timedelta(1)
    return False


def _neighbours(spans: Sequence[WindowSpan], first: int, most: int) -> list[Bin]:
    """Join the same number of neighbours to each column; the last may have fewer."""
    usual = _usual(spans)
    step = 1 if usual >= _LONG else _WEEK // gcd(_WEEK, usual)
    size = ceil(ceil(len(spans) / max(most, 1)) / step) * step
    bins = []
    for start in range(0, len(spans), size):
        members = spans[start : start + size]
        is_partial = len(members) < size or any(one.is_partial for one in members)
        places = range(first + start, first + start + len(members))
        bins.append(Bin(_joined(members, is_partial=is_partial), places))
    return bins


def _joined(spans: Sequence[WindowSpan], *, is_partial: bool) -> WindowSpan:
    days = [_days(one) for one in spans]
    return WindowSpan(
        min(first for first, _ in filter(None, days)),
        max(last for _, last in filter(None, days)),
        windows=sum(one.windows for one in spans),
        days=sum(one.days or 0 for one in spans),
        is_partial=is_partial,
    )


def _days(span: WindowSpan) -> Period | None:
    if span.from_date is None or span.until_date is None:
        return None
    return span.from_date, span.until_date


def _week(day: date) -> Period:
    """Return Monday and Sunday; the week of the last day of the calendar ends with that day."""
    monday = day.toordinal() - day.weekday()
    sunday = min(monday + _WEEK - 1, date.max.toordinal())
    return date.fromordinal(monday), date.fromordinal(sunday)


def _month(day: date) -> Period:
    return _months(day, 1)


def _quarter(day: date) -> Period:
    return _months(day, 3)


def _year(day: date) -> Period:
    return _months(day, 12)


def _months(day: date, count: int) -> Period:
    """Return the first and the last day of `count` months, counted from January."""
    last = day.month + -day.month % count
    first_day = day.replace(month=last - count + 1, day=1)
    return first_day, day.replace(month=last, day=monthrange(day.year, last)[1])


def _day(day: date) -> Period:
    return day, day


_PERIODS: Final[dict[Unit, Callable[[date], Period]]] = {
    Unit.DAY: _day,
    Unit.WEEK: _week,
    Unit.MONTH: _month,
    Unit.QUARTER: _quarter,
    Unit.YEAR: _year,
}
