"""The rows of an export as a query: flat columns, the newest answer of each cell, in order."""

from typing import Final

from collector.export.columns import FIXED, action_columns
from collector.tables.answers import Answers
from collector.tables.engine import json_pointer, sql_name

__all__ = ["Rows"]

_TEXTS: Final = {
    "from_date": "from_date::VARCHAR",
    "until_date": "until_date::VARCHAR",
    "fetched_at": "strftime(fetched_at, '%Y-%m-%dT%H:%M:%S.%gZ')",
}
"""Columns that are neither texts nor numbers, spelled as the lines spell them."""


class Rows:
    """A query with its `parameters`; there must be a table `names` beside those of `answers`.

    `header` has the names of the columns.
    """

    def __init__(self, answers: Answers) -> None:
        columns = action_columns(answers.actions())
        self.header: Final = [*FIXED, *columns.values()]
        self.parameters: Final = [[json_pointer(name) for name in columns]]
        self._number = answers.number
        self._newest = answers.newest
        self._actions = [
            f"counts[{position}] AS {sql_name(column)}"
            for position, column in enumerate(columns.values(), start=1)
        ]

    @property
    def typed(self) -> str:
        """The query, with days and moments as such."""
        return self._query([*FIXED])

    @property
    def texts(self) -> str:
        """The query, with days and moments as texts."""
        return self._query([f"{_TEXTS.get(name, name)} AS {name}" for name in FIXED])

    def _query(self, fixed: list[str]) -> str:
        return f"""
            SELECT {", ".join(fixed + self._actions)} FROM (
                SELECT *, json_extract_string(actions, $1)::{self._number}[] AS counts
                FROM {self._newest}
            ) AS cells LEFT JOIN names USING (company_id)
            ORDER BY cells.company_id, cells.from_date NULLS FIRST, cells.until_date NULLS FIRST
        """
