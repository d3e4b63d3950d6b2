"""Which days a statistics request asks for."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

__all__ = ["DEFAULT_DAYS", "MAX_DAYS", "asked_days", "last_days"]

DEFAULT_DAYS: Final = 7
"""Days of an answer to a request without dates; the last of them is the server's today."""

MAX_DAYS: Final = 3660
"""Longest range that is answered, about ten years: it bounds the work of one request."""

_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def last_days(today: date) -> range:
    """Give the ordinals of the `DEFAULT_DAYS` days that end with `today`, `today` included."""
    end = today.toordinal() + 1
    return range(end - DEFAULT_DAYS, end)


def asked_days(
    first: Sequence[str], last: Sequence[str], *, until_exclusive: bool, today: date
) -> range | str:
    """Give the ordinals of the days asked for, or the reason why there is no answer.

    `first` and `last` are the values of the two query parameters, in the order they came. With
    `until_exclusive` the same day twice is a range of no days.
    """
    if not first and not last:
        return last_days(today)
    if len(first) != 1 or len(last) != 1:
        return "both ends of the date range are needed, each exactly once"
    begin, end = _ordinal(first[0]), _ordinal(last[0])
    if begin is None or end is None:
        return "a date is not a day in the form YYYY-MM-DD"
    if begin > end:
        return "the date range ends before it begins"
    days = range(begin, end if until_exclusive else end + 1)
    if len(days) > MAX_DAYS:
        return f"the date range is longer than {MAX_DAYS} days"
    return days


def _ordinal(text: str) -> int | None:
    """Read a day; `date.fromisoformat` alone would also take `20260101` and `2026-W01-1`."""
    if not _ISO.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text).toordinal()
    except ValueError:
        return None
