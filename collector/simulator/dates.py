"""Which days a statistics request asks for, in the one spelling that the server expects.

This parser is independent of the code with which the collector writes dates: the two agree only
if both are right.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from collector.plan.date_params import DateFormat

__all__ = [
    "DAY",
    "DEFAULT_DAYS",
    "MAX_DAYS",
    "NOON",
    "asked_days",
    "is_moment",
    "last_days",
    "read_date",
]

DEFAULT_DAYS: Final = 7
"""Days of an answer to a request without dates; the last of them is the server's today."""

MAX_DAYS: Final = 3660
"""Longest range that is answered, about ten years: it bounds the work of one request."""


def last_days(today: date) -> range:
    """Return the ordinals of the `DEFAULT_DAYS` days that end with `today`, `today` included."""
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
    """Return the ordinals of the requested days, or the reason why there is no answer.

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
    """Return the days whose noon in UTC is at `begin` or later, and before `end`.

    The noon selects whole days also for a client whose days begin in another time zone, as long as
    that is less than half a day away.
    """
    return range(*(-((NOON - moment) // DAY) for moment in (begin, end)))


DAY: Final = 86_400_000
"""Milliseconds of a day."""

NOON: Final = DAY // 2
"""Milliseconds from the beginning of a day to its noon."""

_ISO: Final = r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"
_TIME: Final = r"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"

_WRITTEN: Final[dict[DateFormat, str]] = {
    "YYYY-MM-DD": _ISO,
    "YYYY-MM-DDThh:mm:ss": f"{_ISO}T{_TIME}",
    "YYYY-MM-DDThh:mm:ssZ": f"{_ISO}T{_TIME}Z",
    "YYYY-MM-DD hh:mm:ss": f"{_ISO} {_TIME}",
    "YYYYMMDD": r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
    "DD/MM/YYYY": r"(?P<day>\d{2})/(?P<month>\d{2})/(?P<year>\d{4})",
    "DD-MM-YYYY": r"(?P<day>\d{2})-(?P<month>\d{2})-(?P<year>\d{4})",
    "MM/DD/YYYY": r"(?P<month>\d{2})/(?P<day>\d{2})/(?P<year>\d{4})",
}

_COUNTED: Final[dict[DateFormat, int]] = {"epoch": 1000, "epoch-ms": 1}
"""Milliseconds of the unit in which a spelling counts from 1970."""

_MOMENTS: Final[frozenset[DateFormat]] = frozenset({"YYYY-MM-DDThh:mm:ssZ", *_COUNTED})

# Fifteen digits hold every millisecond of the calendar. More are refused before they are
# computed with: Python itself refuses to read a number of thousands of digits.
_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,14}")

_EPOCH: Final = date(1970, 1, 1).toordinal() * DAY
_CALENDAR: Final = range(DAY, (date.max.toordinal() + 1) * DAY)
"""The milliseconds of the years 1 to 9999."""


def is_moment(date_format: DateFormat) -> bool:
    """Tell whether a spelling names a moment of UTC, and not a day of a calendar."""
    return date_format in _MOMENTS


def read_date(text: str, date_format: DateFormat) -> int | None:
    """Read a date in one spelling; None if it has another one, or is not in the calendar.

    Counts milliseconds, day by day from proleptic Gregorian ordinals: the ordinal is the result
    divided by `DAY`, the time of day what is left over.
    """
    if date_format in _COUNTED:
        return _counted(text, _COUNTED[date_format])
    return _written(text, _WRITTEN[date_format])


def _counted(text: str, unit: int) -> int | None:
    """Read a count of units since 1970."""
    if not _WHOLE.fullmatch(text):
        return None
    milliseconds = _EPOCH + int(text) * unit
    return milliseconds if milliseconds in _CALENDAR else None


def _written(text: str, pattern: str) -> int | None:
    """Read a day, and the time of day if the spelling has one."""
    # Without ASCII, `\d` would also be the digits of every other script.
    found = re.fullmatch(pattern, text, re.ASCII)
    if not found:
        return None
    parts = {name: int(digits) for name, digits in found.groupdict().items()}
    try:
        moment = datetime(**parts, tzinfo=UTC)
    except ValueError:
        return None
    seconds = (moment.hour * 60 + moment.minute) * 60 + moment.second
    return moment.toordinal() * DAY + seconds * 1000
