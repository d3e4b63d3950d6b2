"""Cells of a plan by their index: one bit for each, and the index of a cell by its key."""

from collections import deque
from collections.abc import Iterator
from typing import Final

from collector.models import Cell, Window
from collector.plan.plan import Plan

__all__ = ["CellIndex", "CellSet", "absent_in_turns"]

_FULL: Final = 0xFF

_ABREAST: Final = 64
"""Companies that take turns."""


class CellSet:
    """A set of indexes of cells, from 0 to `size` - 1, as one bit each."""

    def __init__(self, size: int) -> None:
        self._bits = bytearray((size + 7) // 8)
        self._size = size
        self._count = 0

    def __len__(self) -> int:
        """Count the cells that are in the set."""
        return self._count

    def __contains__(self, index: int) -> bool:
        """Tell whether a cell is in the set."""
        return bool(self._bits[index >> 3] & 1 << (index & 7))

    def add(self, index: int) -> bool:
        """Put a cell in; False when it was there already."""
        position, bit = index >> 3, 1 << (index & 7)
        if self._bits[position] & bit:
            return False
        self._bits[position] |= bit
        self._count += 1
        return True

    def absent(self, begin: int = 0, end: int | None = None) -> Iterator[int]:
        """Make the indexes of the cells that are not in the set, in order, as they are needed.

        Only those from `begin` to before `end` are looked at.
        """
        end = self._size if end is None else min(end, self._size)
        for position in range(begin >> 3, (end + 7) >> 3):
            bits = self._bits[position]
            if bits == _FULL:
                continue
            first = position * 8
            for index in range(max(first, begin), min(first + 8, end)):
                if not bits & 1 << (index & 7):
                    yield index


class CellIndex:
    """Finds the index of a cell by its key as it stands in a line.

    Costs about 80 bytes a company; keep it no longer than there are lines to read.
    """

    def __init__(self, plan: Plan) -> None:
        self._companies = {company_id: i for i, company_id in enumerate(plan.companies.ids)}
        self._windows = {_days(window): i for i, window in enumerate(plan.windows)}
        self._width = len(plan.windows)

    def find(self, company_id: str, from_date: str | None, until_date: str | None) -> int | None:
        """Return where the cell stands in the plan; None if it is not in it. Dates are ISO."""
        company = self._companies.get(company_id)
        window = self._windows.get((from_date, until_date))
        if company is None or window is None:
            return None
        return company * self._width + window


def _days(window: Window) -> tuple[str | None, str | None]:
    if window.from_date is None or window.until_date is None:
        return None, None
    return window.from_date.isoformat(), window.until_date.isoformat()


def absent_in_turns(done: CellSet, plan: Plan) -> Iterator[Cell]:
    """Make the cells of a plan that are not in the set, as they are needed: one a company in turn.

    64 companies take turns, window by window, until all of theirs are made. So a company that the
    server treats otherwise than the rest is never all that is asked for.
    """
    width = len(plan.windows)
    for begin in range(0, len(plan), _ABREAST * width):
        end = min(begin + _ABREAST * width, len(plan))
        if next(done.absent(begin, end), None) is None:
            continue
        turns = deque(_absent_of(done, plan, first // width) for first in range(begin, end, width))
        while turns:
            company = turns.popleft()
            cell = next(company, None)
            if cell is not None:
                turns.append(company)
                yield cell


def _absent_of(done: CellSet, plan: Plan, company: int) -> Iterator[Cell]:
    """Make the cells of one company that are not in the set, as they are needed."""
    company_id, first = plan.companies.ids[company], company * len(plan.windows)
    for index in done.absent(first, first + len(plan.windows)):
        yield Cell(company_id, plan.windows[index - first])
