"""The newest answers and the failures of the runs, cell by cell, as tables."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import orjson

from collector.errors import InputError
from collector.report.model import Company
from collector.report.read.plans import load_plans
from collector.store.changes import COUNTERS
from collector.store.lines import parse_error
from collector.store.recorded_run import RecordedRun
from collector.store.repair import damaged_spans
from collector.store.run_directory import errors_files
from collector.tables.answers import Answers
from collector.tables.engine import Database, json_pointer

__all__ = ["Cells"]

_ZERO: Final = " AND ".join(f"{name} = 0" for name in COUNTERS)

_FACTS: Final = """
CREATE TEMP TABLE facts AS
SELECT companies.position AS company, windows.position AS "window", {counters},
    {counts} AS counts, {zero} AND coalesce(list_sum(counts), 0) = 0 AS is_empty
FROM (SELECT * FROM {newest}) AS answers JOIN companies USING (company_id) JOIN windows
    ON windows.from_date IS NOT DISTINCT FROM answers.from_date
    AND windows.until_date IS NOT DISTINCT FROM answers.until_date
"""
_FAILED: Final = """
CREATE TEMP TABLE failed AS
SELECT DISTINCT companies.position AS company, windows.position AS "window"
FROM read_json(?, format = 'newline_delimited', columns = {
    company_id: 'VARCHAR', from_date: 'DATE', until_date: 'DATE'
}) AS errors JOIN companies USING (company_id) JOIN windows
    ON windows.from_date IS NOT DISTINCT FROM errors.from_date
    AND windows.until_date IS NOT DISTINCT FROM errors.until_date
"""


class Cells:
    """Tables about the cells of runs, beside those of `Answers` and of `load_plans`.

    * `facts` (company, window, the counters, counts, is_empty): the newest answers; `counts` has
      one number for each of `actions`, 0 where an answer does not have it
    * `failed` (company, window): cells that failed for good in some attempt; each once

    `remarks` says for people what is odd in the files.
    """

    def __init__(self, database: Database, runs: Iterable[RecordedRun]) -> None:
        """Read all that there is of runs, the oldest first. Raises `InputError` and `OSError`."""
        runs = list(runs)
        self.answers: Final = Answers(database)
        self.answers.read(runs)
        self.remarks: Final = [*self.answers.remarks, *load_plans(self.answers, runs)]
        self.actions: Final = self.answers.actions()
        self.number: Final = "BIGINT" if self.answers.number == "BIGINT" else "DOUBLE"
        """The SQL type of counts; what is beyond 64 bits becomes approximate when added up."""
        self._connection = database.connection
        pointers = [json_pointer(name) for name in self.actions]
        self._connection.execute("SET VARIABLE pointers = $1::VARCHAR[]", [pointers])
        self._connection.execute(
            _FACTS.format(
                counters=", ".join(f"answers.{name}::{self.number} AS {name}" for name in COUNTERS),
                counts=self.counts,
                zero=_ZERO,
                newest=self.answers.newest,
            )
        )
        self._read_errors(runs, database.scratch / "errors.jsonl")

    @property
    def counts(self) -> str:
        """The expression for `counts`, of a row of `answers`."""
        counts = f"json_extract_string(actions, getvariable('pointers'))::{self.number}[]"
        return f"list_transform({counts}, lambda count: coalesce(count, 0))"

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return all rows of a query, of which there must not be many."""
        return self._connection.execute(query, list(parameters)).fetchall()

    def execute(self, statement: str) -> None:
        """Execute a statement that makes a table."""
        self._connection.execute(statement)

    def companies(self, positions: Iterable[int]) -> dict[int, Company]:
        """Return some companies by their positions."""
        rows = self.rows("SELECT * FROM companies WHERE position IN $1", list(positions))
        return {position: Company(company_id, name) for position, company_id, name in rows}

    def _read_errors(self, runs: Iterable[RecordedRun], gathered: Path) -> None:
        with gathered.open("wb") as stream:

            def take(line: bytes) -> bool:
                error = parse_error(line)
                if error is None:
                    return False
                names = ("company_id", "from_date", "until_date")
                stream.write(orjson.dumps({name: getattr(error, name) for name in names}) + b"\n")
                return True

            for run in runs:
                for path in errors_files(run.directory):
                    try:
                        damaged = damaged_spans(path, take)
                    except OSError as error:
                        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
                    if damaged and not run.held_by:
                        size = sum(span.end - span.start for span in damaged)
                        self.remarks.append(
                            f"{path}: {size:,} bytes are damaged, and were left out"
                        )
        self._connection.execute(_FAILED, [str(gathered)])
