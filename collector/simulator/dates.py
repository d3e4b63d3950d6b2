"""Which days a statistics request asks for."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from collector.date_query import DateFormat
from collector.simulator.spellings import DAY, NOON, is_moment, read_date

__all__ = ["DEFAULT_DAYS", "MAX_DAYS", "asked_days", "last_days"]

DEFAULT_DAYS: Final = 7
"""Days of an answer to a request without dates; the last of them is the server's today."""

MAX_DAYS: Final = 3660
"""Longest range that is answered, about ten years: it bounds the work of one request."""


def last_days(today: date) -> range:
    """Give the ordinals of the `DEFAULT_DAYS` days that end with `today`, `today` included."""
    end = today.toordinal() + 1
    return range(end - DEFAULT_DAYS, end)


def asked_days(
    first: Sequence[str],
    last: Sequence[str],
    *,
    until_exclusive: bool,
    today: date,
    date_format: DateFormat = "YYYY-MM-DD",
) -> range | str:
    """Give the ordinals of the days asked for, or the reason why there is no answer.

    `first` and `last` are the values of the two query parameters, in the order they came; only
    `date_format` is read. With `until_exclusive` the same date twice is a range of no days.
    """
    if not first and not last:
        return last_days(today)
    if len(first) != 1 or len(last) != 1:
        return "both ends of the date range are needed, each exactly once"
    begin, end = read_date(first[0], date_format), read_date(last[0], date_format)
    if begin is None or end is None:
        kind = "moment" if is_moment(date_format) else "day"
        return f"a date is not a {kind} in the form {date_format}"
    if not is_moment(date_format):
        # The time of day, if there is one, is cut off, as SQL's `::date` does.
        begin, end = begin // DAY, end // DAY
    if begin > end:
        return "the date range ends before it begins"
    end += not until_exclusive
    days = _with_noon_in(begin, end) if is_moment(date_format) else range(begin, end)
    if len(days) > MAX_DAYS:
        return f"the date range is longer than {MAX_DAYS} days"
    return days


def _with_noon_in(begin: int, end: int) -> range:
    """Give the days whose noon in UTC is at `begin` or later, and before `end`.

    Asking for the noon gives whole days also to a client whose days begin in another time zone,
    as long as that is less than half a day away.
    """
    return range(*(-((NOON - moment) // DAY) for moment in (begin, end)))
