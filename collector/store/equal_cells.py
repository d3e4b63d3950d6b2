"""Cells that are equal in two runs, found while both are read."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from collector.store.lines import answer_at
from collector.store.rows import BITS, Row

__all__ = ["CellTwiceError", "EqualCells", "Pile", "bytes_of"]

_WINDOW: Final = (1 << BITS) - 1


class Pile(IntEnum):
    """A set of lines: the newest of a cell is kept in each pile, and two piles are compared."""

    OLD = 0
    NEW = 1


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
        # Four companies of a window are one byte.
        self._read: defaultdict[int, bytearray] = defaultdict(bytearray)

    def leave_out(self, rows: list[Row], pile: Pile) -> Iterable[Row]:
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
        for cell in added.keys() & others.keys():
            one, other = added[cell][2], others[cell][2]
            if one[answer_at(one) :] == other[answer_at(other) :]:
                self._record(cell, 0b11)
                self.equal[cell & _WINDOW] += 1
                del own[cell], others[cell]
                self._bytes[pile] -= len(one)
                self._bytes[not pile] -= len(other)
        return self.rest(pile) if self._bytes[pile] > self._size else ()

    def rest(self, pile: Pile) -> list[Row]:
        """Return all rows of a pile that wait, and raise as `leave_out` does."""
        rows = list(self._waiting[pile].values())
        self._waiting[pile].clear()
        self._bytes[pile] = 0
        for cell, _, _ in rows:
            self._record(cell, 1 << pile)
        return rows

    def _record(self, cell: int, piles: int) -> None:
        read = self._read[cell & _WINDOW]
        place, shift = cell >> BITS + 2, (cell >> BITS & 3) * 2
        if place >= len(read):
            read.extend(bytes(place + 1 - len(read)))
        if read[place] >> shift & piles:
            raise CellTwiceError
        read[place] |= piles << shift


def bytes_of(rows: Iterable[Row]) -> int:
    """Return the bytes of the lines of rows."""
    return sum(len(line) for _, _, line in rows)
