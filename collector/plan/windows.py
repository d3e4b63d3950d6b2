"""Date ranges, the windows they are cut into, and the days before them.

Days are `datetime.date`; every range includes both of its ends.
"""

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, Self

from collector.core.cell import SERVER_DEFAULT, Window
from collector.core.errors import InputError
from collector.core.text import quoted

__all__ = [
    "MAX_DAYS",
    "WHOLE",
    "DateRange",
    "WindowSize",
    "clipped_windows",
    "cut_windows",
    "extend_back",
    "parse_days",
    "select_range",
    "size_of",
]

MAX_DAYS: Final = 36_600
"""The longest duration that can be given, in days: a century. More is a typing error."""

_DAYS: Final = re.compile(r"([1-9][0-9]{0,4})d")
"""No leading zeros, so that a duration has one spelling and `str` gives back what was parsed."""


@dataclass(frozen=True, slots=True)
class WindowSize:
    """How a date range is cut: windows of `days` days, ISO weeks, calendar months, or not at all.

    `days` belongs to the unit `days` alone. Raises `ValueError` when the two do not match or
    `days` is not 1 to 36600.
    """

    unit: Literal["days", "week", "month", "whole"]
    days: int | None = None

    def __post_init__(self) -> None:
        """Check that a number of days comes with the unit `days`, and only with it."""
        if (self.unit == "days") != (self.days is not None):
            raise ValueError(f"a window of unit {self.unit} cannot have {self.days} days")
        if self.days is not None and not 1 <= self.days <= MAX_DAYS:
            raise ValueError(f"a window has 1 to {MAX_DAYS} days, not {self.days}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `7d` (any number of days), `week`, `month` or `whole`; else `ValueError`."""
        match text:
            case "week" | "month" | "whole":
                return cls(text)
        days = _match_days(text)
        if days is None:
            raise ValueError(
                f"{quoted(text)} is not a window size: write a number of days such as 7d "
                f"(1d to {MAX_DAYS}d), week (ISO weeks), month (calendar months) or whole"
            )
        return cls("days", days)

    def __str__(self) -> str:
        """Spell the size as `parse` reads it."""
        return self.unit if self.days is None else f"{self.days}d"


WHOLE: Final = WindowSize("whole")
"""One window for the whole range: the default."""


@dataclass(frozen=True, slots=True)
class DateRange:
    """A range of days, both ends included; `ValueError` when it ends before it starts."""

    from_date: date
    until_date: date

    def __post_init__(self) -> None:
        """Check the order of the ends."""
        if self.from_date > self.until_date:
            raise ValueError(f"{self.from_date} is after {self.until_date}")

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.until_date - self.from_date).days + 1


def parse_days(text: str) -> int:
    """Parse a duration of whole days, `1d` to `36600d`; else `ValueError`."""
    days = _match_days(text)
    if days is None:
        raise ValueError(
            f"{quoted(text)} is not a number of days: write a whole number from 1 to "
            f"{MAX_DAYS} and the letter d, such as 7d"
        )
    return days


def _match_days(text: str) -> int | None:
    found = _DAYS.fullmatch(text)
    if found is None or (days := int(found[1])) > MAX_DAYS:
        return None
    return days


def select_range(
    from_date: date | None, until_date: date | None, last: int | None, today: date
) -> DateRange | None:
    """Turn `--from`, `--until` and `--last` (days) into a range; None when none is given.

    `last` days end with the day before `today`, the last one that is over. Dates after
    `today` are taken as they are: clocks and time zones differ by a day, notifications may be
    scheduled, and cutting the range silently would collect something else than was asked for.
    Raises `InputError` for a combination that names no range.
    """
    if last is not None:
        if from_date is not None or until_date is not None:
            raise InputError(
                "--last cannot be combined with --from or --until: "
                "give --last alone, or both --from and --until"
            )
        return _last_days(last, today)
    if from_date is None and until_date is None:
        return None
    if from_date is None or until_date is None:
        given, absent = ("--until", "--from") if from_date is None else ("--from", "--until")
        raise InputError(
            f"{given} needs {absent}: give both (both days are included), or --last 7d instead"
        )
    if from_date > until_date:
        raise InputError(
            f"--from {from_date} is after --until {until_date}: "
            "give the earlier day as --from and the later one as --until"
        )
    return DateRange(from_date, until_date)


def _last_days(last: int, today: date) -> DateRange:
    if last < 1:
        raise InputError(f"--last {last:d}d names no day: give at least 1d")
    first = today.toordinal() - last
    if first < date.min.toordinal():
        raise InputError(f"--last {last:d}d begins before the year 1: give fewer days")
    return DateRange(date.fromordinal(first), date.fromordinal(today.toordinal() - 1))


def cut_windows(date_range: DateRange | None, size: WindowSize) -> tuple[Window, ...]:
    """Cut a range into consecutive windows that cover each of its days exactly once.

    ISO weeks and calendar months are clipped to the range; windows of N days start at its first
    day, and the last of them may be shorter. Without a range there is one window,
    `SERVER_DEFAULT`. Raises `InputError` when there is no range but a size other than `whole`.
    """
    if date_range is None:
        if size != WHOLE:
            raise InputError(
                f"--window {size} cuts a range: give --from and --until, or --last, "
                "or leave --window out"
            )
        return (SERVER_DEFAULT,)
    return tuple(_windows(date_range, size))


def clipped_windows(windows: Sequence[Window], size: WindowSize) -> frozenset[Window]:
    """Return those of the windows of `cut_windows` that have fewer days than their size.

    They are the first or the last: a week or a month that begins before the range or ends after it,
    or the rest of a range that is no whole number of windows.
    """
    return frozenset(one for one in (*windows[:1], *windows[-1:]) if _is_clipped(one, size))


def _is_clipped(window: Window, size: WindowSize) -> bool:
    if window.from_date is None or window.until_date is None:
        return False
    last = window.until_date.toordinal()
    return (
        _first_day(window.from_date, size) < window.from_date
        or _natural_end(window.from_date, size, last) > last
    )


def _windows(date_range: DateRange, size: WindowSize) -> Iterator[Window]:
    # Ordinals, not dates: the end of a week or the day after a window may lie beyond date.max.
    last = date_range.until_date.toordinal()
    start = date_range.from_date.toordinal()
    while start <= last:
        first_day = date.fromordinal(start)
        end = min(_natural_end(first_day, size, last), last)
        yield Window(first_day, date.fromordinal(end))
        start = end + 1


def _natural_end(first_day: date, size: WindowSize, last: int) -> int:
    """Return the ordinal of the last day of the window from `first_day`, before clipping."""
    start = first_day.toordinal()
    if size.days is not None:
        return start + size.days - 1
    match size.unit:
        case "week":
            return start + 7 - first_day.isoweekday()
        case "month":
            _, length = monthrange(first_day.year, first_day.month)
            return start + length - first_day.day
        case _:
            return last


def size_of(window: Window) -> WindowSize | None:
    """Return the size that a window is cut by: its days; None for the server's default."""
    if window.from_date is None or window.until_date is None:
        return None
    return WindowSize("days", DateRange(window.from_date, window.until_date).days)


_FIRST: Final = date.min.toordinal()


def extend_back(
    date_range: DateRange | None, size: WindowSize, lookback: int | None
) -> tuple[DateRange | None, WindowSize]:
    """Extend a range into the past by `lookback` days; return it and the size of its windows.

    Windows of days stay where they are, and others of the same length precede them; a `whole` range
    is one such window, so that its size becomes its own number of days. Weeks and months begin on
    their first day, also the one in which the range begins, so there may be more days than
    requested. Without `lookback` nothing changes.

    Raises `InputError` when there is no range, when the days make no whole number of windows, and
    when they begin before the year 1.
    """
    if lookback is None:
        return date_range, size
    if date_range is None:
        raise InputError(
            f"--lookback {lookback:d}d extends a range: give --from and --until, or --last, "
            "or leave --lookback out"
        )
    _check_windows(date_range, size, lookback)
    first = date_range.from_date.toordinal() - lookback
    if first < _FIRST:
        raise InputError(f"--lookback {lookback:d}d begins before the year 1: give fewer days")
    start = _first_day(date.fromordinal(first), size)
    if size == WHOLE:
        size = WindowSize("days", date_range.days)
    return DateRange(start, date_range.until_date), size


def _first_day(day: date, size: WindowSize) -> date:
    """Return the day that the week or month of a day begins with; else the day."""
    match size.unit:
        case "week":
            # Never before date.min, which is a Monday.
            return date.fromordinal(day.toordinal() - day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return day


def _check_windows(date_range: DateRange, size: WindowSize, lookback: int) -> None:
    if size.unit in {"week", "month"}:
        return
    days = size.days or date_range.days
    if lookback % days == 0:
        return
    below = lookback - lookback % days
    fitting = [f"{n:d}d" for n in (below, below + days) if 0 < n <= MAX_DAYS]
    remedy = f"--lookback {' or '.join(fitting)}, or " if fitting else ""
    raise InputError(
        f"--lookback {lookback:d}d is no whole number of windows of {days} days (--window {size}): "
        f"give {remedy}--window 1d"
    )
