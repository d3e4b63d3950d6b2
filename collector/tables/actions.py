"""The actions that get a column or a row of their own.

The server chooses the names of actions, and so how many there are. Databases need time and memory
for each column that grow faster than the number of columns.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import duckdb

from collector.core.outcome import DOCUMENTED_ACTIONS
from collector.core.text import counted

__all__ = ["MOST_ACTIONS", "ActionNames", "Actions", "action_names", "most_frequent"]

MOST_ACTIONS: Final = 200
"""Actions that are told apart."""

_NAMES: Final = f"""
SELECT DISTINCT unnest(json_keys(actions)) AS name FROM {{rows}}
ORDER BY name LIMIT {MOST_ACTIONS + 1}
"""
_COUNT: Final = """
CREATE OR REPLACE TEMP TABLE named AS
SELECT name, count(*) AS answers
FROM (SELECT unnest(json_keys(actions)) AS name FROM {rows}) GROUP BY name
"""
_MOST_FREQUENT: Final = f"""
SELECT name FROM (
    SELECT * FROM named
    ORDER BY name IN {DOCUMENTED_ACTIONS} DESC, answers DESC, name LIMIT {MOST_ACTIONS}
) ORDER BY name
"""


@dataclass(frozen=True, slots=True)
class Actions:
    """The names of actions, 200 at most, ordered by their UTF-8 bytes.

    If there are more, these are the documented ones and those in the most answers; of a tie the
    first by name. `others` counts the rest.
    """

    names: tuple[str, ...]
    others: int = 0

    @property
    def remark(self) -> str | None:
        """The text for the user about the others; None if there are none."""
        if not self.others:
            return None
        return (
            f"the answers have {len(self.names) + self.others:,} different actions, more than "
            f"{MOST_ACTIONS}: only the {MOST_ACTIONS} that are in the most answers are told apart; "
            f"{counted(self.others, 'other is', 'others are')} together"
        )


class ActionNames:
    """A set of names that stops growing when there are too many to be told apart."""

    def __init__(self) -> None:
        self.names: Final[set[str]] = set()

    @property
    def is_full(self) -> bool:
        """Whether there are more names than are told apart; some may be missing then."""
        return len(self.names) > MOST_ACTIONS

    def add(self, names: Iterable[str]) -> None:
        """Add names, until it is full."""
        for name in names:
            if self.is_full:
                return
            self.names.add(name)


def action_names(
    connection: duckdb.DuckDBPyConnection, rows: str, *parameters: object
) -> list[str]:
    """Return the names of the actions of rows, 201 at most, ordered by their UTF-8 bytes."""
    found = connection.execute(_NAMES.format(rows=rows), list(parameters))
    return [name for (name,) in found.fetchall()]


def most_frequent(connection: duckdb.DuckDBPyConnection, rows: str) -> Actions:
    """Find the actions that are in the most rows. The names are on the disk, not in memory."""
    connection.execute(_COUNT.format(rows=rows))
    names = tuple(name for (name,) in connection.execute(_MOST_FREQUENT).fetchall())
    ((count,),) = connection.execute("SELECT count(*) FROM named").fetchall()
    return Actions(names, int(count) - len(names))
