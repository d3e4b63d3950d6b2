"""Days before a range that are collected again, cut into windows like those of the range."""

from datetime import date
from typing import Final

from collector.errors import InputError
from collector.plan.windows import MAX_DAYS, WHOLE, DateRange, WindowSize

__all__ = ["look_back"]

_FIRST: Final = date.min.toordinal()


def look_back(
    date_range: DateRange | None, size: WindowSize, lookback: int | None
) -> tuple[DateRange | None, WindowSize]:
    """Extend a range to the left by `lookback` days, and say what the longer one is cut by.

    Windows of days stay where they were, with others of the same length before them; a `whole`
    range is one such window, so that its size becomes its own number of days. Weeks and months
    begin on their first day, the one that the range begins in among them; so there may be more
    days than were asked for. Without `lookback` nothing changes.

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
