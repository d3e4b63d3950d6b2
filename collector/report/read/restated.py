"""What became of cells that were answered more than once."""

from typing import Any, Final

from collector.report.model import (
    Company,
    CountMovement,
    RestatedCell,
    RestatedWindow,
    Restatements,
)
from collector.report.read.cells import Cells
from collector.store.changes import COUNTERS

__all__ = ["read_restated"]

_WINDOWS: Final = 60
_EXAMPLES: Final = 20

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
_MOVED: Final = """
CREATE TEMP TABLE moved AS
SELECT company_id, from_date, until_date, {rose_and_fell},
    coalesce(bool_or(values <> before), false) AS is_restated
FROM steps GROUP BY company_id, from_date, until_date
"""


def read_restated(cells: Cells) -> Restatements:
    """Compare each answer of a cell with the one before it."""
    names = [(name, False) for name in COUNTERS] + [(name, True) for name in cells.actions]
    counters = ", ".join(COUNTERS)
    cells.execute(_STEPS.format(values=f"list_concat([{counters}], counts)", counts=cells.counts))
    cells.execute(_MOVED.format(rose_and_fell=_rose_and_fell(len(names))))
    columns = [f"{kind}{number}" for number in range(len(names)) for kind in ("rose", "fell")]
    windows = _windows(cells)
    (sums,) = cells.rows(f"SELECT {', '.join(f'sum({name})' for name in columns)} FROM moved")
    examples = cells.rows(
        f"""
        SELECT company_id, company_name, from_date, until_date, {", ".join(columns)}
        FROM moved JOIN companies USING (company_id) WHERE is_restated
        ORDER BY {" + ".join(f"{name}::DOUBLE" for name in columns)} DESC, position, from_date
        LIMIT {_EXAMPLES}
        """
    )
    return Restatements(
        cells=sum(window.cells for window in windows),
        restated=sum(window.restated for window in windows),
        windows=tuple(windows[-_WINDOWS:]),
        all_windows=len(windows),
        highest=max(windows, key=lambda window: window.restated / window.cells, default=None),
        movements=_movements(names, sums),
        examples=tuple(
            RestatedCell(Company(company_id, name), first, last, _movements(names, moved))
            for company_id, name, first, last, *moved in examples
        ),
    )


def _rose_and_fell(counts: int) -> str:
    """Return the expressions for how much each count rose and fell, in steps of their own."""
    steps = ((number, f"(values[{number + 1}] - before[{number + 1}])") for number in range(counts))
    return ", ".join(
        f"coalesce(sum(greatest({step}, 0)), 0) AS rose{number}, "
        f"coalesce(sum(greatest(-{step}, 0)), 0) AS fell{number}"
        for number, step in steps
    )


def _windows(cells: Cells) -> list[RestatedWindow]:
    rows = cells.rows(
        """
        SELECT from_date, until_date, count(*), count(*) FILTER (is_restated)
        FROM moved GROUP BY from_date, until_date ORDER BY from_date, until_date
        """
    )
    return [RestatedWindow(*row) for row in rows]


def _movements(names: list[tuple[str, bool]], sums: Any) -> tuple[CountMovement, ...]:  # noqa: ANN401
    moved = [int(value or 0) for value in sums]
    return tuple(
        CountMovement(name, is_action, rose, fell)
        for (name, is_action), rose, fell in zip(names, moved[::2], moved[1::2], strict=True)
        if rose or fell
    )
