"""What runs have planned, and which answers are of an older run than the newest plan."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from collector.core.errors import InputError
from collector.plan import Companies
from collector.store.files import COMPANIES
from collector.store.recorded_run import RecordedRun
from collector.tables.engine import Database

__all__ = ["Plans"]

_TABLES: Final = """
CREATE TEMP TABLE lists (list INTEGER, position BIGINT, company_id VARCHAR);
CREATE TEMP TABLE uses (list INTEGER, run INTEGER);
CREATE TEMP TABLE list_windows (list INTEGER, run INTEGER, from_date DATE, until_date DATE);
"""
_OLDER: Final = """
SELECT count(*) FROM (
    SELECT DISTINCT answered.company_id, answered.from_date, answered.until_date
    FROM (
        SELECT company_id, from_date, until_date, max(run) AS run FROM answers GROUP BY ALL
    ) AS answered JOIN (
        SELECT list, from_date, until_date, max(run) AS run FROM list_windows GROUP BY ALL
    ) AS planned
        ON planned.from_date IS NOT DISTINCT FROM answered.from_date
        AND planned.until_date IS NOT DISTINCT FROM answered.until_date
        AND planned.run > answered.run
    JOIN lists ON lists.list = planned.list AND lists.company_id = answered.company_id
)
"""


class Plans:
    """Tables about the plans of runs.

    * `lists` (list, position, company_id): companies that begin with the same window; runs with the
      same ones share a list
    * `uses` (list, run): which run has which lists
    * `list_windows` (list, run, from_date, until_date): the windows of each run
    """

    def __init__(self, database: Database) -> None:
        self._connection = database.connection
        self._lists: dict[bytes, int] = {}
        self._connection.execute(_TABLES)

    def read(self, run: RecordedRun, number: int) -> str | None:
        """Insert the plan of a run; return why its list of companies is not known, if it is not."""
        try:
            plan, is_intact = run.plan()
        except InputError as error:
            return str(error)
        if not is_intact:
            return f"{run.directory / COMPANIES} was edited"
        for places, windows in plan.groups():
            list_ = self._list(plan.companies, places)
            self._insert("uses", list_, [number])
            firsts = [window.from_date for window in windows]
            lasts = [window.until_date for window in windows]
            self._insert("list_windows", list_, [number] * len(firsts), firsts, lasts)
        return None

    def older_answers(self) -> int:
        """Count the cells in `answers` that the newest run that planned them has not answered.

        Of runs that have answered all their cells the plan need not be read.
        """
        ((count,),) = self._connection.execute(_OLDER).fetchall()
        return int(count)

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
