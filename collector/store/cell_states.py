"""The state of every cell of a plan, in two bits, and four more where cells have failed."""

import re
from collections import Counter
from collections.abc import Iterator
from mmap import mmap
from typing import Final

from collector.core.cell import CellState
from collector.core.outcome import FailureKind
from collector.plan import CellSet

__all__ = ["CellStates"]

_KINDS: Final = (None, *FailureKind)
"""The place of a kind is written with four bits; 0 is no failure."""

# A loop over single cells takes three times as long.
_ABSENT: Final = re.compile("0+")
# Without a reference to a group: that would keep a state for each cell of a range.
_ALIKE: Final = re.compile("|".join(f"{place:x}+" for place in range(len(_KINDS))))


class CellStates:
    """The state of each of `size` cells: missing if it is not answered and has not failed.

    `empty` are the cells whose answer is empty, `answered` those that have one; the caller adds to
    these two. Answers come before failures: a cell that has an answer never fails.
    """

    def __init__(self, size: int, answered: CellSet) -> None:
        self.answered: Final = answered
        self.empty: Final = CellSet(size)
        self.failed: Final[Counter[FailureKind]] = Counter()
        self._size = size
        self._kinds: mmap | None = None

    def fail(self, index: int, kind: FailureKind) -> None:
        """Record that a cell has failed, unless it has an answer; the last kind counts."""
        if index in self.answered:
            return
        if self._kinds is None:
            # The kernel provides pages as they are written: where no cell fails there is no memory.
            self._kinds = mmap(-1, (self._size + 1) // 2)
        # The even cell has the upper half: `hex` then has a digit for each cell, in their order.
        shift = 0 if index & 1 else 4
        pair = self._kinds[index >> 1]
        if before := _KINDS[pair >> shift & 0xF]:
            self.failed[before] -= 1
        self.failed[kind] += 1
        self._kinds[index >> 1] = pair & 0xF0 >> shift | _KINDS.index(kind) << shift

    def counts(self) -> dict[CellState, int]:
        """Count the cells by state."""
        failed = self.failed.total()
        return {
            CellState.DATA: len(self.answered) - len(self.empty),
            CellState.EMPTY: len(self.empty),
            CellState.FAILED: failed,
            CellState.MISSING: self._size - len(self.answered) - failed,
        }

    def gaps(self, cells: range) -> Iterator[tuple[range, FailureKind | None]]:
        """Yield the ranges of neighbours among cells without an answer, with their kind.

        Neighbours of another kind are another range; missing ones have no kind.
        """
        first, digits = cells.start, self._digits(cells)
        for gap in _ABSENT.finditer(self.answered.flags(first, cells.stop)):
            for alike in _ALIKE.finditer(digits, *gap.span()):
                kind = _KINDS[int(digits[alike.start()], 16)]
                yield range(first + alike.start(), first + alike.end()), kind

    def _digits(self, cells: range) -> str:
        """Return a hexadecimal digit for each cell: the place of its kind."""
        if self._kinds is None:
            return "0" * len(cells)
        digits = self._kinds[cells.start >> 1 : (cells.stop + 1) >> 1].hex()
        return digits[cells.start & 1 :][: len(cells)]
