"""The newest answers of runs, read and written."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from collector.export.rows import Rows
from collector.export.target import Target
from collector.export.writers import write_rows
from collector.store.recorded_run import RecordedRun
from collector.tables.answers import Answers
from collector.tables.engine import Database
from collector.tables.names import load_names

__all__ = ["Exported", "export"]


class Exported(NamedTuple):
    """What was written: so many rows and columns. `remarks` says for people what is odd."""

    rows: int
    columns: int
    remarks: Sequence[str]


def export(
    database: Database, runs: Sequence[RecordedRun], path: Path, target: Target, delimiter: str
) -> Exported:
    """Write the newest answer of every cell over `path`, ordered by company and days.

    The order is that of `collector latest`. Takes memory that does not grow with the lines. Raises
    `InputError` when a run cannot be read, `OSError` and DuckDB's errors when the disk refuses.
    """
    answers = Answers(database)
    answers.read(runs)
    remarks = [*answers.remarks, *load_names(database, runs)]
    if overlap := answers.overlap():
        one, other = overlap
        remarks.append(
            f"windows overlap, such as {one} and {other}: whoever adds up the rows counts days "
            "twice"
        )
    rows = Rows(answers)
    write_rows(database.connection, rows, path, target, delimiter)
    return Exported(answers.cells(), len(rows.header), remarks)
