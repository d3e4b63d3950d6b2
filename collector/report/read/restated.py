"""What became of cells that were answered in more than one run."""

from typing import Final

from collector.report.model import Movement, Restated, RestatedWindow
from collector.report.read.cells import Cells
from collector.store.changes import COUNTERS

__all__ = ["read_restated"]

_WINDOWS: Final = 60

# Each answer beside the one before it, counter by counter. The server's default window is left
# out: each night it is of other days.
_STEPS: Final = """
CREATE TEMP TABLE steps AS
SELECT company_id, from_date, until_date, {values} AS values,
    lag(values) OVER (
        PARTITION BY company_id, from_date, until_date ORDER BY fetched_at, row
    ) AS before
FROM (
    SELECT *, rowid AS row, {counts} AS counts FROM answers SEMI JOIN (
        SELECT company_id, from_date, until_date FROM answers WHERE from_date IS NOT NULL
        GROUP BY ALL HAVING count(*) > 1
    ) USING (company_id, from_date, until_date)
)
"""


def read_restated(cells: Cells) -> Restated:
    """Compare each answer of a cell with the one before it."""
    counters = ", ".join(f"{name}::{cells.number}" for name in COUNTERS)
    cells.execute(_STEPS.format(values=f"list_concat([{counters}], counts)", counts=cells.counts))
    rows = cells.rows(
        """
        SELECT from_date, until_date, count(*), count(*) FILTER (moved) FROM (
            SELECT from_date, until_date, company_id, bool_or(values <> before) AS moved
            FROM steps GROUP BY ALL
        ) GROUP BY from_date, until_date ORDER BY from_date, until_date
        """
    )
    windows = [RestatedWindow(*row) for row in rows]
    return Restated(
        cells=sum(window.cells for window in windows),
        restated=sum(window.restated for window in windows),
        windows=tuple(windows[-_WINDOWS:]),
        movements=_movements(cells),
    )


def _movements(cells: Cells) -> tuple[Movement, ...]:
    names = [(name, False) for name in COUNTERS] + [(name, True) for name in cells.actions]
    differences = [f"(values[{n}] - before[{n}])" for n in range(1, len(names) + 1)]
    sums = ", ".join(
        f"sum(greatest({difference}, 0)), sum(greatest(-{difference}, 0))"
        for difference in differences
    )
    (row,) = cells.rows(f"SELECT {sums} FROM steps WHERE before IS NOT NULL")
    moved = [int(value or 0) for value in row]
    return tuple(
        Movement(name, is_action, rose, fell)
        for (name, is_action), rose, fell in zip(names, moved[::2], moved[1::2], strict=True)
        if rose or fell
    )
