from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.outcome import Counters
from collector.plan import DateRange
from collector.store.answered_days import AnsweredDays
from collector.store.lines import ResultLine
from tests.counted_calls import calls_of

_FIRST = date(2026, 11, 1)
_DAYS = 12
_RANGE = DateRange(_FIRST, _FIRST + timedelta(_DAYS - 1))
_AT = datetime(2026, 11, 23, tzinfo=UTC)
_UTC = ZoneInfo("UTC")
_ZEROS = Counters(0, 0, 0, 0, 0, {})
_IDS = tuple(f"c{number}" for number in range(11))


def _line(company: str, first: int | None, last: int = 0) -> ResultLine:
    """Give an answer for the days from `first` to `last` of the range; 0 is its first."""
    if first is None:
        return ResultLine(company, None, None, _AT, 1, _ZEROS)
    begin, end = ((_FIRST + timedelta(number)).isoformat() for number in (first, last))
    return ResultLine(company, begin, end, _AT, 1, _ZEROS)


def _found(answered: AnsweredDays, days: DateRange) -> set[tuple[str, int]]:
    return {
        (_IDS[place], (days.from_date - _FIRST).days + number)
        for each in answered.uncovered(days)
        for days in [each.days]
        for number in range(days.days)
        for place in each.places()
    }


_windows = st.tuples(st.sampled_from([*_IDS, "other"]), st.integers(-3, 14), st.integers(0, 5))


@given(st.lists(_windows, max_size=60), st.integers(0, _DAYS - 1))
def test_a_day_is_covered_by_any_window_that_has_it(
    windows: list[tuple[str, int, int]], begin: int
) -> None:
    """As a search among all windows finds: they may overlap, and reach beyond the range."""
    answered = AnsweredDays(_IDS, _UTC)
    for company, first, more in windows:
        answered.add(_line(company, first, first + more))
    expected = {
        (company, day)
        for company in _IDS
        for day in range(begin, _DAYS)
        if not any(c == company and first <= day <= first + more for c, first, more in windows)
    }
    days = DateRange(_FIRST + timedelta(begin), _RANGE.until_date)
    assert _found(answered, days) == expected


def test_windows_before_the_range_take_no_time() -> None:
    """`--since-last` asks for the rest of the days again after each run that it has read."""

    def work(earlier: int) -> int:
        answered = AnsweredDays(_IDS, _UTC)
        for number in range(-earlier, 3):
            answered.add(_line("c1", number, number))
        return calls_of(lambda: list(answered.uncovered(_RANGE)))

    assert work(500) < work(5) + 20


def test_days_with_the_same_companies_are_joined() -> None:
    """A week without a run is one gap, whatever windows are around it."""
    answered = AnsweredDays(_IDS, _UTC)
    for company in _IDS:
        for day in (0, 1, 9, 10, 11):
            if (company, day) != ("c3", 1):
                answered.add(_line(company, day, day))
    gaps = [
        (str(gap.days.from_date), gap.days.days, len(list(gap.places())))
        for gap in (answered.uncovered(_RANGE))
    ]
    assert gaps == [("2026-11-02", 1, 1), ("2026-11-03", 7, 11)]


def test_answers_without_dates_cover_nothing() -> None:
    """Of which days they are is not known; so it is if a line was written by something else."""
    answered = AnsweredDays(_IDS, _UTC)
    answered.add(_line("c1", None))
    for first, last in (("yesterday", "today"), ("2026-11-03", "2026-02-30"), ("", "")):
        answered.add(ResultLine("c1", first, last, _AT, 1, _ZEROS))
    answered.add(_line("c1", 5, 3))
    (gap,) = answered.uncovered(_RANGE)
    assert gap.days == _RANGE
    assert list(gap.places()) == list(range(len(_IDS)))


@pytest.mark.parametrize(
    ("zone", "uncovered"),
    [("UTC", 3), ("Asia/Tokyo", 4), ("Pacific/Honolulu", 2)],
)
def test_a_day_counts_when_it_was_over(zone: str, uncovered: int) -> None:
    """In the time zone of the run; of a window of several days, those that were over count."""
    answered = AnsweredDays(_IDS, ZoneInfo(zone))
    at = datetime(2026, 11, 4, 20 if zone != "Pacific/Honolulu" else 5, tzinfo=UTC)
    begin, end = _RANGE.from_date, _RANGE.until_date
    for company in _IDS:
        line = ResultLine(company, begin.isoformat(), end.isoformat(), at, 1, _ZEROS)
        answered.add(line)
    (gap,) = answered.uncovered(_RANGE)
    assert (gap.days.from_date - _FIRST).days == uncovered
