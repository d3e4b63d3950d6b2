"""Two marks for each cell, of any number of companies and windows."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from collector.store.rows import BITS, WINDOW

__all__ = ["CellMarks"]

# Bit 0 of each cell becomes its bit 1, which stays if it was set.
_SHIFTED: Final = bytes((byte & 0b01010101) << 1 | (byte & 0b10101010) for byte in range(256))


class CellMarks:
    """Two bits for each cell, by the number that `collector.store.rows.Cells` gives it."""

    def __init__(self) -> None:
        # Four companies of a window are one byte.
        self._marks: defaultdict[int, bytearray] = defaultdict(bytearray)

    def add(self, cells: Iterable[int], added: int) -> list[int]:
        """Add marks, 1 to 3, to each of the cells; return those that each had before."""
        before = []
        # Most cells have the same window as the previous one.
        window, marks = -1, bytearray()
        for cell in cells:
            if window != cell & WINDOW:
                window = cell & WINDOW
                marks = self._marks[window]
            place, shift = cell >> BITS + 2, cell >> BITS - 1 & 6
            if place >= len(marks):
                marks.extend(bytes(place + 1 - len(marks)))
            mark = marks[place]
            before.append(mark >> shift & 3)
            marks[place] = mark | added << shift
        return before

    def shift(self) -> None:
        """Let each cell that has mark 1 have mark 2 in its place."""
        for window, marks in self._marks.items():
            self._marks[window] = marks.translate(_SHIFTED)
