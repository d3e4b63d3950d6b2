"""Cells that are equal in two runs, found while both are read."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final

from collector.store.cell_marks import CellMarks
from collector.store.lines import answer_at
from collector.store.rows import WINDOW, Row, bytes_of
from collector.store.stored_lines import Pile

__all__ = ["CellTwiceError", "EqualCells"]


class CellTwiceError(Exception):
    """A run has two lines of a cell."""


class EqualCells:
    """Leaves out cells whose answers are equal byte for byte in both piles, and counts them.

    A line waits for that of the other pile while `size` bytes of lines of its own pile wait. Takes
    two bits per cell, which say in which pile it was read. `equal` counts by window.
    """

    def __init__(self, size: int) -> None:
        self.equal: Final[Counter[int]] = Counter()
        self._size = size
        self._waiting: tuple[dict[int, Row], dict[int, Row]] = {}, {}
        self._bytes = [0, 0]
        self._read = CellMarks()

    def leave_out(self, rows: list[Row], pile: Pile) -> Collection[Row]:
        """Take the next rows of a pile; return those that wait no longer.

        Raises `CellTwiceError` if the pile has another row of a cell of those that it returns or
        leaves out.
        """
        own, others = self._waiting[pile], self._waiting[not pile]
        added = {row[0]: row for row in rows}
        if len(added) < len(rows) or not own.keys().isdisjoint(added):
            raise CellTwiceError
        own |= added
        self._bytes[pile] += bytes_of(rows)
        equal = []
        for cell in added.keys() & others.keys():
            one, other = added[cell][2], others[cell][2]
            if one[answer_at(one) :] == other[answer_at(other) :]:
                equal.append(cell)
                del own[cell], others[cell]
                self._bytes[pile] -= len(one)
                self._bytes[not pile] -= len(other)
        self._record(equal, 0b11)
        self.equal.update(cell & WINDOW for cell in equal)
        return self.rest(pile) if self._bytes[pile] > self._size else ()

    def rest(self, pile: Pile) -> Collection[Row]:
        """Return all rows of a pile that wait, and raise as `leave_out` does."""
        rows = list(self._waiting[pile].values())
        self._waiting[pile].clear()
        self._bytes[pile] = 0
        self._record((row[0] for row in rows), 1 << pile)
        return rows

    def _record(self, cells: Iterable[int], piles: int) -> None:
        if any(before & piles for before in self._read.add(cells, piles)):
            raise CellTwiceError
