from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from collector.core.cell import SERVER_DEFAULT, Window
from collector.core.errors import InputError
from collector.plan import (
    WHOLE,
    DateRange,
    WindowSize,
    cut_windows,
    extend_back,
    select_range,
    size_of,
)
from collector.plan.windows import MAX_DAYS

_EARLY = date(200, 1, 1)
"""Behind it no lookback of these tests begins before the year 1."""


def _cut(date_range: DateRange, size: WindowSize, lookback: int | None) -> tuple[Window, ...]:
    return cut_windows(*extend_back(date_range, size, lookback))


def _days(window: Window) -> tuple[date, date]:
    assert window.from_date is not None
    assert window.until_date is not None
    return window.from_date, window.until_date


@st.composite
def _ranges(draw: st.DrawFn, longest: int = 400) -> DateRange:
    length = timedelta(days=draw(st.integers(0, longest - 1)))
    start = draw(st.dates(_EARLY, date.max - length) | st.just(date.max - length))
    return DateRange(start, start + length)


_NATURAL = st.sampled_from([WindowSize("week"), WindowSize("month")])


@st.composite
def _selections(draw: st.DrawFn) -> tuple[DateRange, WindowSize, int]:
    """Make a range, a size and a lookback that fit to each other."""
    date_range = draw(_ranges())
    size = draw(
        st.just(WHOLE) | _NATURAL | st.builds(WindowSize, st.just("days"), st.integers(1, 600))
    )
    unit = size.days or 1
    if size == WHOLE:
        unit = (date_range.until_date - date_range.from_date).days + 1
    return date_range, size, unit * draw(st.integers(1, 60))


@pytest.mark.parametrize(
    ("last", "size", "lookback", "first", "windows"),
    [
        (1, "1d", 14, "2026-11-08", 15),
        (7, "1d", 14, "2026-11-02", 21),
        (7, "7d", 14, "2026-11-02", 3),
        (10, "3d", 6, "2026-11-07", 6),
        (1, "whole", 14, "2026-11-08", 15),
        (7, "whole", 7, "2026-11-09", 2),
        # The 22nd is a Sunday, the 8th too; its week begins on the 2nd.
        (1, "week", 14, "2026-11-02", 3),
        (2, "week", 1, "2026-11-16", 1),
        (1, "month", 1, "2026-11-01", 1),
        (1, "month", 22, "2026-10-01", 2),
    ],
)
def test_days_before_the_range_are_cut_like_the_range(
    last: int, size: str, lookback: int, first: str, windows: int
) -> None:
    """Windows of the same length; weeks and months from their first day; the end stays."""
    date_range = select_range(None, None, last, date(2026, 11, 23))
    assert date_range is not None
    cut = _cut(date_range, WindowSize.parse(size), lookback)
    assert str(cut[0].from_date) == first
    assert cut[-1].until_date == date(2026, 11, 22)
    assert len(cut) == windows


@given(_selections())
def test_every_day_of_the_longer_range_is_there_exactly_once(
    selection: tuple[DateRange, WindowSize, int],
) -> None:
    """From at least `lookback` days before the range to its end."""
    date_range, size, lookback = selection
    ordinals = [
        ordinal
        for first, last in map(_days, _cut(date_range, size, lookback))
        for ordinal in range(first.toordinal(), last.toordinal() + 1)
    ]
    begin = date_range.from_date.toordinal() - lookback
    assert ordinals == list(range(ordinals[0], date_range.until_date.toordinal() + 1))
    assert begin - 31 < ordinals[0] <= begin
    assert size.unit in {"week", "month"} or ordinals[0] == begin


@given(_selections())
def test_the_windows_of_the_range_stay_as_they_were(
    selection: tuple[DateRange, WindowSize, int],
) -> None:
    """Whole windows come before them; only the first week or month of a range becomes whole."""
    date_range, size, lookback = selection
    alone, cut = cut_windows(date_range, size), _cut(date_range, size, lookback)
    kept = len(alone) - (size.unit in {"week", "month"})
    assert cut[len(cut) - kept :] == alone[len(alone) - kept :]
    assert cut[-1].until_date == alone[-1].until_date
    if size.unit not in {"week", "month"}:
        lengths = {(last - first).days + 1 for first, last in map(_days, cut[: -len(alone)])}
        assert lengths == {(_days(alone[0])[1] - _days(alone[0])[0]).days + 1} or (
            size.days is not None and lengths == {size.days}
        )


@given(_ranges(), _NATURAL, st.integers(1, 1000))
def test_weeks_and_months_before_the_last_are_whole(
    date_range: DateRange, size: WindowSize, lookback: int
) -> None:
    """Only the end of the range can clip one."""
    for first, last in map(_days, _cut(date_range, size, lookback)[:-1]):
        if size.unit == "week":
            assert (first.isoweekday(), last.isoweekday()) == (1, 7)
        else:
            assert (first.day, (last + timedelta(days=1)).day) == (1, 1)


@given(st.dates(date(200, 1, 1), date(9999, 12, 30)), st.integers(1, 100))
def test_two_nights_share_all_their_windows_but_one(today: date, lookback: int) -> None:
    """`--last 1d`: the next night leaves out the oldest day, and adds one."""
    nights = [
        set(_cut(night, WindowSize("days", 1), lookback))
        for night in (
            select_range(None, None, 1, today),
            select_range(None, None, 1, today + timedelta(days=1)),
        )
        if night is not None
    ]
    assert [len(night) for night in nights] == [lookback + 1] * 2
    assert len(nights[0] & nights[1]) == lookback


@given(_selections())
def test_the_size_cuts_the_longer_range_again(
    selection: tuple[DateRange, WindowSize, int],
) -> None:
    """First day, last day and size are all that the manifest keeps of the windows."""
    longer, size = extend_back(*selection)
    cut = cut_windows(longer, size)
    first, last = _days(cut[0])[0], _days(cut[-1])[1]
    assert cut_windows(DateRange(first, last), WindowSize.parse(str(size))) == cut
    if selection[1] == WHOLE:
        assert size_of(cut[0]) == size
    else:
        assert size == selection[1]


@given(_ranges(), st.sampled_from([WHOLE, WindowSize("week"), WindowSize("days", 9)]))
def test_without_lookback_nothing_changes(date_range: DateRange, size: WindowSize) -> None:
    """Neither a range nor the lack of one."""
    assert extend_back(date_range, size, None) == (date_range, size)
    assert extend_back(None, size, None) == (None, size)


@pytest.mark.parametrize("size", ["1d", "week", "month", "whole"])
def test_nothing_comes_before_the_servers_default_window(size: str) -> None:
    """Its days are not known; the message names the option and what it needs."""
    message = r"^--lookback 14d extends a range: give --from and --until, or --last, or leave"
    with pytest.raises(InputError, match=message):
        extend_back(None, WindowSize.parse(size), 14)
    assert size_of(SERVER_DEFAULT) is None


_WEEK = DateRange(date(2026, 11, 16), date(2026, 11, 22))


@pytest.mark.parametrize(
    ("size", "lookback", "remedy"),
    [
        ("whole", 10, "--lookback 7d or 14d, or --window 1d"),
        ("whole", 1, "--lookback 7d, or --window 1d"),
        ("3d", 14, "--lookback 12d or 15d, or --window 1d"),
        ("30d", 14, "--lookback 30d, or --window 1d"),
        ("36599d", MAX_DAYS, "--lookback 36599d, or --window 1d"),
    ],
)
def test_a_lookback_that_would_need_a_part_of_a_window_is_refused(
    size: str, lookback: int, remedy: str
) -> None:
    """The message gives the numbers, and the nearest ones that work."""
    days = 7 if size == "whole" else int(size[:-1])
    with pytest.raises(InputError) as caught:
        extend_back(_WEEK, WindowSize.parse(size), lookback)
    assert str(caught.value) == (
        f"--lookback {lookback}d is no whole number of windows of {days} days "
        f"(--window {size}): give {remedy}"
    )


def test_a_range_of_more_than_a_century_has_no_lookback_as_a_whole() -> None:
    """No number of days that can be given is so long; it must be cut."""
    century = DateRange(date(1800, 1, 1), date(1999, 12, 31))
    with pytest.raises(InputError, match=r"of 73048 days \(--window whole\): give --window 1d$"):
        extend_back(century, WHOLE, MAX_DAYS)


@given(st.dates(max_value=date(2, 1, 1)), st.sampled_from(["1d", "week", "month"]), st.data())
def test_a_lookback_beyond_the_calendar_is_refused(
    first: date, size: str, data: st.DataObject
) -> None:
    """To its first day it may go: that is a Monday, and the first of a month."""
    before = (first - date.min).days
    one_day = DateRange(first, first)
    with pytest.raises(InputError, match=r"begins before the year 1: give fewer days$"):
        extend_back(one_day, WindowSize.parse(size), before + data.draw(st.integers(1, 1000)))
    assume(before > 0)
    longer, _ = extend_back(one_day, WindowSize.parse(size), before)
    assert longer == DateRange(date.min, first)
