"""The newest line of every cell over any number of runs, in bounded memory.

Lines are rows of a private database on the disk. Their key is the cell: a newer line of a cell
replaces the older one.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from pathlib import Path
from sqlite3 import Connection
from typing import Final

from collector.core.cell import Window
from collector.core.errors import InputError, StorageError
from collector.core.text import counted
from collector.store.lines import parse_result
from collector.store.recorded_run import RecordedRun, begun_runs
from collector.store.repair import damaged_spans, left_out, lost_lines

__all__ = ["NewestLines", "Pile", "newest_lines", "older_text", "overlapping", "scratch_database"]

# Texts are ordered by their UTF-8 bytes. A null date is stored as the number 0: numbers come before
# texts, and columns of this primary key cannot be null. `run` is the last run that has an answer.
_TABLES: Final = (
    """
    CREATE TABLE lines (
        pile, company_id, from_date, until_date, run, fetched_at, line,
        PRIMARY KEY (pile, company_id, from_date, until_date)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE planned_companies (run, company_id, PRIMARY KEY (run, company_id)) WITHOUT ROWID
    """,
    """
    CREATE TABLE planned_windows (
        from_date, until_date, run, PRIMARY KEY (from_date, until_date, run)
    ) WITHOUT ROWID
    """,
)
_PUT: Final = """
INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    run = excluded.run,
    line = CASE WHEN excluded.fetched_at >= fetched_at THEN excluded.line ELSE line END,
    fetched_at = max(fetched_at, excluded.fetched_at)
"""
_OLDER: Final = """
SELECT count(*) FROM lines AS answered WHERE pile = ? AND EXISTS (
    SELECT 1 FROM planned_windows AS planned
    WHERE planned.from_date = answered.from_date AND planned.until_date = answered.until_date
        AND planned.run > answered.run AND EXISTS (
            SELECT 1 FROM planned_companies
            WHERE run = planned.run AND company_id = answered.company_id
        )
)
"""
_ALL: Final = """
SELECT line FROM lines WHERE pile = ? ORDER BY company_id, from_date, until_date
"""
_IN_BOTH: Final = """
SELECT one.line, other.line
FROM lines AS one CROSS JOIN lines AS other
    USING (company_id, from_date, until_date)
WHERE one.pile = ? AND other.pile = ?
ORDER BY one.company_id, one.from_date, one.until_date
"""
_IN_ONE: Final = """
SELECT line FROM lines AS one
WHERE pile = ? AND NOT EXISTS (
    SELECT 1 FROM lines AS other
    WHERE other.pile = ? AND other.company_id = one.company_id
        AND other.from_date = one.from_date AND other.until_date = one.until_date
)
ORDER BY company_id, from_date, until_date
"""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Pile(IntEnum):
    """A set of lines: the newest of a cell is kept in each pile, and two piles are compared."""

    OLD = 0
    NEW = 1


class NewestLines:
    """A table of lines, one per cell and pile. It exists as long as the database.

    `windows` has the ISO days of all windows that were read, except the server's default;
    `lacks_lines` says that damaged lines were left out, or that lines were removed.
    """

    def __init__(self, database: Connection) -> None:
        self.windows: Final[set[tuple[str, str]]] = set()
        self.lacks_lines = False
        self._database = database
        self._runs = 0
        self._last_lacks_cells = self._has_plans = False
        for table in _TABLES:
            database.execute(table)

    def read(self, run: RecordedRun, pile: Pile) -> list[str]:
        """Read the lines of a run; return texts about lines that are left out.

        Of two lines of a cell that were fetched at the same time the one read later is kept. A run
        in progress is read as far as it is written, and its last line may be incomplete. Raises
        `InputError` when a file cannot be read.
        """
        put, number, windows = self._database.execute, int(pile), self.windows
        counts: list[int] = []
        self._runs += 1
        position = self._runs

        def take(line: bytes) -> bool:
            result = parse_result(line)
            if result is None:
                return False
            counts[-1] += 1
            first, last = _day(result.from_date), _day(result.until_date)
            # A number, because the text of a moment is not unique.
            fetched_at = (result.fetched_at - _EPOCH) // _MICROSECOND
            put(_PUT, (number, result.company_id, first, last, position, fetched_at, line))
            if result.from_date is not None and result.until_date is not None:
                windows.add((result.from_date, result.until_date))
            return True

        remarks: list[str] = []
        for path in run.statistics():
            counts.append(0)
            try:
                damaged = damaged_spans(path, take)
            except OSError as error:
                raise InputError(f"{path}: cannot be read: {error.strerror}") from error
            remarks += left_out(path, damaged, is_growing=run.held_by is not None)
            self.lacks_lines |= bool(lost_lines(damaged))
        lost = run.lost(counts)
        self.lacks_lines |= bool(lost)
        self._last_lacks_cells = sum(counts) < run.manifest.plan.cells
        return remarks + lost

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
            companies = ((position, company_id) for company_id in plan.companies.ids)
            insert("INSERT INTO planned_companies VALUES (?, ?)", companies)
            windows = ((_iso(w.from_date), _iso(w.until_date), position) for w in plan.windows)
            insert("INSERT INTO planned_windows VALUES (?, ?, ?)", windows)
            self._has_plans = True

    def older(self, pile: Pile) -> str | None:
        """Return the warning if the newest run that planned a cell has no answer for it.

        That is about runs that were read the oldest first, each followed by `expect`.
        """
        if not self._has_plans:
            return None
        ((count,),) = self._database.execute(_OLDER, (pile,))
        return older_text(count)

    def lines(self, pile: Pile) -> Iterator[bytes]:
        """Yield the lines as they were read, ordered by the company's bytes, then by the days.

        The server's default window comes before the days.
        """
        return _first_column(self._database.execute(_ALL, (pile,)))

    def in_both(self, one: Pile, other: Pile) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs of lines of the cells that are in both piles, in the order of `lines`."""
        return self._database.execute(_IN_BOTH, (one, other))

    def only_in(self, one: Pile, other: Pile) -> Iterator[bytes]:
        """Yield the lines of the cells that are in one pile and not in the other, likewise."""
        return _first_column(self._database.execute(_IN_ONE, (one, other)))


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


def _iso(day: date | None) -> str | int:
    return 0 if day is None else day.isoformat()


def _day(day: str | None) -> str | int:
    return 0 if day is None else day


def _first_column(rows: Iterator[tuple[bytes]]) -> Iterator[bytes]:
    return (line for (line,) in rows)


_CACHE: Final = 32_768
"""KiB that the database keeps in memory; the rest is on the disk."""

_STEPS: Final = 100_000
"""Instructions of the database between two calls: a few milliseconds."""

_DISK_ERRORS: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
)
_PRIMARY: Final = 0xFF
"""The bits of an extended result code that say its kind; see https://sqlite.org/rescode.html."""


@contextmanager
def scratch_database() -> Iterator[sqlite3.Connection]:
    """Open an empty database that is removed when the block, or the process, ends.

    The whole block is one transaction. Raises `StorageError` when any statement of the block cannot
    read or write the disk, and `KeyboardInterrupt` when a signal interrupts one.
    """
    try:
        # A database without a name is a temporary file of SQLite, without a name on the disk:
        # nothing is left behind, not even after kill -9.
        with closing(sqlite3.connect("", isolation_level=None)) as database:
            # It is never read after a crash, so it needs no durability.
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("PRAGMA synchronous = OFF")
            database.execute(f"PRAGMA cache_size = -{_CACHE}")
            # Any call lets Python handle signals, also in the midst of a long statement.
            database.set_progress_handler(lambda: None, _STEPS)
            database.execute("BEGIN")
            yield database
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            # All that SQLite reports of an exception in a signal handler.
            raise KeyboardInterrupt from error
        if error.sqlite_errorcode & _PRIMARY not in _DISK_ERRORS:
            raise
        raise StorageError(
            f"the temporary database cannot be written: {error}; check that there is room in the "
            "directory for temporary files (/var/tmp, if SQLITE_TMPDIR and TMPDIR name no other), "
            "or set SQLITE_TMPDIR to one that has room"
        ) from error


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
        if overlap := overlapping(newest.windows):
            one, other = overlap
            remark(
                f"windows overlap, such as {one} and {other}: sums of the lines count days twice"
            )
        yield newest
