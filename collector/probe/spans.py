"""Which days are asked for in order to find out what dates mean."""

from datetime import date, timedelta
from typing import Final, NamedTuple

from collector.cells import Window

__all__ = [
    "DAY",
    "FAR_PAST",
    "LONG_AGO",
    "Span",
    "recent_span",
    "settled_span",
    "short_settled_span",
]

DAY: Final = timedelta(days=1)

FAR_PAST: Final = Window(date(2001, 1, 1), date(2001, 1, 7))
"""Before the service existed: there can be no data, and certainly not those of the last days."""

LONG_AGO: Final = Window(date(2002, 2, 1), date(2002, 2, 3))
"""Another such window, of another length: two coincidences are none."""

_SETTLED_DAYS: Final = 31
"""Figures of days that are older hardly move any more."""

_DECEMBER: Final = 12


class Span(NamedTuple):
    """Days from `first` to `last`, cut for the first time after `split`."""

    first: date
    split: date
    last: date

    @property
    def window(self) -> Window:
        """The whole of it as a window."""
        return Window(self.first, self.last)


def settled_span(today: date) -> Span:
    """Return the 1st to the 28th of the last month whose figures have settled, cut at the 12th.

    Whoever takes the day for the month, and guesses right from the 13th on, has a gap at that cut.
    Not in December, for 12/12 is the same either way.
    """
    last = today - timedelta(days=_SETTLED_DAYS)
    if last.day < 28:  # noqa: PLR2004 - the last day that every month has
        last = last.replace(day=1) - DAY
    if last.month == _DECEMBER:
        last = last.replace(day=1) - DAY
    return Span(last.replace(day=1), last.replace(day=12), last.replace(day=28))


def short_settled_span(today: date) -> Span:
    """Return six days of the same month, for servers that refuse more at once."""
    _, split, _ = settled_span(today)
    return Span(split - 2 * DAY, split, split + 3 * DAY)


def recent_span(today: date) -> Span:
    """Return the days that a window of the last 7 days lies in, wherever its day begins.

    And the day after them, for a server that leaves out `until`.
    """
    return Span(today - 8 * DAY, today - 4 * DAY, today + 2 * DAY)
