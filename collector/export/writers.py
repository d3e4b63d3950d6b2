"""Writes the rows of an export into a file, each kind of file in its own way."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import duckdb

from collector.export.csv_file import write_csv
from collector.export.rows import Rows
from collector.export.target import Target
from collector.tables.engine import sql_text

__all__ = ["TABLE", "write_rows"]

TABLE: Final = "statistics"
"""The name of the table in a DuckDB file."""

_ROWS_AT_ONCE: Final = 10_000


def write_rows(
    connection: duckdb.DuckDBPyConnection, rows: Rows, path: Path, target: Target, delimiter: str
) -> None:
    """Write over an existing file. Raises `OSError` and DuckDB's errors when the disk refuses."""
    if target.is_csv:
        table = connection.execute(rows.texts, rows.parameters)
        is_excel = target is Target.EXCEL
        write_csv(path, rows.header, _fetched(table), delimiter=delimiter, for_excel=is_excel)
    elif target is Target.PARQUET:
        # Into the file that is there, whose mode is right, not into one that takes its place.
        options = "FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false"
        connection.execute(
            f"COPY ({rows.typed}) TO {sql_text(str(path))} ({options})", rows.parameters
        )
    else:
        _write_database(connection, rows, path)


def _write_database(connection: duckdb.DuckDBPyConnection, rows: Rows, path: Path) -> None:
    mode = path.stat().st_mode
    # DuckDB takes an empty file for a damaged database.
    path.unlink()
    # Until the new one has the mode of the old one nobody else may read it, nor the log beside it.
    umask = os.umask(0o077)
    try:
        connection.execute(f"ATTACH {sql_text(str(path))} AS target")
        connection.execute(f"CREATE TABLE target.{TABLE} AS {rows.typed}", rows.parameters)
        # Writes all that is in the log into the file, and removes the log.
        connection.execute("DETACH target")
    finally:
        os.umask(umask)
    path.chmod(mode)


def _fetched(table: duckdb.DuckDBPyConnection) -> Iterator[tuple[object, ...]]:
    while rows := table.fetchmany(_ROWS_AT_ONCE):
        yield from rows
