"""What the runs had planned, as tables: companies, windows, and planned cells."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from collector.errors import InputError
from collector.plan import Companies
from collector.store.recorded_run import RecordedRun
from collector.store.run_directory import COMPANIES
from collector.tables.answers import Answers

__all__ = ["load_plans"]

_TABLES = """
CREATE TEMP TABLE lists (list INTEGER, position BIGINT, company_id VARCHAR);
CREATE TEMP TABLE list_windows (list INTEGER, from_date DATE, until_date DATE);
CREATE TEMP TABLE names (run INTEGER, company_id VARCHAR, company_name VARCHAR);
"""

# The order is that of the newest list. Answers of companies that are in no list any more, for it
# was lost or edited, still count.
_COMPANIES = """
CREATE TEMP TABLE companies AS
SELECT
    row_number() OVER (ORDER BY list DESC NULLS LAST, position, company_id) - 1 AS position,
    company_id, company_name
FROM (SELECT DISTINCT company_id FROM answers UNION SELECT company_id FROM lists)
LEFT JOIN (
    SELECT company_id, max(list) AS list, max_by(position, list) AS position
    FROM lists GROUP BY company_id
) USING (company_id)
LEFT JOIN (
    SELECT company_id, max_by(company_name, run) AS company_name FROM names GROUP BY company_id
) USING (company_id)
"""
_WINDOWS = """
CREATE TEMP TABLE windows AS
SELECT
    row_number() OVER (ORDER BY from_date NULLS FIRST, until_date) - 1 AS position,
    from_date, until_date
FROM (
    SELECT from_date, until_date FROM answers UNION SELECT from_date, until_date FROM list_windows
)
"""
_PLANNED = """
CREATE TEMP TABLE planned AS
SELECT DISTINCT companies.position AS company, windows.position AS "window"
FROM lists JOIN (SELECT DISTINCT * FROM list_windows) AS list_windows USING (list)
JOIN companies USING (company_id)
JOIN windows ON windows.from_date IS NOT DISTINCT FROM list_windows.from_date
    AND windows.until_date IS NOT DISTINCT FROM list_windows.until_date
"""


def load_plans(answers: Answers, runs: Iterable[RecordedRun]) -> list[str]:
    """Make tables of what runs had planned, the oldest run first.

    * `companies` (position, company_id, company_name): in the order of the newest list
    * `windows` (position, from_date, until_date): the server's default first, then by days
    * `planned` (company, window): positions; each cell once

    A run whose list of companies cannot be read is left out; what is returned says so for people.
    """
    loader = _Loader(answers)
    for number, run in enumerate(runs):
        loader.load(run, number)
    for statement in (_COMPANIES, _WINDOWS, _PLANNED):
        answers.connection.execute(statement)
    return loader.remarks


class _Loader:
    """Puts plans into tables one by one: lists of companies may be long, and nights are many."""

    def __init__(self, answers: Answers) -> None:
        self.remarks: list[str] = []
        self._connection = answers.connection
        self._connection.execute(_TABLES)
        self._lists: dict[bytes, int] = {}

    def load(self, run: RecordedRun, number: int) -> None:
        try:
            plan, is_intact = run.plan()
        except InputError as error:
            self.remarks.append(f"{error}; what is missing in this run is not known")
            return
        if not is_intact:
            path = run.directory / COMPANIES
            self.remarks.append(f"{path} was edited: companies may be gone from it")
        names = plan.companies.names
        self._insert("names", number, list(names), list(names.values()))
        firsts = [window.from_date for window in plan.windows]
        lasts = [window.until_date for window in plan.windows]
        self._insert("list_windows", self._list(plan.companies), firsts, lasts)

    def _list(self, companies: Companies) -> int:
        """Return the number of a list; nights have the same one as a rule, and share it."""
        digest = sha256("\n".join(companies.ids).encode()).digest()
        if (number := self._lists.get(digest)) is None:
            number = len(self._lists)
            self._lists[digest] = number
            self._insert("lists", number, list(range(len(companies))), list(companies.ids))
        return number

    def _insert(self, table: str, number: int, *columns: list[Any]) -> None:
        values = ", ".join(f"unnest(${position})" for position in range(2, len(columns) + 2))
        if columns[0]:
            self._connection.execute(f"INSERT INTO {table} SELECT $1, {values}", [number, *columns])
