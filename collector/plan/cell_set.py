"""Cells of a plan by their index: one bit for each, and the index of a cell by its key."""

import zlib
from collections.abc import Container, Iterator
from itertools import count, zip_longest
from typing import Final

from collector.core.cell import Cell, Window
from collector.plan.company_table import place_finder
from collector.plan.plan import Plan
from collector.plan.shard import Part, blocks_in

__all__ = [
    "AnsweredCells",
    "CellIndex",
    "CellSet",
    "absent_in_turns",
    "cells_in_turns",
    "count_by_shard",
    "spread",
]

_FULL: Final = 0xFF

_BLOCK: Final = 64 * 1024 * 8
"""Cells whose bits are compared or joined at once: those of all would take twice their memory."""

_FAST: Final = 1
"""The level of compression that takes the least time."""

_IN_TURN: Final = 64
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
        """Add a cell; return False when it was in the set already."""
        position, bit = index >> 3, 1 << (index & 7)
        if self._bits[position] & bit:
            return False
        self._bits[position] |= bit
        self._count += 1
        return True

    def packed(self) -> bytes:
        """Return the bits, compressed: a fraction of them when cells are done in turn."""
        return zlib.compress(self._bits, _FAST)

    def unpack(self, packed: bytes) -> bool:
        """Take over what `packed` has returned; return False, and change nothing, if it is not.

        Never takes more memory than this set has.
        """
        decompressor = zlib.decompressobj()
        try:
            bits = decompressor.decompress(packed, len(self._bits) + 1)
        except zlib.error:
            return False
        if len(bits) != len(self._bits) or not decompressor.eof:
            return False
        if bits and bits[-1] >> (self._size - 1) % 8 + 1:
            return False
        self._bits[:] = bits
        self._count = sum(self.count(*block) for block in self._blocks())
        return True

    @classmethod
    def unpacked(cls, packed: bytes, size: int) -> "CellSet":
        """Return the set of `size` cells that `packed` has returned. Raises `ValueError`."""
        cells = cls(size)
        if not cells.unpack(packed):
            raise ValueError(f"it is no set of {size} cells")
        return cells

    def is_disjoint(self, other: "CellSet") -> bool:
        """Tell whether no cell is also in another set of the same size."""
        return not any(self.bits(*block) & other.bits(*block) for block in self._blocks())

    def update(self, other: "CellSet") -> None:
        """Add the cells of another set of the same size."""
        for begin, end in self._blocks():
            before = self.bits(begin, end)
            both = before | other.bits(begin, end)
            size = (end - begin + 7) // 8
            self._bits[begin // 8 : begin // 8 + size] = both.to_bytes(size, "little")
            self._count += both.bit_count() - before.bit_count()

    def first(self, begin: int = 0) -> int | None:
        """Return the lowest index from `begin` on that is in the set; None without any."""
        for start, end in self._blocks(begin):
            if bits := self.bits(start, end):
                return start + (bits & -bits).bit_length() - 1
        return None

    def count(self, begin: int, end: int) -> int:
        """Count the cells from `begin` to before `end` that are in the set."""
        return self.bits(begin, end).bit_count()

    def flags(self, begin: int, end: int) -> str:
        """Return a digit for each cell from `begin` to before `end`: 1 in the set, 0 not."""
        # Without the 1 before the others, zeros at their end would be lost.
        return f"{1 << end - begin | self.bits(begin, end):b}"[:0:-1]

    def _blocks(self, begin: int = 0) -> Iterator[tuple[int, int]]:
        for start in range(begin, self._size, _BLOCK):
            yield start, min(start + _BLOCK, self._size)

    def bits(self, begin: int, end: int) -> int:
        """Return the bits from `begin` to before `end`, the first one as the lowest."""
        bits = int.from_bytes(self._bits[begin >> 3 : (end + 7) >> 3], "little")
        return bits >> (begin & 7) & (1 << end - begin) - 1

    def absent(self, begin: int = 0, end: int | None = None) -> Iterator[int]:
        """Yield the indexes of the cells that are not in the set, in ascending order.

        Only those from `begin` to before `end` are considered.
        """
        end = self._size if end is None else min(end, self._size)
        for position in range(begin >> 3, (end + 7) >> 3):
            bits = self._bits[position]
            if bits == _FULL:
                continue
            first = position * 8
            indexes = range(max(first, begin), min(first + 8, end))
            if not bits:
                yield from indexes
                continue
            for index in indexes:
                if not bits & 1 << (index & 7):
                    yield index


class AnsweredCells:
    """Cells with an answer, in `done`, and those of them whose answer is empty, in `empty`."""

    def __init__(self, done: CellSet, empty: CellSet) -> None:
        self.done = done
        self.empty = empty

    def add(self, index: int, *, is_empty: bool) -> None:
        """Record the answer of a cell."""
        self.done.add(index)
        if is_empty:
            self.empty.add(index)

    def update(self, other: "AnsweredCells") -> None:
        """Record the answers of other cells of the same plan."""
        self.done.update(other.done)
        self.empty.update(other.empty)


class CellIndex:
    """Finds the index of a cell by its key in a line.

    Takes 16 to 32 bytes per company in addition to the plan.
    """

    def __init__(self, plan: Plan) -> None:
        self._place = place_finder(plan.companies.ids)
        self._windows = {_days(window): i for i, window in enumerate(plan.windows)}
        self._index_at = plan.index_at

    def find(self, company_id: str, from_date: str | None, until_date: str | None) -> int | None:
        """Return the index of a cell in the plan; None if it is not in it. Dates are ISO."""
        window = self._windows.get((from_date, until_date))
        if window is None or (company := self._place(company_id)) is None:
            return None
        return self._index_at(company, window)


def _days(window: Window) -> tuple[str | None, str | None]:
    if window.from_date is None or window.until_date is None:
        return None, None
    return window.from_date.isoformat(), window.until_date.isoformat()


def absent_in_turns(done: CellSet, part: Part, sample: int = 0) -> Iterator[Cell]:
    """Yield the cells of a part that are not in the set: one per company in turn.

    64 companies take turns, window by window, until all their cells are yielded. So a company that
    the server treats differently is never the only one that is requested. At most `sample` cells
    from all over the part come first.
    """
    sampled = spread(done, part, sample)
    yield from map(part.plan.__getitem__, sampled)
    first_cells = frozenset(sampled)
    companies, span = len(part.plan.companies), part.plan.span
    for first in range(0, companies, _IN_TURN):
        last = min(first + _IN_TURN, companies)
        if next(done.absent(span(first).start, span(last - 1).stop), None) is None:
            continue
        for turn in zip_longest(
            *(_absent_of(company, done, part, first_cells) for company in range(first, last))
        ):
            yield from filter(None, turn)


def spread(done: CellSet, part: Part, number: int) -> list[int]:
    """Return the indexes of at most `number` cells that are not in the set, from all over a part.

    Their companies and their windows are as far from each other as they can be.
    """
    companies = len(part.plan.companies)
    found: dict[int, None] = {}
    for step in range(number):
        company = step * (companies - 1) // max(1, number - 1)
        cells = [i for span in part.spans(company) for i in done.absent(span.start, span.stop)]
        if cells:
            found[cells[step * (len(cells) - 1) // max(1, number - 1)]] = None
    return list(found)


def cells_in_turns(plan: Plan, done: CellSet) -> Iterator[Cell]:
    """Yield a cell of each company in turn, without end; one that is done comes first."""
    begin = done.first()
    first = 0
    if begin is not None:
        first, _ = plan.places(begin)
        yield plan[begin]
    for turn in count(first):
        yield plan[plan.span(turn % len(plan.companies)).start]


def count_by_shard(cells: CellSet, plan: Plan, total: int) -> list[int]:
    """Count the cells of a set in each of `total` shards. Iterates over all companies."""
    counts = [0] * total
    for company, company_id in enumerate(plan.companies.ids):
        span = plan.span(company)
        if cells.count(span.start, span.stop):
            for shard, places in blocks_in(company_id, len(span), total):
                counts[shard] += cells.count(span.start + places.start, span.start + places.stop)
    return counts


def _absent_of(company: int, done: CellSet, part: Part, left_out: Container[int]) -> Iterator[Cell]:
    """Yield the cells of one company that are not in the set, and are not to be left out."""
    company_id, windows = part.plan.companies.ids[company], part.plan.windows
    first = part.plan.span(company).stop - len(windows)
    for span in part.spans(company):
        for index in done.absent(span.start, span.stop):
            if index not in left_out:
                yield Cell(company_id, windows[index - first])
