"""The newest answers and the failures of the runs, cell by cell, as tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import orjson

from collector.core.errors import InputError
from collector.report.read.plans import load_plans
from collector.store.changes import COUNTERS
from collector.store.lines import parse_error
from collector.store.recorded_run import RecordedRun
from collector.store.repair import damaged_spans, left_out
from collector.tables.answers import Answers
from collector.tables.engine import Database, json_pointer
from collector.tables.names import load_names

__all__ = ["Cells"]

_ZERO: Final = " AND ".join(f"{name} = 0" for name in COUNTERS)

_ERRORS: Final = """
CREATE TEMP TABLE errors AS
SELECT DISTINCT
    run, company_id, try_cast(from_date AS DATE) AS from_date,
    try_cast(until_date AS DATE) AS until_date
FROM read_json(?, format = 'newline_delimited', columns = {
    run: 'INTEGER', company_id: 'VARCHAR', from_date: 'VARCHAR', until_date: 'VARCHAR'
})
"""
_FACTS: Final = """
CREATE TEMP TABLE facts AS
SELECT companies.position AS company, windows.position AS "window", {counters},
    {counts} AS counts, {is_empty} AS is_empty
FROM (SELECT * FROM {newest}) AS answers JOIN companies USING (company_id) JOIN windows
    ON windows.from_date IS NOT DISTINCT FROM answers.from_date
    AND windows.until_date IS NOT DISTINCT FROM answers.until_date
"""
_FAILED: Final = """
CREATE TEMP TABLE failed AS
SELECT DISTINCT companies.position AS company, windows.position AS "window"
FROM errors JOIN companies USING (company_id) JOIN windows
    ON windows.from_date IS NOT DISTINCT FROM errors.from_date
    AND windows.until_date IS NOT DISTINCT FROM errors.until_date
"""


class Cells:
    """Tables about the cells of runs, beside those of `Answers` and of `load_plans`.

    * `facts` (company, window, the counters, counts, is_empty): the newest answers; `counts` has
      one number for each of `actions`, 0 where an answer does not have it
    * `errors` (run, company_id, from_date, until_date): what failed for good in some attempt
    * `failed` (company, window): the cells of `errors`, each once

    `remarks` says for people what is odd in the files, `is_known` whether all plans are known.
    """

    def __init__(self, database: Database, runs: Sequence[RecordedRun]) -> None:
        """Read all that there is of runs, the oldest first. Raises `InputError` and `OSError`."""
        self.answers: Final = Answers(database)
        self.answers.read(runs)
        self.actions: Final = self.answers.all_actions()
        self.remarks: Final = [*self.answers.remarks]
        self._connection = database.connection
        self._read_errors(runs, database.scratch / "errors.jsonl")
        # What it says of lists that cannot be read, the plans say better.
        load_names(database, runs)
        plans = load_plans(database, runs)
        self.remarks[:0] = plans.remarks
        self.is_known: Final = plans.is_known
        pointers = [json_pointer(name) for name in self.actions]
        self._connection.execute("SET VARIABLE pointers = $1::VARCHAR[]", [pointers])
        counters = ", ".join(f"answers.{name}" for name in COUNTERS)
        self._connection.execute(
            _FACTS.format(
                counters=counters,
                counts=self.counts,
                is_empty=self.is_empty,
                newest=self.answers.newest,
            )
        )
        self._connection.execute(_FAILED)

    @property
    def counts(self) -> str:
        """The expression for `counts`, of a row of `answers`."""
        counts = f"json_extract_string(actions, getvariable('pointers'))::{self.answers.number}[]"
        return f"list_transform({counts}, lambda count: coalesce(count, 0))"

    @property
    def is_empty(self) -> str:
        """The expression for `is_empty`, of a row of `answers`."""
        return f"{_ZERO} AND coalesce(list_max({self.counts}), 0) = 0"

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return all rows of a query, of which there must not be many.

        Raises `InputError` when a sum has more than 38 digits.
        """
        try:
            return self._connection.execute(query, list(parameters)).fetchall()
        except (duckdb.OutOfRangeException, duckdb.ConversionException) as error:
            raise InputError(
                "the counts of these runs are too large to be added up; collector latest and "
                "collector export show them"
            ) from error

    def execute(self, statement: str) -> None:
        """Execute a statement that makes a table."""
        self._connection.execute(statement)

    def _read_errors(self, runs: Sequence[RecordedRun], gathered: Path) -> None:
        with gathered.open("wb") as stream:
            for number, run in enumerate(runs):

                def take(line: bytes, number: int = number) -> bool:
                    error = parse_error(line)
                    if error is None:
                        return False
                    days = {"from_date": error.from_date, "until_date": error.until_date}
                    cell = {"run": number, "company_id": error.company_id, **days}
                    stream.write(orjson.dumps(cell, option=orjson.OPT_APPEND_NEWLINE))
                    return True

                for path in run.errors():
                    try:
                        damaged = damaged_spans(path, take)
                    except OSError as error:
                        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
                    if damaged and not run.held_by:
                        self.remarks.append(left_out(path, damaged))
        self._connection.execute(_ERRORS, [str(gathered)])
