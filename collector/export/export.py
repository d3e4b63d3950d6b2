"""Export of the newest answers of runs as flat columns, in any format."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import orjson

from collector.export.columns import (
    FIXED,
    OTHER_ACTIONS,
    TABLE,
    UNKNOWN_FIELDS,
    action_columns,
)
from collector.export.formats import Format, Target
from collector.export.text import write_text
from collector.store.newest import older_text
from collector.store.recorded_run import RecordedRun
from collector.tables.answers import Answers
from collector.tables.engine import Database, json_pointer, sql_name, sql_text
from collector.tables.names import load_names
from collector.tables.plans import Plans

__all__ = ["Exported", "Rows", "export"]


@dataclass(frozen=True, slots=True)
class Exported:
    """The numbers of rows and columns that were written; `remarks` are warnings for the user.

    `is_incomplete` says that damaged lines, values that no column can hold, or names are missing.
    """

    rows: int
    columns: int
    remarks: Sequence[str]
    is_incomplete: bool = False


def export(  # noqa: PLR0913 - what to write, where and how
    database: Database,
    runs: Sequence[RecordedRun],
    path: Path,
    form: Format,
    delimiter: str,
    *,
    unknown_fields: bool = False,
) -> Exported:
    """Write the newest answer of every cell over `path`, ordered by company and days.

    `unknown_fields` adds a column with the fields of the answers that are not documented.
    The order is that of `collector latest`. Memory does not grow with the number of lines. Raises
    `InputError` when a run cannot be read, `OSError` and DuckDB's errors when the disk cannot be
    written.
    """
    answers = Answers(database, with_unknown=unknown_fields)
    answers.read(runs)
    nameless = load_names(database, runs)
    remarks = [*answers.remarks, *nameless, *_older(database, answers, runs)]
    if overlap := answers.overlap():
        one, other = overlap
        remarks.append(
            f"windows overlap, such as {one} and {other}: a sum over the rows counts days twice"
        )
    rows = Rows(answers)
    columns = len(rows.header)
    is_incomplete = answers.lacks_lines or answers.lacks_values or bool(nameless)
    is_apart = form.target is Target.WORKBOOK
    if rows.actions.remark:
        columns -= is_apart
        place = f"sheet {OTHER_ACTIONS}" if is_apart else f"column {OTHER_ACTIONS}, as JSON"
        remarks.append(f"{rows.actions.remark} in the {place}")
    if is_apart:
        from collector.export.workbook import write_workbook

        table = _fetched(database.connection, rows.typed, rows)
        written = write_workbook(path, rows.header, table, scratch=database.scratch)
        remarks += written.remarks
        is_incomplete |= written.is_cut
    elif form.target.is_text:
        table = _fetched(database.connection, rows.texts, rows)
        write_text(path, form, rows.header, table, delimiter)
    elif form.target is Target.PARQUET:
        _write_parquet(database.connection, rows, path)
    else:
        _write_database(database.connection, rows, path)
    return Exported(answers.cells(), columns, remarks, is_incomplete)


def _older(database: Database, answers: Answers, runs: Sequence[RecordedRun]) -> Iterator[str]:
    """Yield the warning about answers of an older run than the newest that planned them."""
    plans = Plans(database)
    for number, run in enumerate(runs):
        if answers.lines_of[number] < run.manifest.plan.cells:
            # `load_names` says which list cannot be read.
            plans.read(run, number)
    if text := older_text(plans.older_answers()):
        yield text


_TEXTS: Final = {
    "from_date": "from_date::VARCHAR",
    "until_date": "until_date::VARCHAR",
    "fetched_at": "strftime(fetched_at, '%Y-%m-%dT%H:%M:%S.%gZ')",
}
"""Columns that are neither texts nor numbers, in the spelling of the lines."""


class Rows:
    """The query of an export, with its `parameters`, and the names of its columns in `header`.

    It needs a table `names` beside those of `answers`.
    """

    def __init__(self, answers: Answers) -> None:
        self.actions: Final = answers.actions()
        columns = action_columns(self.actions.names)
        self.header: Final = [*FIXED, *columns.values()]
        self.parameters: Final[list[object]] = [[json_pointer(name) for name in columns]]
        self._newest = answers.newest
        self._further = [
            f"counts[{position}] AS {sql_name(column)}"
            for position, column in enumerate(columns.values(), start=1)
        ]
        if self.actions.others:
            self.header.append(OTHER_ACTIONS)
            # A null in such a patch removes the member (RFC 7396).
            self.parameters.append(orjson.dumps(dict.fromkeys(columns)).decode())
            rest = "json_merge_patch(actions, $2::JSON)::VARCHAR"
            self._further.append(f"nullif({rest}, '{{}}') AS {OTHER_ACTIONS}")
        if answers.with_unknown:
            self.header.append(UNKNOWN_FIELDS)
            self._further.append(UNKNOWN_FIELDS)

    @property
    def typed(self) -> str:
        """The query with typed days and times."""
        return self._query([*FIXED])

    @property
    def texts(self) -> str:
        """The query with days and times as texts."""
        return self._query([f"{_TEXTS.get(name, name)} AS {name}" for name in FIXED])

    def _query(self, fixed: list[str]) -> str:
        return f"""
            SELECT {", ".join(fixed + self._further)} FROM (
                SELECT *, json_extract_string(actions, $1)::BIGINT[] AS counts
                FROM {self._newest}
            ) AS cells LEFT JOIN names USING (company_id)
            ORDER BY cells.company_id, cells.from_date NULLS FIRST, cells.until_date NULLS FIRST
        """


_ROWS_AT_ONCE: Final = 10_000


def _write_parquet(connection: duckdb.DuckDBPyConnection, rows: Rows, path: Path) -> None:
    # Into the existing file, which has the right mode, and not into one that replaces it.
    options = "FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false"
    connection.execute(f"COPY ({rows.typed}) TO {sql_text(str(path))} ({options})", rows.parameters)


def _write_database(connection: duckdb.DuckDBPyConnection, rows: Rows, path: Path) -> None:
    mode = path.stat().st_mode
    # DuckDB treats an empty file as a damaged database.
    path.unlink()
    # Until the new file has the mode of the old one, other users may not read it or its log.
    umask = os.umask(0o077)
    try:
        connection.execute(f"ATTACH {sql_text(str(path))} AS target")
        connection.execute(f"CREATE TABLE target.{TABLE} AS {rows.typed}", rows.parameters)
        # Writes the content of the log into the file, and removes the log.
        connection.execute("DETACH target")
    finally:
        os.umask(umask)
    path.chmod(mode)


def _fetched(
    connection: duckdb.DuckDBPyConnection, query: str, rows: Rows
) -> Iterator[tuple[Any, ...]]:
    table = connection.execute(query, rows.parameters)
    while some := table.fetchmany(_ROWS_AT_ONCE):
        yield from some
