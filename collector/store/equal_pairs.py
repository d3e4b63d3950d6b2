"""Cells that two runs have answered alike, found while the lines of both are read in step."""

import re
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, closing
from typing import Final

from collector.store.newest_queries import BITS
from collector.store.row_reader import AT_ONCE, Row, RowReader

__all__ = ["CellAgainError", "EqualPairs"]

_OURS: Final = re.compile(
    rb'(\{"company_id":"[^"\\]+"'
    rb',"from_date":(?:null|"\d{4}-\d\d-\d\d"),"until_date":(?:null|"\d{4}-\d\d-\d\d"))'
    rb',"fetched_at":"[1-9]\d{3}-'
    rb"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"
    rb"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    rb'T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z","attempts":[1-9]\d{0,8}'
    rb'(?=,"statistics":)'
)
"""The line of a cell as `collector.store.lines.result_line` writes it, up to its answer, with a day
that each year has. The group is the same text for the same cell, and no other cell has it."""

_IN_TURN: Final = 64
"""Lines of a run that are read before some of the other one."""

_WINDOWS: Final = (1 << BITS) - 1


class CellAgainError(Exception):
    """A line of a cell that the run has answered before, or a line in another form."""


class EqualPairs:
    """Two runs of which the cells with the same answer need not be put into the table.

    The lines of a plan come in nearly the same order each time. A line waits in memory, 8 MB of
    each run at most, until the line of its cell in the other run is read. If both have the same
    bytes from `statistics` on, the cell is counted, and the second line need not be decoded: it is
    as good as the first one. All others are put into the table as they are without this.

    Takes two bits of memory per cell. `counts` has the cells that were found, by the number of
    their window.
    """

    def __init__(self, old: RowReader, new: RowReader) -> None:
        self.counts: Counter[int] = Counter()
        self._readers = old, new
        self._waiting: tuple[dict[bytes, Row], dict[bytes, Row]] = ({}, {})
        self._sizes = [0, 0]
        self._seen: tuple[list[bytearray], list[bytearray]] = ([], [])

    def read(self) -> None:
        """Read the lines of both runs.

        Raises `CellAgainError` when they have to be read one after the other, and `InputError` when
        a file cannot be read.
        """
        readers = self._readers
        cells = [max(1, reader.run.manifest.plan.cells) for reader in readers]
        with ExitStack() as opened:
            streams = [opened.enter_context(closing(reader.lines())) for reader in readers]
            lines = [next(stream, None) for stream in streams]
            while lines != [None, None]:
                # Both are read as far in the order of their plans.
                old, new = (sum(reader.counts) for reader in readers)
                is_behind = lines[1] is not None and old * cells[1] > new * cells[0]
                pile = 1 if lines[0] is None or is_behind else 0
                line = lines[pile]
                assert line is not None, "it is chosen because it has one"  # noqa: S101 - for the type checker
                lines[pile] = self._read_some(pile, streams[pile], line)
        for pile in range(2):
            self._let_go(pile)

    def _read_some(
        self, pile: int, stream: Generator[bytes, bool, None], line: bytes
    ) -> bytes | None:
        """Take lines from this one on; return the next one, None at the end."""
        try:
            for _ in range(_IN_TURN):
                line = stream.send(self._take(pile, line))
        except StopIteration:
            return None
        return line

    def _take(self, pile: int, line: bytes) -> bool:
        """Take a line; return False if it is damaged."""
        reader, others = self._readers[pile], self._waiting[1 - pile]
        ours = _OURS.match(line)
        key = b"" if ours is None else ours[1]
        other = others.get(key)
        if (
            ours is not None
            and other is not None
            and other[-1][other[3] - 1 :] == line[ours.end() :]
        ):
            self._see(pile, other[0])
            self._remove(1 - pile, key)
            reader.counts[-1] += 1
            self.counts[other[0] & _WINDOWS] += 1
            return True
        row = reader.row(line)
        if row is None:
            return False
        if ours is None:
            raise CellAgainError
        self._see(pile, row[0])
        reader.counts[-1] += 1
        if other is not None:
            self._readers[1 - pile].add(self._remove(1 - pile, key))
            reader.add(row)
            return True
        self._waiting[pile][key] = row
        self._sizes[pile] += len(line)
        if self._sizes[pile] > AT_ONCE:
            self._let_go(pile)
        return True

    def _see(self, pile: int, cell: int) -> None:
        """Record that a run has a line of a cell. Raises `CellAgainError` if it had one before."""
        columns = self._seen[pile]
        window, company = cell & _WINDOWS, cell >> BITS & _WINDOWS
        while len(columns) <= window:
            columns.append(bytearray())
        column, place, bit = columns[window], company >> 3, 1 << (company & 7)
        if place >= len(column):
            column.extend(bytes(place + 1 - len(column)))
        if column[place] & bit:
            raise CellAgainError
        column[place] |= bit

    def _remove(self, pile: int, key: bytes) -> Row:
        row = self._waiting[pile].pop(key)
        self._sizes[pile] -= len(row[-1])
        return row

    def _let_go(self, pile: int) -> None:
        """Put all lines of a run that wait into the table."""
        for row in self._waiting[pile].values():
            self._readers[pile].add(row)
        self._waiting[pile].clear()
        self._sizes[pile] = 0
