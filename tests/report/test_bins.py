"""Windows joined to columns: whole weeks, whole months, or as they are."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.cell import Window
from collector.plan import DateRange, WindowSize, cut_windows
from collector.report.bins import Bin, Unit, cut, partial_windows, unit_of
from collector.report.delivery.model import Delivery, SpanDelivery, shows_per_day, whole
from collector.report.model import WindowSpan

_MOST = 120
_DAYS = st.dates(min_value=date(1990, 1, 1), max_value=date(2090, 1, 1))


def _plan(first: date, days: int, size: str) -> tuple[tuple[Window, ...], WindowSize]:
    """Return the windows of a run of so many days, and their size."""
    parsed = WindowSize.parse(size)
    return cut_windows(DateRange(first, first + timedelta(days - 1)), parsed), parsed


def _spans(*plans: tuple[tuple[Window, ...], WindowSize]) -> list[WindowSpan]:
    """Return the windows of runs by their days, each once."""
    partial = partial_windows(plans)
    return [
        WindowSpan(*one, 1, (one.until_date - one.from_date).days + 1, is_partial=one in partial)
        for one in sorted({one for windows, _ in plans for one in windows})
        if one.from_date and one.until_date
    ]


def _windows(first: date, days: int, size: str = "1d") -> list[WindowSpan]:
    """Return the windows that a run of so many days has."""
    return _spans(_plan(first, days, size))


def _days(span: WindowSpan) -> Iterator[date]:
    assert span.from_date is not None
    assert span.until_date is not None
    for at in range((span.until_date - span.from_date).days + 1):
        yield span.from_date + timedelta(at)


def _check(windows: list[WindowSpan], bins: list[Bin], most: int = _MOST) -> None:
    """Each day and each window is in exactly one column, and there are not too many."""
    assert 0 < len(bins) <= most
    assert [at for one in bins for at in one.members] == list(range(len(windows)))
    assert [day for one in bins for day in _days(one.span)] == [
        day for one in windows for day in _days(one)
    ]
    for one in bins:
        assert one.span.windows == len(one.members)
        assert one.span.days == len(list(_days(one.span)))


def _is_whole(span: WindowSpan, unit: Unit) -> bool:
    """Tell whether a column begins with its first day, and a new one after its last."""
    assert span.from_date is not None
    assert span.until_date is not None
    begins = (span.from_date, span.until_date + timedelta(1))
    match unit:
        case Unit.WEEK:
            return all(day.weekday() == 0 for day in begins)
        case Unit.MONTH:
            return all(day.day == 1 for day in begins)
        case Unit.QUARTER:
            return all(day.day == 1 and day.month % 3 == 1 for day in begins)
        case _:
            return False


@given(_DAYS, st.integers(1, 3650))
def test_days_make_whole_weeks_or_months_but_for_the_ends(first: date, days: int) -> None:
    """Partial are exactly the columns that the period cuts, at its two ends."""
    windows = _windows(first, days)
    bins = cut(windows, _MOST)
    _check(windows, bins)
    if days <= _MOST:
        assert [one.span for one in bins] == windows
        return
    spans = [one.span for one in bins]
    unit = unit_of(spans)
    assert unit is (Unit.WEEK if days <= 834 else unit)
    for place, span in enumerate(spans):
        is_whole = _is_whole(span, unit)
        assert span.is_partial is not is_whole
        assert is_whole or place in {0, len(spans) - 1}


@given(_DAYS, st.integers(1, 4000), st.sampled_from(["week", "month", "2d", "7d", "10d", "30d"]))
def test_columns_follow_longer_windows(first: date, days: int, size: str) -> None:
    """No window is in two of them; if they are joined, their days are whole weeks or months."""
    windows = _windows(first, days, size)
    bins = cut(windows, _MOST)
    _check(windows, bins)
    if len(windows) <= _MOST:
        assert [one.span.from_date for one in bins] == [one.from_date for one in windows]
    for one in bins:
        if not one.span.is_partial and len(one.members) > 1 and size.endswith(("2d", "7d", "10d")):
            assert (one.span.days or 0) % 7 == 0 or unit_of([one.span]) is not Unit.WINDOW


@pytest.mark.parametrize(
    ("size", "first", "days", "partial"),
    [
        ("week", date(2026, 1, 7), 21, [0, 3]),
        ("week", date(2026, 1, 5), 21, []),
        ("month", date(2026, 1, 31), 60, [0]),
        ("month", date(2026, 1, 2), 88, [0, 2]),
        ("month", date(2026, 1, 1), 89, [2]),
        ("7d", date(2026, 1, 7), 24, [3]),
        ("1d", date(2026, 1, 7), 24, []),
        ("30d", date(2026, 1, 7), 20, [0]),
        ("whole", date(2026, 1, 7), 20, []),
        ("month", date(2026, 1, 31), 2, [0, 1]),
        ("31d", date(2026, 1, 1), 365, [11]),
        ("31d", date(2026, 1, 1), 372, []),
    ],
)
def test_a_window_that_the_period_cuts_is_partial(
    size: str, first: date, days: int, partial: list[int]
) -> None:
    """A month of 28 days is whole, one of 30 of its 31 days is not; the size of windows tells."""
    bins = cut(_windows(first, days, size), _MOST)
    assert [at for at, one in enumerate(bins) if one.span.is_partial] == partial


_SIZES = st.sampled_from(["1d", "2d", "7d", "30d", "week", "month", "whole"])
_RUNS = st.lists(st.tuples(st.integers(0, 90), st.integers(1, 60), _SIZES), min_size=1, max_size=4)


@given(_DAYS, _RUNS)
def test_partial_is_what_is_short_in_each_run_that_has_it(
    first: date, runs: list[tuple[int, int, str]]
) -> None:
    """Whatever lies beside it: a gap, the end of the days, or longer windows of another run."""
    plans = [_plan(first + timedelta(at), days, size) for at, days, size in runs]
    found = {(one.from_date, one.until_date): one.is_partial for one in _spans(*plans)}
    whole = {
        (one.from_date, one.until_date)
        for windows, size in plans
        for one in windows
        if one.from_date and one.until_date and _has_all_days(one.from_date, one.until_date, size)
    }
    assert {days for days, is_partial in found.items() if not is_partial} == whole
    for windows, _ in plans:
        for one in windows[1:-1]:
            assert (one.from_date, one.until_date) in whole


def _has_all_days(first: date, last: date, size: WindowSize) -> bool:
    """Tell whether a window is as long as its size says: another way to count."""
    after = last + timedelta(1)
    match size.unit:
        case "week":
            return first.isoweekday() == after.isoweekday() == 1
        case "month":
            return first.day == after.day == 1
        case _:
            return size.days in {None, (after - first).days}


@given(_DAYS, st.integers(80, 200), st.sets(st.integers(0, 199), max_size=20))
def test_a_week_is_partial_if_a_day_of_it_is_in_no_window(
    first: date, days: int, gaps: set[int]
) -> None:
    """At the ends as between runs, of which each has some nights."""
    planned = {first + timedelta(at) for at in range(days) if at not in gaps}
    bins = cut(_spans(*(_plan(day, 1, "1d") for day in sorted(planned))), 40)
    weeks = {day - timedelta(day.weekday()) for day in planned}
    assert [one.span.is_partial for one in bins] == [
        not {monday + timedelta(at) for at in range(7)} <= planned for monday in sorted(weeks)
    ]


@pytest.mark.parametrize("gap", [0, 3])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("nights", [1, 2, 20])
def test_windows_of_another_run_are_whole(nights: int, order: int, gap: int) -> None:
    """40 weeks and some nights, one after the other: also a single night."""
    sizes = [("7d", 40 * 7), ("1d", nights)][::order]
    first = _plan(date(2026, 1, 5), sizes[0][1], sizes[0][0])
    then = date(2026, 1, 5) + timedelta(sizes[0][1] + gap)
    spans = _spans(first, _plan(then, sizes[1][1], sizes[1][0]))
    assert not any(one.span.is_partial for one in cut(spans, _MOST))
    assert unit_of(spans) is Unit.WINDOW


def test_a_window_that_is_cut_before_a_gap_is_partial() -> None:
    """As at the end of the period: the last of each run is, unless another run has it whole."""
    runs = [_plan(date(2026, 1, 5), 31, "7d"), _plan(date(2026, 3, 2), 17, "7d")]
    bins = cut(_spans(*runs), _MOST)
    assert [at for at, one in enumerate(bins) if one.span.is_partial] == [4, 7]
    bins = cut(_spans(*runs, _plan(date(2026, 2, 2), 3, "whole")), _MOST)
    assert [at for at, one in enumerate(bins) if one.span.is_partial] == [7]


def test_parts_of_a_week_that_two_runs_have_make_a_whole_one() -> None:
    """Each run has windows of two days, and one of a day is left of them: the week has all."""
    monday = date(2026, 1, 5)
    spans = _spans(*(_plan(monday + timedelta(7 * week), 7, "2d") for week in range(8)))
    assert sum(one.is_partial for one in spans) == 8
    bins = cut(spans, 20)
    assert [unit_of([one.span]) for one in bins] == [Unit.WEEK] * 8
    assert not any(one.span.is_partial for one in bins)


def test_windows_of_31_days_are_no_months() -> None:
    """Although they begin in different months, and the first is one."""
    bins = cut(_windows(date(2026, 1, 1), 365, "31d"), _MOST)
    assert unit_of([one.span for one in bins]) is Unit.WINDOW


@given(_DAYS, st.integers(121, 840), st.lists(st.integers(0, 999), min_size=7, max_size=7))
def test_a_weekly_season_makes_no_pattern(first: date, days: int, season: list[int]) -> None:
    """A column of four days has one weekend or two; whole weeks all have the same sum."""
    bins = cut(_windows(first, days), _MOST)
    sums = [
        SpanDelivery(
            one.span, Delivery(total=sum(season[day.weekday()] for day in _days(one.span))), 1
        )
        for one in bins
    ]
    compared = whole(sums)
    if compared[0].span.days == 7:
        assert {one.delivery.total for one in compared} == {sum(season)}
    assert not shows_per_day(sums)


def test_the_default_window_has_a_column_of_its_own() -> None:
    """Its days are not known, so that it belongs to no week."""
    default = WindowSpan(None, None, 1, None)
    bins = cut([default, *_windows(date(2026, 1, 5), 700)], 60)
    assert [one.span.is_partial for one in bins] == [False, True, *[False] * 22, True]
    assert bins[0] == Bin(default, range(1))
    assert bins[1].members == range(1, 28)
    assert cut([default], _MOST) == [Bin(default, range(1))]
    assert cut([], _MOST) == []


def test_windows_that_overlap_do_not_fill_a_week() -> None:
    """One of its days is in two windows, and another in none."""
    monday = date(2026, 1, 5)
    spans = [
        WindowSpan(monday + timedelta(7 * week + first), monday + timedelta(7 * week + last), 1, 1)
        for week in range(6)
        for first, last in ((0, 3), (3, 5), (6 if week else 5, 6 if week else 5))
    ]
    bins = cut(spans, 10)
    assert [one.span.is_partial for one in bins] == [True, *[False] * 5]


def test_the_last_days_of_the_calendar_have_a_column() -> None:
    """Their week ends after the last day that there is."""
    bins = cut(_windows(date(9999, 8, 1), 153), _MOST)
    assert bins[-1].span.until_date == date.max
    assert cut(_windows(date(1, 1, 1), 153), _MOST)[0].span.from_date == date.min
