from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.cell import SERVER_DEFAULT, Window
from collector.core.errors import InputError
from collector.plan.windows import (
    MAX_DAYS,
    WHOLE,
    DateRange,
    WindowSize,
    clipped_windows,
    cut_windows,
    parse_days,
    select_range,
)

_TODAY = date(2026, 11, 23)
_BAD_DAYS = ["", "d", "0d", "07d", "-1d", "1.5d", "7", "7 d", " 7d", "7d\n", "7D", "36601d"]
_BAD_DAYS += ["9" * 5000 + "d", "\u0667d", "1w", "week1"]


def test_days_are_parsed() -> None:
    """From one day to a century."""
    assert parse_days("1d") == 1
    assert parse_days("7d") == 7
    assert parse_days("36600d") == MAX_DAYS


@pytest.mark.parametrize("text", _BAD_DAYS)
def test_what_is_no_number_of_days_is_explained(text: str) -> None:
    """The message shows how to write it, and stays short and printable."""
    with pytest.raises(ValueError, match="from 1 to 36600 and the letter d, such as 7d") as caught:
        parse_days(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("text", ["1d", "7d", "36600d", "week", "month", "whole"])
def test_a_window_size_is_spelled_as_it_was_parsed(text: str) -> None:
    """So a manifest can hold the text."""
    assert str(WindowSize.parse(text)) == text
    assert WindowSize.parse(text) == WindowSize.parse(text)


@pytest.mark.parametrize("text", [*_BAD_DAYS, "Week", "days", "fortnight"])
def test_what_is_no_window_size_is_explained(text: str) -> None:
    """The message lists all that can be given."""
    with pytest.raises(ValueError, match=r"such as 7d .* week .* month .* or whole"):
        WindowSize.parse(text)


def test_a_window_size_is_always_valid() -> None:
    """One that is built in code is checked as well."""
    for unit, days in [("days", None), ("week", 7), ("days", 0), ("days", MAX_DAYS + 1)]:
        with pytest.raises(ValueError, match="days"):
            WindowSize(unit, days)  # type: ignore[arg-type]


def test_no_selection_is_no_range() -> None:
    """Then the server's default window is collected."""
    assert select_range(None, None, None, _TODAY) is None


def test_both_ends_make_a_range() -> None:
    """Both are included, so one day is a range; days ahead are taken as they are."""
    day = date(2026, 1, 1)
    assert select_range(day, day, None, _TODAY) == DateRange(day, day)
    ahead = _TODAY + timedelta(days=30)
    assert select_range(day, ahead, None, _TODAY) == DateRange(day, ahead)


def test_last_ends_yesterday() -> None:
    """Today is not over, so it does not count."""
    assert select_range(None, None, 7, _TODAY) == DateRange(date(2026, 11, 16), date(2026, 11, 22))
    assert select_range(None, None, 1, _TODAY) == DateRange(date(2026, 11, 22), date(2026, 11, 22))
    assert select_range(None, None, 1, date(1, 1, 2)) == DateRange(date.min, date.min)


@pytest.mark.parametrize(
    ("from_date", "until_date", "last", "message"),
    [
        (_TODAY, None, None, "--from needs --until: give both"),
        (None, _TODAY, None, "--until needs --from: give both"),
        (_TODAY, date(2026, 1, 1), None, "--from 2026-11-23 is after --until 2026-01-01: give"),
        (_TODAY, _TODAY, 7, "--last cannot be combined with --from or --until: give"),
        (_TODAY, None, 7, "--last cannot be combined"),
        (None, _TODAY, 7, "--last cannot be combined"),
        (None, None, 0, "--last 0d names no day: give at least 1d"),
        (None, None, 1_000_000, "--last 1000000d begins before the year 1: give fewer days"),
    ],
)
def test_a_selection_that_names_no_range_is_explained(
    from_date: date | None, until_date: date | None, last: int | None, message: str
) -> None:
    """The message names the options and the remedy."""
    with pytest.raises(InputError, match=f"^{message}"):
        select_range(from_date, until_date, last, _TODAY)


def test_a_range_cannot_end_before_it_starts() -> None:
    """Code that cuts a range relies on the order."""
    with pytest.raises(ValueError, match="2026-01-02 is after 2026-01-01"):
        DateRange(date(2026, 1, 2), date(2026, 1, 1))


def test_no_range_is_the_servers_default_window() -> None:
    """Which cannot be cut: its days are not known."""
    assert cut_windows(None, WHOLE) == (SERVER_DEFAULT,)
    for text in ("1d", "week", "month"):
        with pytest.raises(InputError, match=f"--window {text} cuts a range: give --from"):
            cut_windows(None, WindowSize.parse(text))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("whole", [("2026-01-30", "2026-02-10")]),
        ("week", [("2026-01-30", "2026-02-01"), ("2026-02-02", "2026-02-08"),
                  ("2026-02-09", "2026-02-10")]),
        ("month", [("2026-01-30", "2026-01-31"), ("2026-02-01", "2026-02-10")]),
        ("5d", [("2026-01-30", "2026-02-03"), ("2026-02-04", "2026-02-08"),
                ("2026-02-09", "2026-02-10")]),
        ("12d", [("2026-01-30", "2026-02-10")]),
        ("13d", [("2026-01-30", "2026-02-10")]),
    ],
)  # fmt: skip
def test_a_range_is_cut(size: str, expected: list[tuple[str, str]]) -> None:
    """Weeks start on Monday, months on the first, windows of days where the range does."""
    windows = cut_windows(DateRange(date(2026, 1, 30), date(2026, 2, 10)), WindowSize.parse(size))
    assert [(str(window.from_date), str(window.until_date)) for window in windows] == expected


_SIZES = st.sampled_from([WHOLE, WindowSize("week"), WindowSize("month")]) | st.builds(
    WindowSize, st.just("days"), st.integers(1, 400) | st.just(MAX_DAYS)
)


@st.composite
def _ranges(draw: st.DrawFn) -> DateRange:
    """Ranges of up to 1,000 days, often at one of the ends of the calendar."""
    length = timedelta(days=draw(st.integers(0, 1000)))
    start = draw(st.dates(max_value=date.max - length) | st.just(date.max - length))
    return DateRange(start, start + length)


def _days(window: Window) -> tuple[date, date]:
    assert window.from_date is not None
    assert window.until_date is not None
    return window.from_date, window.until_date


@given(_ranges(), _SIZES)
def test_windows_cover_every_day_exactly_once(date_range: DateRange, size: WindowSize) -> None:
    """They run from end to end of the range with neither gap nor overlap."""
    windows = cut_windows(date_range, size)
    covered = [
        ordinal
        for window in windows
        for ordinal in range(_days(window)[0].toordinal(), _days(window)[1].toordinal() + 1)
    ]
    first, last = date_range.from_date.toordinal(), date_range.until_date.toordinal()
    assert covered == list(range(first, last + 1))
    assert all(start <= end for start, end in map(_days, windows))


@given(_ranges())
def test_every_window_is_one_iso_week(date_range: DateRange) -> None:
    """Inside one week, and one window a week."""
    weeks = [
        {day.isocalendar()[:2] for day in _days(window)}
        for window in cut_windows(date_range, WindowSize("week"))
    ]
    assert all(len(week) == 1 for week in weeks)
    assert len(set().union(*weeks)) == len(weeks)


@given(_ranges())
def test_every_window_is_one_calendar_month(date_range: DateRange) -> None:
    """Inside one month, and one window a month."""
    months = [
        {(day.year, day.month) for day in _days(window)}
        for window in cut_windows(date_range, WindowSize("month"))
    ]
    assert all(len(month) == 1 for month in months)
    assert len(set().union(*months)) == len(months)


@given(_ranges(), st.integers(1, 1200))
def test_windows_of_days_have_that_many(date_range: DateRange, days: int) -> None:
    """All but the last, which has what is left."""
    windows = cut_windows(date_range, WindowSize("days", days))
    sizes = [(end - start).days + 1 for start, end in map(_days, windows)]
    total = (date_range.until_date - date_range.from_date).days + 1
    whole, rest = divmod(total, days)
    assert sizes == [days] * whole + [rest] * bool(rest)


@pytest.mark.parametrize("text", ["month", "whole", "36600d"])
def test_the_whole_calendar_can_be_cut(text: str) -> None:
    """Neither end of what a date can be overflows."""
    windows = cut_windows(DateRange(date.min, date.max), WindowSize.parse(text))
    assert windows[0].from_date == date.min
    assert windows[-1].until_date == date.max


@pytest.mark.parametrize(
    ("size", "clipped"),
    [
        ("week", [0, -1]),
        ("month", [0, -1]),
        ("9d", [-1]),
        ("10d", []),
        ("40d", [-1]),
        ("whole", []),
    ],
)
def test_clipped_is_what_has_fewer_days_than_its_size(size: str, clipped: list[int]) -> None:
    """30 days from a Wednesday, the seventh of a month; never more than the first and the last."""
    parsed = WindowSize.parse(size)
    windows = cut_windows(DateRange(date(2026, 1, 7), date(2026, 2, 5)), parsed)
    assert clipped_windows(windows, parsed) == {windows[at] for at in clipped}
    assert clipped_windows((SERVER_DEFAULT,), WHOLE) == frozenset()
