"""What the runs had planned, as tables: companies, windows, and planned cells."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final

from collector.core.errors import InputError
from collector.plan import Companies
from collector.store.files import COMPANIES
from collector.store.recorded_run import RecordedRun
from collector.tables.engine import Database

__all__ = ["Plans", "load_plans"]

_TABLES: Final = """
CREATE TEMP TABLE lists (list INTEGER, position BIGINT, company_id VARCHAR);
CREATE TEMP TABLE uses (list INTEGER, run INTEGER);
CREATE TEMP TABLE list_windows (list INTEGER, from_date DATE, until_date DATE);
"""

# What was answered or has failed is there too, for the list that it was in may be lost.
_CELLS: Final = """
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


class Plans:
    """What is known of the plans: `is_known` is False if that of some run is not.

    `remarks` says so for people.
    """

    def __init__(self) -> None:
        self.is_known = True
        self.remarks: Final[list[str]] = []


def load_plans(database: Database, runs: Iterable[RecordedRun]) -> Plans:
    """Make tables of what runs had planned, the oldest run first.

    * `companies` (position, company_id, company_name): in the order of the newest list
    * `windows` (position, from_date, until_date, days): the server's default first, then by days
    * `planned` (company, window): positions; each cell once

    Of a run whose list of companies cannot be read, or was edited, only what is in its lines is
    there. Tables `answers`, `errors` and `names` must be there.
    """
    loader = _Loader(database)
    for number, run in enumerate(runs):
        loader.load(run, number)
    for statement in (_CELLS, _COMPANIES, _WINDOWS, _PLANNED):
        database.connection.execute(statement)
    return loader.plans


class _Loader:
    """Puts plans into tables one by one: lists of companies may be long, and nights are many."""

    def __init__(self, database: Database) -> None:
        self.plans = Plans()
        self._connection = database.connection
        self._connection.execute(_TABLES)
        self._lists: dict[bytes, int] = {}

    def load(self, run: RecordedRun, number: int) -> None:
        try:
            plan, is_intact = run.plan()
        except InputError as error:
            self._is_unknown(f"{error}; what is missing in this run is not known")
            return
        if not is_intact:
            path = run.directory / COMPANIES
            self._is_unknown(f"{path} was edited; what is missing in this run is not known")
            return
        list_ = self._list(plan.companies)
        self._insert("uses", list_, [number])
        firsts = [window.from_date for window in plan.windows]
        lasts = [window.until_date for window in plan.windows]
        self._insert("list_windows", list_, firsts, lasts)

    def _is_unknown(self, remark: str) -> None:
        self.plans.is_known = False
        self.plans.remarks.append(remark)

    def _list(self, companies: Companies) -> int:
        """Return the number of a list; nights have the same one as a rule, and share it."""
        digest = sha256("\n".join(companies.ids).encode()).digest()
        if (number := self._lists.get(digest)) is None:
            number = self._lists[digest] = len(self._lists)
            self._insert("lists", number, list(range(len(companies))), list(companies.ids))
        return number

    def _insert(self, table: str, number: int, *columns: list[Any]) -> None:
        values = ", ".join(f"unnest(${position})" for position in range(2, len(columns) + 2))
        self._connection.execute(f"INSERT INTO {table} SELECT $1, {values}", [number, *columns])
