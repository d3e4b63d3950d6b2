"""The newest line of every cell over any number of runs, in bounded memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path
from sqlite3 import Connection
from typing import Final

from collector.core.cell import Window
from collector.core.errors import InputError
from collector.core.text import counted
from collector.store.cell_marks import CellMarks
from collector.store.equal_cells import CellTwiceError, EqualCells
from collector.store.recorded_run import RecordedRun, begun_runs
from collector.store.rows import BITS, WINDOW, Cells, Days, Row, RowReader
from collector.store.scratch import scratch_database
from collector.store.stored_lines import Pile, StoredLines

__all__ = ["NewestLines", "Pile", "newest_lines", "older_text", "overlapping"]

_WAITING: Final = 8 * 1024 * 1024
"""Bytes of lines of each of two runs that wait for those of the other."""

_THIS_RUN: Final = 1
_NEWER_RUN: Final = 2
"""Marks of cells, see `CellMarks.shift`."""


class NewestLines:
    """Lines of runs, of which the newest of each cell and pile can be iterated.

    Exists as long as the database. Takes about 200 bytes of memory per company, two bits per cell,
    one more per cell that is planned by a run that lacks cells, and the lines of one company.
    `lacks_lines` says that damaged lines were left out, or that lines were removed. `older` counts
    the cells for which the newest run that planned them has no answer.
    """

    def __init__(self, database: Connection) -> None:
        self.lacks_lines = False
        self.older = 0
        self._cells = Cells()
        self._lines = StoredLines(database, self._cells)
        self._equal: Counter[int] = Counter()
        self._runs = 0
        self._last_lacks_cells = False
        # Of the runs of a pile that were read: their cells, and when the first of their lines that
        # are stored was fetched.
        self._marks = {pile: CellMarks() for pile in Pile}
        self._since = dict.fromkeys(Pile, datetime.max.replace(tzinfo=UTC))
        # By window: a bit for each company.
        self._planned: dict[Days, bytes] = {}

    def read(self, run: RecordedRun, pile: Pile) -> list[str]:
        """Read the lines of a run; return texts about lines that are left out.

        The newest run of a pile is read first, so that most lines of the others need not be stored.
        Of two lines of a cell that were fetched at the same time, the one of the run read first is
        kept, and in one run the last one. A run in progress is read as far as it is written, and
        its last line may be incomplete. Raises `InputError` when a file cannot be read.
        """
        self._runs += 1
        reader = RowReader(run, self._cells)
        marks, of_newer = self._marks[pile], self._since[pile]
        doubled = 0
        for rows in reader.batches():
            before = marks.add([row[0] for row in rows], _THIS_RUN)
            doubled += sum([mark & _THIS_RUN for mark in before])
            if self._planned:
                self.older += self._count_planned(rows, before)
            # A newer run has an answer for the cells of the others, fetched since then.
            kept = [
                row
                for row, mark in zip(rows, before, strict=True)
                if not mark & _NEWER_RUN or row[1] > of_newer
            ]
            self._since[pile] = min([self._since[pile], *(row[1] for row in kept)])
            self._lines.put(kept, pile, self._runs)
        marks.shift()
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
            self._lines.clear()
            return self.read(old, Pile.OLD), self.read(new, Pile.NEW)

    def _read_in_step(self, *runs: RecordedRun) -> tuple[list[str], list[str]]:
        old, new = readers = [RowReader(run, self._cells) for run in runs]
        batches = [reader.batches() for reader in readers]
        piles = list(Pile)
        cells = EqualCells(_WAITING)
        while piles:
            pile = min(piles, key=lambda pile: readers[pile].place)
            if (rows := next(batches[pile], None)) is None:
                piles.remove(pile)
            else:
                self._lines.put(cells.leave_out(rows, pile), pile)
        for pile in Pile:
            self._lines.put(cells.rest(pile), pile)
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
            ids = plan.companies.ids
            for places, windows in plan.groups():
                numbers = [self._cells.companies[ids[place]] for place in places]
                planned = bytearray(max(numbers, default=0) // 8 + 1)
                for number in numbers:
                    planned[number >> 3] |= 1 << (number & 7)
                for window in windows:
                    days = _iso(window.from_date), _iso(window.until_date)
                    self._planned[days] = _union(planned, self._planned.get(days, b""))

    def _count_planned(self, rows: Iterable[Row], before: Iterable[int]) -> int:
        """Count the cells that no run has answered before, but has planned."""
        count = 0
        for (cell, _, _), mark in zip(rows, before, strict=True):
            if not mark:
                planned = self._planned.get(self._cells.days(cell & WINDOW), b"")
                company = cell >> BITS
                if company >> 3 < len(planned):
                    count += planned[company >> 3] >> (company & 7) & 1
        return count

    def lines(self) -> Iterator[bytes]:
        """Yield the newest line of each cell of the new pile as it was read, ordered as `cells`."""
        return (new for _, _, new in self._lines.cells() if new is not None)

    def cells(self) -> Iterator[tuple[Days, bytes | None, bytes | None]]:
        """Yield the days of each cell, and its line in the old and in the new pile.

        They are ordered by the company's bytes, then by the days; the server's default window comes
        before the days. Cells that `read_both` has found equal are left out.
        """
        days = list(self._cells.windows)
        return ((days[window], old, new) for window, old, new in self._lines.cells())

    def equal(self) -> dict[Days, int]:
        """Count the cells that `read_both` has found equal, by the days of their window."""
        days = list(self._cells.windows)
        return {days[window]: count for window, count in self._equal.items()}

    def windows(self) -> Iterator[tuple[str, str]]:
        """Yield the ISO days of all windows that were read, except the server's default."""
        for first, last in self._cells.windows:
            if first is not None and last is not None:
                yield first, last


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


def _union(one: bytes | bytearray, other: bytes) -> bytes:
    bits = int.from_bytes(one, "little") | int.from_bytes(other, "little")
    return bits.to_bytes(max(len(one), len(other)), "little")


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
        damages: list[list[str]] = []
        for run in reversed(runs):
            damages.append(newest.read(run, Pile.NEW))
            newest.expect(run)
        for damage in chain.from_iterable(reversed(damages)):
            remark(damage)
        if older := older_text(newest.older):
            remark(older)
        if overlap := overlapping(newest.windows()):
            one, other = overlap
            remark(
                f"windows overlap, such as {one} and {other}: sums of the lines count days twice"
            )
        yield newest
