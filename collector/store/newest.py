"""The newest line of every cell over any number of runs, in bounded memory.

Lines are rows of a private database on the disk. Their key is the cell, as a number: a newer line
of a cell replaces the older one.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from sqlite3 import Connection
from typing import Final

from collector.core.cell import Window
from collector.core.errors import InputError
from collector.core.text import counted
from collector.store.equal_cells import CellTwiceError, EqualCells, Pile, bytes_of
from collector.store.lines import answer_at
from collector.store.newest_queries import (
    ALL,
    COUNT_ONE,
    DIFFERENT,
    IN_BOTH,
    IN_ONE,
    OLDER,
    PUT,
    PUT_FIRST,
    TABLES,
)
from collector.store.recorded_run import RecordedRun, begun_runs
from collector.store.rows import BITS, Cells, Row, RowReader
from collector.store.scratch import scratch_database

__all__ = ["NewestLines", "Pile", "newest_lines", "older_text", "overlapping"]

_AT_ONCE: Final = 8 * 1024 * 1024
"""Bytes of lines that are sorted by cell before they are put into the table: neighbours are then on
one page of the database."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class NewestLines:
    """A table of lines, one per cell and pile. It exists as long as the database.

    Takes about 200 bytes of memory per company, whatever the number of lines, and two bits per cell
    while two runs are read in step. `lacks_lines` says that damaged lines were left out, or that
    lines were removed.
    """

    def __init__(self, database: Connection) -> None:
        self.lacks_lines = False
        self._database = database
        self._cells = Cells()
        self._companies, self._windows = self._cells.companies, self._cells.windows
        self._equal: Counter[int] = Counter()
        self._in_order = (0, 0)
        self._runs = 0
        self._last_lacks_cells = self._has_plans = False
        for table in TABLES:
            database.execute(table)

    def read(self, run: RecordedRun, pile: Pile) -> list[str]:
        """Read the lines of a run; return texts about lines that are left out.

        Of two lines of a cell that were fetched at the same time the one read later is kept. A run
        in progress is read as far as it is written, and its last line may be incomplete. Raises
        `InputError` when a file cannot be read.
        """
        self._runs += 1
        reader = RowReader(run, self._cells)
        doubled = size = 0
        rows: list[Row] = []
        for batch in reader.batches():
            rows += batch
            size += bytes_of(batch)
            if size > _AT_ONCE:
                doubled += self._put(rows, pile)
                rows, size = [], 0
        doubled += self._put(rows, pile)
        self._last_lacks_cells = reader.count - doubled < run.manifest.plan.cells
        return self._end(reader, doubled)

    def read_both(self, old: RecordedRun, new: RecordedRun) -> tuple[list[str], list[str]]:
        """Read two runs to be compared, each into its pile; return the texts of `read` for each.

        The files are read in step: two lines of a cell whose answers are equal byte for byte are
        only counted if not much is between them.
        """
        try:
            return self._read_in_step(old, new)
        except CellTwiceError:
            # Rare. Which line of a cell is the newest needs all of them.
            self._database.execute("DELETE FROM lines")
            return self.read(old, Pile.OLD), self.read(new, Pile.NEW)

    def _read_in_step(self, *runs: RecordedRun) -> tuple[list[str], list[str]]:
        self._runs += 1
        old, new = readers = [RowReader(run, self._cells) for run in runs]
        batches = [reader.batches() for reader in readers]
        piles = list(Pile)
        cells = EqualCells(_AT_ONCE)
        while piles:
            pile = min(piles, key=lambda pile: readers[pile].place)
            if (rows := next(batches[pile], None)) is None:
                piles.remove(pile)
            else:
                self._put(cells.leave_out(rows, pile), pile)
        for pile in Pile:
            self._put(cells.rest(pile), pile)
        self._equal = cells.equal
        return self._end(old), self._end(new)

    def _end(self, reader: RowReader, doubled: int = 0) -> list[str]:
        lost = reader.lost(doubled)
        self.lacks_lines |= reader.is_damaged or bool(lost)
        return reader.remarks() + lost

    def expect(self, run: RecordedRun) -> None:
        """Record what the run that was read last has planned, for `older`.

        A plan that cannot be read, or was edited, is left out: lines can be read without it.
        """
        if not self._last_lacks_cells:
            return
        try:
            plan, is_intact = run.plan()
        except InputError:
            return
        if is_intact:
            insert, position = self._database.executemany, self._runs
            # What no run has answered so far is of no older run.
            companies = map(self._companies.get, plan.companies.ids)
            windows = (
                self._windows.get((_iso(w.from_date), _iso(w.until_date))) for w in plan.windows
            )
            insert(
                "INSERT INTO planned_companies VALUES (?, ?)",
                ((position, company) for company in companies if company is not None),
            )
            insert(
                "INSERT INTO planned_windows VALUES (?, ?)",
                ((window, position) for window in windows if window is not None),
            )
            self._has_plans = True

    def older(self, pile: Pile) -> str | None:
        """Return the warning if the newest run that planned a cell has no answer for it.

        That is about runs that were read the oldest first, each followed by `expect`.
        """
        if not self._has_plans:
            return None
        ((count,),) = self._database.execute(OLDER, {"one": int(pile)})
        return older_text(count)

    def lines(self, pile: Pile) -> Iterator[bytes]:
        """Yield the lines as they were read, ordered by the company's bytes, then by the days.

        The server's default window comes before the days.
        """
        return _first_column(self._query(ALL, pile))

    def in_both(self, one: Pile, other: Pile) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs of lines of the cells that are in both piles, in the order of `lines`.

        Pairs whose answers are equal byte for byte are left out.
        """
        return self._query(DIFFERENT, one, other)

    def only_in(self, one: Pile, other: Pile) -> Iterator[bytes]:
        """Yield the lines of the cells that are in one pile and not in the other, likewise."""
        return _first_column(self._query(IN_ONE, one, other))

    def count_both(self, one: Pile, other: Pile) -> dict[tuple[str | None, str | None], int]:
        """Count the cells that are in both piles by the days of their window."""
        days = list(self._windows)
        counts = Counter(window for (window,) in self._query(IN_BOTH, one, other)) + self._equal
        return {days[window]: count for window, count in counts.items()}

    def count_only(self, one: Pile, other: Pile) -> int:
        """Count the cells that are in one pile and not in the other."""
        ((count,),) = self._query(COUNT_ONE, one, other)
        return int(count)

    def windows(self) -> Iterator[tuple[str, str]]:
        """Yield the ISO days of all windows that were read, except the server's default."""
        for first, last in self._windows:
            if first is not None and last is not None:
                yield first, last

    def _put(self, rows: Iterable[Row], pile: Pile) -> int:
        """Put rows of one run into the table.

        Returns how many of them are of a cell of which that run has put a row before.
        """
        first = pile << 2 * BITS
        # A number, because the text of a moment is not unique.
        put = [
            (
                first | cell,
                self._runs,
                (fetched_at - _EPOCH) // _MICROSECOND,
                answer_at(line) + 1,
                line,
            )
            for cell, fetched_at, line in rows
        ]
        # The sort is stable: of two lines of a cell, the one read later stays behind the other.
        put.sort(key=itemgetter(0))
        doubled = len(put) - self._database.executemany(PUT_FIRST, put).rowcount
        if doubled:
            # What is there already is put again, and replaces itself.
            self._database.executemany(PUT, put)
        return doubled

    def _query(self, query: str, one: Pile, other: Pile = Pile.OLD) -> sqlite3.Cursor:
        self._set_in_order()
        return self._database.execute(query, {"one": int(one), "other": int(other)})

    def _set_in_order(self) -> None:
        """Record the order of companies, by their bytes, and of windows, without days first."""
        known = len(self._companies), len(self._windows)
        if known != self._in_order:
            self._in_order = known
            insert = "INSERT OR REPLACE INTO {} VALUES (?, ?)".format
            companies = (self._companies[company_id] for company_id in sorted(self._companies))
            self._database.executemany(insert("company_order"), enumerate(companies))
            windows = sorted(self._windows, key=lambda days: [(d is not None, d) for d in days])
            places = ((self._windows[days], place) for place, days in enumerate(windows))
            self._database.executemany(insert("window_order"), places)


def overlapping(windows: Iterable[tuple[str, str]]) -> tuple[Window, Window] | None:
    """Return two windows that have days in common, or None; `windows` are ISO days.

    Windows of one day never overlap; of weeks and months, the last one grows with every night.
    """
    before: Window | None = None
    for first, last in sorted(windows):
        try:
            window = Window(date.fromisoformat(first), date.fromisoformat(last))
        except ValueError:  # in a line that the collector did not write
            continue
        if before is not None and before.until_date is not None and first <= str(before.until_date):
            return before, window
        before = window
    return None


def older_text(cells: int) -> str | None:
    """Return the warning about answers of an older run; None if there are none."""
    if not cells:
        return None
    are, them = counted(cells, "cell is", "cells are"), "it" if cells == 1 else "them"
    return f"{are} from an older run: the newest run that planned {them} has no answer for {them}"


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _first_column(rows: Iterator[tuple[bytes]]) -> Iterator[bytes]:
    return (line for (line,) in rows)


@contextmanager
def newest_lines(
    directories: Sequence[Path], remark: Callable[[str], object]
) -> Iterator[NewestLines]:
    """Read the runs in directories; yield their newest lines, in `Pile.NEW`.

    `remark` is called with what could not be read, with the number of answers of an older run than
    the newest that planned them, and with windows that overlap. Raises as
    `begun_runs`, `NewestLines.read` and `scratch_database` do.
    """
    with scratch_database() as database:
        newest = NewestLines(database)
        runs, newest.lacks_lines = begun_runs(directories, remark)
        for run in runs:
            for damage in newest.read(run, Pile.NEW):
                remark(damage)
            newest.expect(run)
        if older := newest.older(Pile.NEW):
            remark(older)
        if overlap := overlapping(newest.windows()):
            one, other = overlap
            remark(
                f"windows overlap, such as {one} and {other}: sums of the lines count days twice"
            )
        yield newest
