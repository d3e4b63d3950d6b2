from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.cell import Window
from collector.dates.probe.questions import FAR_PAST, LONG_AGO, recent_span, settled_span


@pytest.mark.parametrize(
    ("today", "first"),
    [
        (date(2026, 11, 24), date(2026, 9, 1)),
        (date(2026, 11, 27), date(2026, 9, 1)),
        (date(2026, 11, 28), date(2026, 10, 1)),
        (date(2026, 12, 28), date(2026, 10, 1)),
        (date(2026, 12, 29), date(2026, 11, 1)),
        (date(2027, 1, 28), date(2026, 11, 1)),
        (date(2027, 2, 27), date(2026, 11, 1)),
        (date(2027, 2, 28), date(2027, 1, 1)),
        (date(2028, 3, 30), date(2028, 2, 1)),
        (date(2028, 3, 29), date(2028, 1, 1)),
        (date(2027, 3, 30), date(2027, 1, 1)),
        (date(2027, 3, 31), date(2027, 2, 1)),
    ],
)
def test_it_is_the_last_month_that_has_settled(today: date, first: date) -> None:
    """31 days after its 28th, and not December."""
    assert settled_span(today).first == first


def test_settled_days_are_whole_but_never_december() -> None:
    """The 1st to the 28th, cut at the 12th, 31 days old or more, and of the last 120 days."""
    for number in range(5 * 366):
        today = date(2023, 12, 25) + timedelta(days=number)
        first, split, last = settled_span(today)
        assert (first.day, split.day, last.day) == (1, 12, 28)
        assert len({(day.year, day.month) for day in (first, split, last)}) == 1
        assert first.month != 12
        assert (today - last).days >= 31
        assert (today - first).days < 120
        assert settled_span(today).window == Window(first, last)
        if last.month != 11:
            assert (today - last).days < 31 + 31


@given(st.dates(date(1, 6, 1), date(9999, 12, 1)))
def test_the_last_days_cover_what_the_server_answers_for_by_itself(today: date) -> None:
    """Seven days that end today or yesterday, wherever the server's day begins."""
    span = recent_span(today)
    assert span.first < span.split < span.last
    for ahead in (-1, 0, 1):
        for end in (0, -1):
            last = today + timedelta(days=ahead + end)
            assert span.first <= last - timedelta(days=6)
            assert last <= span.last
    assert (span.last - span.first).days <= 11


def test_the_far_past_is_two_windows_that_have_nothing_in_common() -> None:
    """Neither their days, their length, nor days and months that could be mistaken."""
    for window in (FAR_PAST, LONG_AGO):
        assert window.from_date is not None
        assert window.until_date is not None
        assert window.from_date <= window.until_date < date(2005, 1, 1)
    assert FAR_PAST != LONG_AGO
