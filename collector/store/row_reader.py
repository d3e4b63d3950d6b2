"""The lines of a run as rows of the table of `collector.store.newest`."""

from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

from collector.core.errors import InputError
from collector.store.lines import answer_at, parse_result
from collector.store.newest_queries import BITS
from collector.store.recorded_run import RecordedRun
from collector.store.repair import checked_lines, left_out, lost_lines

__all__ = ["AT_ONCE", "Days", "Numbers", "Pile", "Row", "RowReader"]

AT_ONCE: Final = 8 * 1024 * 1024
"""Bytes of lines that are sorted by cell before they are put into the table: neighbours are then on
one page of the database."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Days = tuple[str | None, str | None]
"""The ISO days of a window; None for the server's default."""

Row = tuple[int, int, int, int, bytes]
"""The columns of `lines`; see `collector.store.newest_queries`."""


class Pile(IntEnum):
    """A set of lines: the newest of a cell is kept in each pile, and two piles are compared."""

    OLD = 0
    NEW = 1


class Numbers:
    """The numbers of companies and of windows, in the order in which they were first read."""

    def __init__(self) -> None:
        self.companies: dict[str, int] = {}
        self.windows: dict[Days, int] = {}


class RowReader:
    """Reads the lines of a run in progress or complete, as far as they are written.

    * `position`: the number of the run.
    * `put`: puts rows into the table, clears them, and returns how many are of a cell of which this
      run has put a row before.
    * `counts`: the good lines of each file so far.
    * `lacks_lines`: whether damaged lines were left out, or lines were removed; known at the end.
    """

    def __init__(
        self,
        run: RecordedRun,
        pile: Pile,
        position: int,
        numbers: Numbers,
        put: Callable[[list[Row]], int],
    ) -> None:
        self.run: Final = run
        self.pile: Final = pile
        self.counts: list[int] = []
        self.doubled = 0
        self.lacks_lines = False
        self._position = position
        self._numbers = numbers
        self._put = put
        self._rows: list[Row] = []
        self._size = 0
        self._remarks: list[str] = []

    def lines(self) -> Generator[bytes, bool, None]:
        """Yield each line; whether it is good must be sent. Raises `InputError`."""
        run = self.run
        for path in run.statistics():
            self.counts.append(0)
            try:
                damaged = yield from checked_lines(path)
            except OSError as error:
                raise InputError(f"{path}: cannot be read: {error.strerror}") from error
            self._remarks += left_out(path, damaged, is_growing=run.held_by is not None)
            self.lacks_lines |= bool(lost_lines(damaged))

    def take(self, line: bytes) -> bool:
        """Add the row of a line; return False if the line is damaged."""
        row = self.row(line)
        if row is None:
            return False
        self.counts[-1] += 1
        self.add(row)
        return True

    def row(self, line: bytes) -> Row | None:
        """Return the row of a line; None if the line is damaged."""
        result = parse_result(line)
        if result is None:
            return None
        companies, windows = self._numbers.companies, self._numbers.windows
        company = companies.setdefault(result.company_id, len(companies))
        window = windows.setdefault((result.from_date, result.until_date), len(windows))
        cell = (self.pile << BITS | company) << BITS | window
        # A number, because the text of a moment is not unique.
        fetched_at = (result.fetched_at - _EPOCH) // _MICROSECOND
        return cell, self._position, fetched_at, answer_at(line) + 1, line

    def add(self, row: Row) -> None:
        """Add a row to those that are put into the table."""
        self._rows.append(row)
        self._size += len(row[-1])
        if self._size > AT_ONCE:
            self.doubled += self._put(self._rows)
            self._size = 0

    def end(self) -> list[str]:
        """Put the last rows; return texts about lines that were left out or removed."""
        self.doubled += self._put(self._rows)
        lost = self.run.lost(self.counts, self.doubled)
        self.lacks_lines |= bool(lost)
        return self._remarks + lost
