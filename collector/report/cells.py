"""The cells of the runs as tables of a database: what was planned, answered, and failed."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from collector.core.errors import InputError
from collector.core.outcome import COUNTERS
from collector.plan import Companies
from collector.report.bins import Bin, cut
from collector.report.model import WindowSpan
from collector.store.files import COMPANIES
from collector.store.lines import parse_error
from collector.store.recorded_run import RecordedRun
from collector.store.repair import ByteRange, damaged_spans, left_out, lost_lines
from collector.tables.answers import Answers
from collector.tables.engine import Database, json_pointer
from collector.tables.names import load_names
from collector.tables.plain import MOST_SMALL

__all__ = ["Cells", "each_line"]

_SPANS: Final = 120
"""Columns of figures over time, at most."""

_ZERO: Final = " AND ".join(f"{name} = 0" for name in COUNTERS)

_PLAN_TABLES: Final = """
CREATE TEMP TABLE lists (list INTEGER, position BIGINT, company_id VARCHAR);
CREATE TEMP TABLE uses (list INTEGER, run INTEGER);
CREATE TEMP TABLE list_windows (list INTEGER, from_date DATE, until_date DATE);
"""
_ERRORS: Final = """
CREATE TEMP TABLE errors AS
SELECT DISTINCT
    run, company_id, try_cast(from_date AS DATE) AS from_date,
    try_cast(until_date AS DATE) AS until_date
FROM read_json(?, format = 'newline_delimited', columns = {
    run: 'INTEGER', company_id: 'VARCHAR', from_date: 'VARCHAR', until_date: 'VARCHAR'
})
"""
# Answered and failed cells count as planned, for the list that they were in may be lost.
_MET: Final = """
CREATE TEMP VIEW met AS
SELECT company_id, from_date, until_date FROM answers
UNION SELECT company_id, from_date, until_date FROM errors
"""
_COMPANIES: Final = """
CREATE TEMP TABLE companies AS
SELECT
    row_number() OVER (ORDER BY run DESC NULLS LAST, position, company_id) - 1 AS position,
    company_id, company_name
FROM (SELECT company_id FROM met UNION SELECT company_id FROM lists)
LEFT JOIN (
    SELECT company_id, max(run) AS run, max_by(position, run) AS position
    FROM lists JOIN (SELECT list, max(run) AS run FROM uses GROUP BY list) USING (list)
    GROUP BY company_id
) USING (company_id)
LEFT JOIN names USING (company_id)
"""
_WINDOWS: Final = """
CREATE TEMP TABLE windows AS
SELECT
    row_number() OVER (ORDER BY from_date NULLS FIRST, until_date) - 1 AS position,
    from_date, until_date, (until_date - from_date) + 1 AS days
FROM (
    SELECT from_date, until_date FROM met UNION SELECT from_date, until_date FROM list_windows
)
"""
_PLANNED: Final = """
CREATE TEMP TABLE planned AS
SELECT DISTINCT companies.position AS company, windows.position AS "window"
FROM (
    SELECT company_id, from_date, until_date FROM met
    UNION ALL
    SELECT company_id, from_date, until_date FROM lists
    JOIN (SELECT DISTINCT * FROM list_windows) USING (list)
) AS cells JOIN companies USING (company_id) JOIN windows
    ON windows.from_date IS NOT DISTINCT FROM cells.from_date
    AND windows.until_date IS NOT DISTINCT FROM cells.until_date
"""
_FACTS: Final = """
CREATE TEMP TABLE facts AS
SELECT companies.position AS company, windows.position AS "window",
    fetched_at::DATE AS fetched_on, {counters}, {counts} AS counts, {is_empty} AS is_empty,
    left_out IS NOT NULL AS lacks_values
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
_BINS: Final = """
CREATE TEMP TABLE bins AS SELECT unnest($1::BIGINT[]) AS "window", unnest($2::BIGINT[]) AS bin
"""


class Cells:
    """Tables about the cells of runs, beside those of `Answers` and `load_names`.

    * `errors` (run, company_id, from_date, until_date): cells that failed for good in an attempt
    * `companies` (position, company_id, company_name): in the order of the newest list
    * `windows` (position, from_date, until_date, days): the server's default first, then by days
    * `planned` (company, window): positions; each cell once
    * `facts` (company, window, fetched_on, the counters, counts, is_empty, lacks_values): the
      newest answers; `fetched_on` is a day in UTC; `counts` has one number for each of `actions`, 0
      where an answer does not have it, and if there are others one more for the sum of these, as
      far as a BIGINT holds it; what `Answers` has left out is null in a counter, and 0 in `counts`
    * `failed` (company, window): the cells of `errors`, each once
    * `bins` (window, bin): which column of figures over time a window is in, from 0

    `is_known` is False if the list of companies of a run cannot be read, or was edited: of such a
    run only the cells in its lines are there. `remarks` tell people what is odd in the files;
    `lacks_lines` says that damaged lines were left out.
    """

    def __init__(self, database: Database, runs: Sequence[RecordedRun]) -> None:
        """Read all files of runs, the oldest first. Raises `InputError` and `OSError`."""
        self.answers: Final = Answers(database)
        self.answers.read(runs)
        self.actions: Final = self.answers.all_actions()
        self._connection = database.connection
        self._lists: dict[bytes, int] = {}
        self.lacks_lines = self.answers.lacks_lines
        damaged = self._read_errors(runs, database.scratch / "errors.jsonl")
        # The remarks on lists that cannot be read are ignored: `_read_plan` says more.
        load_names(database, runs)
        self.execute(_PLAN_TABLES)
        unknown = [
            remark
            for number, run in enumerate(runs)
            if (remark := self._read_plan(run, number)) is not None
        ]
        self.is_known: Final = not unknown
        self.remarks: Final = [*unknown, *self.answers.remarks, *damaged]
        for statement in (_MET, _COMPANIES, _WINDOWS, _PLANNED):
            self.execute(statement)
        if self.actions.remark:
            self.remarks.append(f"{self.actions.remark} as one sum")
        pointers = [json_pointer(name) for name in self.actions.names]
        self._connection.execute("SET VARIABLE pointers = $1::VARCHAR[]", [pointers])
        counters = ", ".join(f"answers.{name}" for name in COUNTERS)
        self.execute(
            _FACTS.format(
                counters=counters,
                counts=self.counts,
                is_empty=self.is_empty,
                newest=self.answers.newest,
            )
        )
        self.execute(_FAILED)
        self._bins: Final = self._cut()

    @property
    def counts(self) -> str:
        """The expression for `counts`, of a row of `answers`."""
        counts = "json_extract_string(actions, getvariable('pointers'))::BIGINT[]"
        known = f"list_transform({counts}, lambda count: coalesce(count, 0))"
        if not self.actions.others:
            return known
        every = "coalesce(list_sum(json_extract_string(actions, '$.*')::BIGINT[]), 0)"
        rest = f"least({every} - list_sum({known}), {MOST_SMALL})::BIGINT"
        return f"list_append({known}, {rest})"

    @property
    def is_empty(self) -> str:
        """The expression for `is_empty`, of a row of `answers`."""
        return f"left_out IS NULL AND {_ZERO} AND coalesce(list_max({self.counts}), 0) = 0"

    def spans(self) -> list[WindowSpan]:
        """Return the columns of figures over time, the oldest first."""
        return [one.span for one in self._bins]

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return all rows of a query, which must be few enough for memory."""
        return self._connection.execute(query, list(parameters)).fetchall()

    def execute(self, statement: str) -> None:
        """Execute a statement that makes a table."""
        self._connection.execute(statement)

    def _cut(self) -> list[Bin]:
        """Make the table `bins`."""
        rows = self.rows("SELECT from_date, until_date, 1, days FROM windows ORDER BY position")
        bins = cut([WindowSpan(*row) for row in rows], _SPANS)
        places = [place for place, one in enumerate(bins) for _ in one.members]
        self._connection.execute(_BINS, [list(range(len(places))), places])
        return bins

    def _read_errors(self, runs: Sequence[RecordedRun], gathered: Path) -> list[str]:
        """Make the table `errors` by way of a file; return remarks on damaged lines."""
        remarks: list[str] = []
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
                    spans = each_line(path, take)
                    remarks += left_out(path, spans, is_growing=run.held_by is not None)
                    self.lacks_lines |= bool(lost_lines(spans))
        self._connection.execute(_ERRORS, [str(gathered)])
        return remarks

    def _read_plan(self, run: RecordedRun, number: int) -> str | None:
        """Insert the plan of a run; return the remark if its list of companies is not known."""
        try:
            plan, is_intact = run.plan()
        except InputError as error:
            return f"{error}; what is missing in this run is not known"
        if not is_intact:
            path = run.directory / COMPANIES
            return f"{path} was edited; what is missing in this run is not known"
        for places, windows in plan.groups():
            list_ = self._list(plan.companies, places)
            self._insert("uses", list_, [number])
            firsts = [window.from_date for window in windows]
            lasts = [window.until_date for window in windows]
            self._insert("list_windows", list_, firsts, lasts)
        return None

    def _list(self, companies: Companies, places: Sequence[int]) -> int:
        """Return the number of a list; runs with the same list share it, for it may be long."""
        ids = [companies.ids[place] for place in places]
        digest = sha256("\n".join(ids).encode()).digest()
        if (number := self._lists.get(digest)) is None:
            number = self._lists[digest] = len(self._lists)
            self._insert("lists", number, list(places), ids)
        return number

    def _insert(self, table: str, number: int, *columns: list[Any]) -> None:
        values = ", ".join(f"unnest(${position})" for position in range(2, len(columns) + 2))
        self._connection.execute(f"INSERT INTO {table} SELECT $1, {values}", [number, *columns])


def each_line(path: Path, take: Callable[[bytes], bool]) -> list[ByteRange]:
    """Pass each line of a file to `take`; return the ranges of those that it rejects, as damaged.

    Raises `InputError` when the file cannot be read.
    """
    try:
        return damaged_spans(path, take)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
