"""The answers of any number of runs as one table, and which of them is the newest of its cell.

DuckDB reads the files by itself, at full speed. Where it finds anything that a collector would not
have written, that file is read line by line instead, by the rules of `collector.store.lines`, so
that damaged lines are left out here just as `collector latest` leaves them out.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import duckdb

from collector.errors import InputError
from collector.store.changes import COUNTERS
from collector.store.newest import overlapping
from collector.store.recorded_run import RecordedRun
from collector.store.run_directory import STATISTICS
from collector.tables.engine import Database
from collector.tables.salvage import salvage

__all__ = ["Answers"]

_SMALL: Final = "BIGINT"
_WIDE: Final = "DECIMAL(38,0)"
_MOST_SMALL: Final = 2**63 - 1
_MOST_WIDE: Final = 10**38 - 1

_LONGEST_LINE: Final = 4 * 1024 * 1024
"""Bytes; a line has an answer of 1 MiB at most."""

_ACTION: Final = r'\s*"(?:[^"\\]|\\.)*"\s*:\s*[0-9]{1,18}\s*'
_ACTIONS: Final = rf"\s*\{{(?:{_ACTION}(?:,{_ACTION})*|\s*)\}}\s*"
"""Actions as they stand in a line, all of them counts that fit into a BIGINT."""

_TABLE: Final = f"""
CREATE TEMP TABLE answers (
    run INTEGER, company_id VARCHAR, from_date DATE, until_date DATE, fetched_at TIMESTAMPTZ,
    attempts BIGINT, {", ".join(f"{name} {_SMALL}" for name in COUNTERS)}, actions JSON
)
"""
_ODD: Final = f"""
SELECT 1 FROM answers WHERE run = ? AND (
    company_id IS NULL OR (from_date IS NULL) <> (until_date IS NULL) OR fetched_at IS NULL
    OR attempts IS NULL OR {" OR ".join(f"{name} IS NULL OR {name} < 0" for name in COUNTERS)}
    OR actions IS NULL OR NOT regexp_full_match(actions, '{_ACTIONS}')
) LIMIT 1
"""
_FIND_NEWEST: Final = """
CREATE OR REPLACE TEMP TABLE newest AS
SELECT max_by(rowid, (fetched_at, rowid)) AS row
FROM answers GROUP BY company_id, from_date, until_date
"""


class Answers:
    """A table `answers` with the lines of runs, and a table `newest` of the rows that count.

    `answers` has the columns run (the position of the run, from 0), company_id, from_date,
    until_date, fetched_at, attempts, the counters, and actions (JSON). `newest` has one column,
    `row`: the row id of the newest answer of each cell. `number` is the SQL type of counts.
    `remarks` says for people what was left out.
    """

    def __init__(self, database: Database) -> None:
        self.remarks: Final[list[str]] = []
        self.number = _SMALL
        self.connection: Final = database.connection
        self._scratch = database.scratch
        self._lines = 0
        self.connection.execute(_TABLE)

    def read(self, runs: Iterable[RecordedRun]) -> None:
        """Read all lines of runs, and find the newest answers.

        Of two lines of a cell that were fetched at the same time the one that is read later counts.
        Raises `InputError` when a file cannot be read, or a count has more than 38 digits.
        """
        for position, run in enumerate(runs):
            path = run.directory / STATISTICS
            try:
                # A last line without its line break was not finished, whatever it looks like.
                if not path.is_file() or (_ends_a_line(path) and self._read(path, position)):
                    continue
                self._read_good_lines(run, path, position)
            except OSError as error:
                raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        self.connection.execute(_FIND_NEWEST)
        (self._lines,) = self.connection.execute("SELECT count(*) FROM answers").fetchall()[0]

    @property
    def newest(self) -> str:
        """What follows FROM for the newest answer of each cell."""
        if self.cells() == self._lines:
            # Nothing has to be looked up, which takes a tenth of the time of an export.
            return "answers"
        return "answers WHERE rowid IN (SELECT row FROM newest)"

    def actions(self) -> list[str]:
        """Return the names of all actions in the newest answers, ordered by their UTF-8 bytes."""
        rows = self.connection.execute(
            "SELECT DISTINCT unnest(keys) AS name "
            f"FROM (SELECT DISTINCT json_keys(actions) AS keys FROM {self.newest}) ORDER BY name"
        )
        return [name for (name,) in rows.fetchall()]

    def cells(self) -> int:
        """Count the cells that have an answer."""
        (count,) = self.connection.execute("SELECT count(*) FROM newest").fetchall()[0]
        return int(count)

    def overlap(self) -> tuple[str, str] | None:
        """Return two windows that have days in common, if there are any, as people read them."""
        rows = self.connection.execute(
            "SELECT DISTINCT from_date, until_date FROM answers WHERE from_date IS NOT NULL"
        )
        found = overlapping((str(first), str(last)) for first, last in rows.fetchall())
        return None if found is None else (str(found[0]), str(found[1]))

    def _read(self, path: Path, position: int) -> bool:
        """Let DuckDB read a file; False, and nothing is read, if anything in it is odd."""
        # The link has a name that is no pattern, and that every encoding can spell.
        link = self._scratch / f"{position}.jsonl"
        link.symlink_to(path.resolve())
        try:
            self._insert(link, position, self.number)
        except (duckdb.IOException, duckdb.OutOfMemoryException):
            raise
        except duckdb.Error:
            return False
        if self.connection.execute(_ODD, [position]).fetchone() is None:
            return True
        self.connection.execute("DELETE FROM answers WHERE run = ?", [position])
        return False

    def _read_good_lines(self, run: RecordedRun, path: Path, position: int) -> None:
        good = self._scratch / f"{position}.good.jsonl"
        largest, damaged = salvage(path, good)
        if largest > _MOST_WIDE:
            raise InputError(
                f"{path}: a count has {len(str(largest))} digits, and no column can hold it; "
                "collector latest prints such lines"
            )
        if largest > _MOST_SMALL and self.number == _SMALL:
            self.number = _WIDE
            for name in COUNTERS:
                self.connection.execute(f"ALTER TABLE answers ALTER {name} TYPE {_WIDE}")
        self._insert(good, position, self.number)
        good.unlink()
        if damaged and not run.held_by:
            self.remarks.append(f"{path}: {damaged:,} bytes are damaged, and were left out")

    def _insert(self, path: Path, position: int, number: str) -> None:
        counters = ", ".join(f"{name} {number}" for name in COUNTERS)
        self.connection.execute(
            f"""
            INSERT INTO answers
            SELECT ?, company_id, from_date, until_date, fetched_at, attempts,
                {", ".join(f"statistics.{name}" for name in COUNTERS)}, statistics.actions
            FROM read_json(?, format = 'newline_delimited', columns = {{
                company_id: 'VARCHAR', from_date: 'DATE', until_date: 'DATE',
                fetched_at: 'TIMESTAMPTZ', attempts: 'BIGINT',
                statistics: 'STRUCT({counters}, actions JSON)'
            }}, maximum_object_size = {_LONGEST_LINE})
            """,
            [position, str(path)],
        )


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        if not size:
            return True
        stream.seek(size - 1)
        return stream.read(1) == b"\n"
