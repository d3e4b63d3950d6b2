"""Cells of a plan by their index: one bit for each, and the index of a cell by its key."""

from collections.abc import Iterator

from collector.models import Window
from collector.plan.plan import Plan

__all__ = ["CellIndex", "CellSet"]

_FULL = 0xFF


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

    def absent(self) -> Iterator[int]:
        """Make the indexes of the cells that are not in the set, in order, as they are needed."""
        for position, bits in enumerate(self._bits):
            if bits == _FULL:
                continue
            first = position * 8
            for index in range(first, min(first + 8, self._size)):
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
