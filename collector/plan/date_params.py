"""How a window of days is put into the query of a request: names, spelling, and where it ends.

The vendor documents none of it, so all of it can be set, and is verified (`collector.dates.probe`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal, get_args

from collector.core.cell import Window
from collector.core.errors import InputError
from collector.core.text import days_text

__all__ = ["DATE_FORMATS", "MOMENTS", "DateFormat", "DateQuery"]

DateFormat = Literal[
    "YYYY-MM-DD",
    "YYYY-MM-DDThh:mm:ss",
    "YYYY-MM-DDThh:mm:ssZ",
    "YYYY-MM-DD hh:mm:ss",
    "DD/MM/YYYY",
    "DD-MM-YYYY",
    "MM/DD/YYYY",
    "epoch",
    "epoch-ms",
    "YYYYMMDD",
]
"""How a day is spelled; `epoch` counts seconds, `epoch-ms` milliseconds, since 1970 in UTC.

`YYYYMMDD` comes last when they are tried: a server that counts takes it for a moment of 1970.
"""

DATE_FORMATS: Final[tuple[DateFormat, ...]] = get_args(DateFormat)
"""All of them, the likely ones first."""

_SPELLINGS: Final = {
    "YYYY-MM-DD": "{year}-{month}-{day}",
    "YYYY-MM-DDThh:mm:ss": "{year}-{month}-{day}T{time}",
    "YYYY-MM-DDThh:mm:ssZ": "{year}-{month}-{day}T{time}Z",
    "YYYY-MM-DD hh:mm:ss": "{year}-{month}-{day} {time}",
    "YYYYMMDD": "{year}{month}{day}",
    "DD/MM/YYYY": "{day}/{month}/{year}",
    "DD-MM-YYYY": "{day}-{month}-{year}",
    "MM/DD/YYYY": "{month}/{day}/{year}",
}
MOMENTS: Final = frozenset({"YYYY-MM-DDThh:mm:ssZ", "epoch", "epoch-ms"})
"""Spellings of moments: which ones a day has depends on a time zone."""

_NUMERIC: Final = frozenset({"DD/MM/YYYY", "DD-MM-YYYY", "MM/DD/YYYY"})

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_MIDNIGHT: Final = time()
_LAST_SECOND: Final = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class DateQuery:
    """The two parameters that carry a window.

    With `until_exclusive` the last day is sent as the day after it, for a server that leaves out
    `until`. Otherwise spellings that have a time of day send its last second. `zone` is where days
    begin and end for spellings that are moments; None is the machine's time zone.
    """

    from_param: str
    until_param: str
    date_format: DateFormat = "YYYY-MM-DD"
    until_exclusive: bool = False
    zone: tzinfo | None = field(default=None, compare=False)

    def __str__(self) -> str:
        """Show it for people: `from_date/until_date as YYYY-MM-DD`."""
        return f"{self.from_param}/{self.until_param} as {self.date_format}"

    def as_given(self) -> "DateQuery":
        """Return the query that sends the last day as it is, to find out what that means."""
        return replace(self, until_exclusive=False)

    @property
    def mistakes_day_for_month(self) -> bool:
        """Whether a reader can take the day for the month, and the month for the day."""
        return self.date_format in _NUMERIC

    def parameters(self, window: Window) -> dict[str, str]:
        """Return the parameters of a window; none for the server's default one.

        Raises `OverflowError` for days at the ends of the calendar; see `check`.
        """
        if window.from_date is None or window.until_date is None:
            return {}
        return {
            self.from_param: self._spell(window.from_date, _MIDNIGHT),
            self.until_param: (
                self._spell(window.until_date + _DAY, _MIDNIGHT)
                if self.until_exclusive
                else self._spell(window.until_date, _LAST_SECOND)
            ),
        }

    def check(self, windows: Sequence[Window]) -> None:
        """Raise `InputError` if the days of windows, in ascending order, cannot be sent."""
        first, last = windows[0], windows[-1]
        try:
            self.parameters(first)
            self.parameters(last)
            skipped = next((window for window in windows if self._is_skipped(window)), None)
        except (OverflowError, ValueError) as error:
            raise InputError(
                f"{days_text(first.from_date, last.until_date)} cannot be sent {self}: it is at "
                "the end of the calendar; give other days"
            ) from error
        if skipped is not None:
            zone = self.zone or "the time zone of this machine"
            raise InputError(
                f"{skipped.from_date} cannot be sent {self}: {zone} skipped that day; "
                "give other days, or a window that is longer"
            )

    def _is_skipped(self, window: Window) -> bool:
        """Return whether a time zone has left out a window, as Samoa did with 2011-12-30."""
        if self.date_format not in MOMENTS or window.from_date is None or window.until_date is None:
            return False
        return self._midnight(window.from_date) >= self._midnight(window.until_date + _DAY)

    def _spell(self, day: date, at: time) -> str:
        if self.date_format in MOMENTS:
            moment = self._midnight(day)
            if at == _LAST_SECOND:
                # Where clocks are set back at midnight, 23:59:59 comes twice.
                moment = self._midnight(day + _DAY) - _SECOND
            if self.date_format == "epoch":
                return str(_seconds(moment))
            if self.date_format == "epoch-ms":
                return str(_seconds(moment) * 1000 + (999 if at == _LAST_SECOND else 0))
            day, at = moment.date(), moment.time()
        year, month, number = day.isoformat().split("-")
        spelling = _SPELLINGS[self.date_format]
        return spelling.format(year=year, month=month, day=number, time=at.isoformat())

    def _midnight(self, day: date) -> datetime:
        """Return when a day begins, in UTC; where clocks skip midnight, that is when they do."""
        naive = datetime.combine(day, _MIDNIGHT)
        return (naive if self.zone is None else naive.replace(tzinfo=self.zone)).astimezone(UTC)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _seconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _SECOND
