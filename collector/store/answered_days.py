"""The days that answers of any number of runs cover, for each company of a list."""

import math
from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import pairwise
from operator import itemgetter
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from collector.plan import DateRange
from collector.plan.company_table import place_finder
from collector.store.lines import ResultLine

__all__ = ["AnsweredDays", "Uncovered"]

_day_after: Final = itemgetter(0)


class Uncovered(NamedTuple):
    """Consecutive days that no answer covers for the same companies.

    `companies` has a bit for each of them, at its place in the list.
    """

    days: DateRange
    companies: int

    def places(self) -> Iterator[int]:
        """Yield the places of the companies, in order."""
        size = (self.companies.bit_length() + 7) // 8
        for position, byte in enumerate(self.companies.to_bytes(size, "little")):
            left = byte
            while left:
                yield position * 8 + (left & -left).bit_length() - 1
                left &= left - 1


class AnsweredDays:
    """Which days of which companies have an answer: a day is covered by any window that has it.

    A day that was not over yet in `zone` (None is the machine's) when its answer was fetched is not
    covered: its figures are those of a part of it.

    Takes one bit of memory per company and window, and 16 to 32 bytes per company.
    """

    def __init__(self, ids: Sequence[str], zone: ZoneInfo | None) -> None:
        self._place: Final = place_finder(ids)
        self._every: Final = (1 << len(ids)) - 1
        self._size: Final = (len(ids) + 7) // 8
        self._zone: Final = zone
        self._quarter, self._over = -math.inf, ""
        self._columns: Final[dict[tuple[str, str], bytearray]] = {}
        self._windows: Final[list[tuple[int, int, bytearray]]] = []
        """The same columns by the day after the window, and its first day; both are ordinals."""

    def add(self, line: ResultLine) -> None:
        """Add an answer. That of another company, or without dates, covers nothing."""
        if line.from_date is None or line.until_date is None:
            return
        place = self._place(line.company_id)
        if place is None:
            return
        # A day ends on a quarter of an hour in every zone; to convert each moment takes 4 us.
        quarter = line.fetched_at.timestamp() // 900
        if quarter != self._quarter:
            self._quarter, self._over = quarter, _last_day_over(line.fetched_at, self._zone)
        self._cover(place, (line.from_date, min(line.until_date, self._over)))

    def cover(self, place: int, days: DateRange) -> None:
        """Count days of the company at a place of the list as covered."""
        self._cover(place, (days.from_date.isoformat(), days.until_date.isoformat()))

    def _cover(self, place: int, window: tuple[str, str]) -> None:
        column = self._columns.get(window)
        if column is None:
            column = self._columns[window] = bytearray(self._size)
            with suppress(ValueError):  # in a line that the collector did not write
                first, last = (date.fromisoformat(day).toordinal() for day in window)
                insort(self._windows, (last + 1, first, column), key=_day_after)
        column[place >> 3] |= 1 << (place & 7)

    def uncovered(self, days: DateRange) -> Iterator[Uncovered]:
        """Yield the uncovered days of a range in order; those of the same companies are joined.

        Windows that end before the range take no time.
        """
        found: Uncovered | None = None
        for between, covered in self._covered(days):
            companies = self._every & ~covered
            if found is not None and found.companies == companies:
                found = Uncovered(DateRange(found.days.from_date, between.until_date), companies)
                continue
            if found is not None and found.companies:
                yield found
            found = Uncovered(between, companies)
        if found is not None and found.companies:
            yield found

    def _covered(self, days: DateRange) -> Iterator[tuple[DateRange, int]]:
        """Yield the range in pieces in which no window begins or ends, and their companies."""
        begin, end = days.from_date.toordinal(), days.until_date.toordinal() + 1
        starting: dict[int, list[tuple[int, bytearray]]] = {}
        edges = {begin, end}
        reaching = bisect_right(self._windows, begin, key=_day_after)
        for day_after, first_day, column in self._windows[reaching:]:
            first, after = max(first_day, begin), min(day_after, end)
            if first < after:
                starting.setdefault(first, []).append((after, column))
                edges.update((first, after))
        active: list[tuple[int, bytearray]] = []
        for first, after in pairwise(sorted(edges)):
            active = [window for window in active if window[0] > first]
            active += starting.get(first, [])
            covered = 0
            for _, column in active:
                covered |= int.from_bytes(column, "little")
            yield DateRange(date.fromordinal(first), date.fromordinal(after - 1)), covered


def _last_day_over(moment: datetime, zone: ZoneInfo | None) -> str:
    """Return the last day that was over at a moment; none is before the calendar."""
    try:
        return (moment.astimezone(zone).date() - timedelta(1)).isoformat()
    except OverflowError:
        return ""
