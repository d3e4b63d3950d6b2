"""The answers of any number of runs as one table, and the newest answer of each cell.

DuckDB reads the files itself, at full speed, while each line is checked by the rules of
`collector.store.lines` (see `collector.tables.plain`). A file with a line that is not plain is
read line by line instead, so that the same damaged lines are left out as by `collector latest`.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Final

import duckdb

from collector.core.cell import SERVER_DEFAULT, Window
from collector.core.errors import InputError
from collector.core.links import resolved
from collector.core.outcome import COUNTERS
from collector.core.regular import check_regular
from collector.core.text import counted, quoted
from collector.store.data_file import is_compressed
from collector.store.lines import LONGEST_LINE
from collector.store.newest import overlapping
from collector.store.recorded_run import RecordedRun
from collector.store.repair import left_out, lost_lines
from collector.tables.actions import ActionNames, Actions, action_names, most_frequent
from collector.tables.engine import Database
from collector.tables.plain import plain_actions
from collector.tables.salvage import salvage

__all__ = ["Answers"]

_TABLE: Final = f"""
CREATE TEMP TABLE answers (
    run INTEGER, company_id VARCHAR, from_date DATE, until_date DATE, fetched_at TIMESTAMPTZ,
    attempts BIGINT, {", ".join(f"{name} BIGINT" for name in COUNTERS)}, actions JSON,
    left_out VARCHAR, unknown_fields VARCHAR
)
"""
_FROM_A_FILE: Final = "answers WHERE rowid >= ?"
_NEXT_ROW: Final = "SELECT coalesce(max(rowid), -1) + 1 FROM answers"
_COUNT_ACTIONS: Final = f"SELECT coalesce(sum(len(json_keys(actions))), 0) FROM {_FROM_A_FILE}"
_COUNT_CELLS: Final = """
SELECT count(*) FROM (
    SELECT DISTINCT company_id, from_date, until_date FROM answers WHERE rowid >= ?
)
"""
_FIND_NEWEST: Final = """
CREATE OR REPLACE TEMP TABLE newest AS
SELECT max_by(rowid, (fetched_at, rowid)) AS row
FROM answers GROUP BY company_id, from_date, until_date
"""
_LEFT_OUT: Final = "FROM (SELECT * FROM {newest}) WHERE left_out IS NOT NULL"
_MOST_NAMED: Final = 10
"""Cells with a value that was left out, each with a remark; the others are counted."""

_OURS: Final = ", ".join(f"statistics.{name}" for name in COUNTERS)
# Older lines lack the counters that were added later.
_COUNTS: Final = ", ".join(f"coalesce(statistics.{name}, 0)" for name in COUNTERS)
# Readers differ about times with more than three decimals of a second.
_CHECKED_MOMENT: Final = """
CASE WHEN strlen(fetched_at) = 24 AND (from_date IS NULL) = (until_date IS NULL)
THEN fetched_at::TIMESTAMPTZ ELSE error('unusual') END
"""


class Answers:
    """A table `answers` with the lines of runs; `newest` selects the newest row of each cell.

    `answers` has the columns run (the position of the run, from 0), company_id, from_date,
    until_date, fetched_at, attempts, the counters, actions (JSON with unique names), and left_out.
    A count that does not fit into a BIGINT is null, and left_out names such counts; otherwise it is
    null. unknown_fields is the text of a JSON object with the fields of the answer that are not
    documented; null if it has none, or without `with_unknown`, which takes three times as long.
    `lines_of` counts the lines of each run. `remarks` are texts for the user about lines and
    values that were left out; `lacks_lines` says that damaged lines were, or that lines were
    removed, `lacks_values` that values of the newest answers were left out.
    """

    def __init__(self, database: Database, *, with_unknown: bool = False) -> None:
        self.remarks: Final[list[str]] = []
        self.lacks_lines = self.lacks_values = False
        self.connection: Final = database.connection
        self.with_unknown: Final = with_unknown
        self._scratch = database.scratch
        self._names: Final = ActionNames()
        self._lines = self._cells = 0
        self.lines_of: Final[list[int]] = []
        self.connection.execute(_TABLE)

    def read(self, runs: Iterable[RecordedRun]) -> None:
        """Read all lines of runs, and find the newest answers; call it once.

        Of two lines of a cell that were fetched at the same time the one read later counts.
        Raises `InputError` when a file cannot be read.
        """
        runs = list(runs)
        for position, run in enumerate(runs):
            counts, first_of_run = [], self._count(_NEXT_ROW)
            for path in run.statistics():
                first_row = self._count(_NEXT_ROW)
                try:
                    check_regular(path)
                    if path.exists() and not self._read(path, position):
                        self._read_good_lines(run, path, position)
                except OSError as error:
                    raise InputError(f"{path}: cannot be read: {error.strerror}") from error
                counts.append(self._count(_NEXT_ROW) - first_row)
            self.lines_of.append(sum(counts))
            cells = self._count(_COUNT_CELLS, first_of_run)
            lost = run.lost(counts, sum(counts) - cells)
            self.lacks_lines |= bool(lost)
            self.remarks.extend(lost)
        self._lines = self._count("SELECT count(*) FROM answers")
        self._cells = self._count(_COUNT_CELLS, 0)
        if self._cells < self._lines:
            self.connection.execute(_FIND_NEWEST)
        self._remark_values(runs)

    @property
    def newest(self) -> str:
        """The FROM clause for the newest answer of each cell."""
        if self._cells == self._lines:
            # Without the lookup, which takes a tenth of the time of an export.
            return "answers"
        return "answers WHERE rowid IN (SELECT row FROM newest)"

    def actions(self) -> Actions:
        """Return the actions of the newest answers."""
        if self._cells == self._lines:
            return self.all_actions()
        if self._names.is_full:
            return most_frequent(self.connection, self.newest)
        return Actions(tuple(action_names(self.connection, self.newest)))

    def all_actions(self) -> Actions:
        """Return the actions of all answers, also of older ones."""
        if self._names.is_full:
            return most_frequent(self.connection, "answers")
        return Actions(tuple(sorted(self._names.names, key=str.encode)))

    def cells(self) -> int:
        """Count the cells that have an answer."""
        return self._cells

    def overlap(self) -> tuple[str, str] | None:
        """Return two windows that have days in common, as text, or None.

        The server's default window is its last days, so it may overlap with any other.
        """
        rows = self.connection.execute(
            "SELECT DISTINCT from_date, until_date FROM answers ORDER BY ALL NULLS FIRST"
        )
        windows = [Window(first, last) for first, last in rows.fetchall()]
        if len(windows) > 1 and windows[0] == SERVER_DEFAULT:
            return str(windows[0]), str(windows[-1])
        found = overlapping((str(w.from_date), str(w.until_date)) for w in windows if w.from_date)
        return None if found is None else (str(found[0]), str(found[1]))

    def _read(self, path: Path, position: int) -> bool:
        """Let DuckDB read a file; return False, and read nothing, if a line is not plain.

        Where unknown fields are wanted it reads nothing: it returns only fields that it is told.
        """
        if self.with_unknown:
            return False
        # DuckDB reads the link: its name is no pattern, is valid in every encoding, and has the
        # ending of the compression.
        link = self._scratch / f"link{path.suffix}"
        link.unlink(missing_ok=True)
        link.symlink_to(resolved(path))
        first_row = self._count(_NEXT_ROW)
        is_over = Event()
        with ThreadPoolExecutor(1) as threads:
            check = threads.submit(plain_actions, link, is_over.is_set)
            try:
                self._insert(link, position, is_ours=False)
                count = self._count(_COUNT_ACTIONS, first_row)
                actions = check.result()
            except (duckdb.IOException, duckdb.OutOfMemoryException):
                # DuckDB reports so a compressed file that is damaged, too.
                if is_compressed(path):
                    return False
                raise
            except duckdb.Error:
                return False
            finally:
                is_over.set()
        # If an answer has a name twice, the last one counts; DuckDB would take the first.
        if actions is None or actions.total != count:
            self.connection.execute(f"DELETE FROM {_FROM_A_FILE}", [first_row])
            return False
        self._names.add(actions.names)
        return True

    def _read_good_lines(self, run: RecordedRun, path: Path, position: int) -> None:
        good = self._scratch / "good.jsonl"
        first_row = self._count(_NEXT_ROW)
        damaged = salvage(path, good, with_unknown=self.with_unknown)
        self._insert(good, position, is_ours=True)
        self._names.add(action_names(self.connection, _FROM_A_FILE, first_row))
        good.unlink()
        self.remarks.extend(left_out(path, damaged, is_growing=run.held_by is not None))
        self.lacks_lines |= bool(lost_lines(damaged))

    def _insert(self, path: Path, position: int, *, is_ours: bool) -> None:
        """Read a file into the table. Raises DuckDB's errors, and has then read nothing.

        A file written by `salvage` is ours. In others, times must have the usual format.
        """
        counters = ", ".join(f"{name} BIGINT" for name in COUNTERS)
        self.connection.execute(
            f"""
            INSERT INTO answers
            SELECT ?, company_id, from_date, until_date,
                {"fetched_at" if is_ours else _CHECKED_MOMENT}, attempts,
                {_OURS if is_ours else _COUNTS}, coalesce(statistics.actions, '{{}}'),
                {"left_out, unknown_fields" if is_ours else "NULL, NULL"}
            FROM read_json(?, format = 'newline_delimited', columns = {{
                company_id: 'VARCHAR', from_date: 'DATE', until_date: 'DATE',
                fetched_at: 'VARCHAR', attempts: 'BIGINT',
                statistics: 'STRUCT({counters}, actions JSON)'
                {", left_out: 'VARCHAR', unknown_fields: 'VARCHAR'" if is_ours else ""}
            }}, maximum_object_size = {LONGEST_LINE})
            """,
            [position, str(path)],
        )

    def _remark_values(self, runs: Sequence[RecordedRun]) -> None:
        """Name the newest answers of which values were left out."""
        found = _LEFT_OUT.format(newest=self.newest)
        count = self._count(f"SELECT count(*) {found}")
        self.lacks_values = count > 0
        rows = self.connection.execute(
            f"SELECT run, company_id, from_date, until_date, left_out {found} "
            f"ORDER BY ALL NULLS FIRST LIMIT {_MOST_NAMED}"
        ).fetchall()
        for position, company_id, first, last, names in rows:
            self.remarks.append(
                f"{runs[position].directory}: company {quoted(company_id)}, "
                f"{Window(first, last)}: too large for a 64-bit integer, and left out: "
                f"{quoted(names)}; collector latest shows the values"
            )
        if count > len(rows):
            more = counted(count - len(rows), "more cell has", "more cells have")
            self.remarks.append(f"{more} values that are too large, and left out")

    def _count(self, query: str, *parameters: object) -> int:
        ((count,),) = self.connection.execute(query, list(parameters)).fetchall()
        return int(count)
