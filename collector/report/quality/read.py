"""Reads what is odd in the newest answers."""

from typing import Final

from collector.core.outcome import COUNTERS
from collector.report.cells import Cells
from collector.report.model import Company
from collector.report.quality.model import Quality

__all__ = ["read_quality"]

_EXAMPLES: Final = 50
"""Cells or companies per finding, at most."""

_SUM: Final = "(sended::HUGEINT + pending::HUGEINT + fails::HUGEINT)"
"""Three counts together may need more than 64 bits."""

_ALIKE: Final = f"""
CREATE TEMP TABLE alike AS
SELECT company, bool_and(is_empty) AS is_always_empty,
    count(*) > 1 AND NOT bool_or(is_empty) AND NOT bool_or(lacks_values)
    AND count(DISTINCT ({", ".join(COUNTERS)}, counts)) = 1 AS is_same,
    count(*) FILTER (NOT is_empty) > 1 AS is_comparable
FROM facts GROUP BY company
"""


def read_quality(cells: Cells) -> Quality:
    """Find answers that do not add up, and companies whose answers are all the same."""
    cells.execute(_ALIKE)
    odd = f"facts WHERE total <> {_SUM}"
    ((unbalanced,),) = cells.rows(f"SELECT count(*) FROM {odd}")
    examples = cells.rows(
        f"""
        SELECT company_id, company_name, from_date, until_date, total, sum FROM (
            SELECT *, {_SUM} AS sum FROM {odd}
        ) JOIN companies ON company = companies.position
        JOIN windows ON "window" = windows.position
        ORDER BY company, "window" LIMIT {_EXAMPLES}
        """
    )
    empty, empty_examples = _companies(cells, "is_always_empty")
    same, same_examples = _companies(cells, "is_same")
    ((comparable,),) = cells.rows("SELECT count(*) FROM alike WHERE is_comparable")
    return Quality(
        unbalanced=unbalanced,
        unbalanced_examples=tuple(
            (Company(company_id, name), first, last, int(total), int(added))
            for company_id, name, first, last, total, added in examples
        ),
        empty_everywhere=empty,
        empty_examples=empty_examples,
        same_everywhere=same,
        comparable=comparable,
        same_examples=same_examples,
        remarks=tuple(cells.remarks),
        is_incomplete=cells.answers.lacks_values or cells.lacks_lines or not cells.is_known,
    )


def _companies(cells: Cells, condition: str) -> tuple[int, tuple[Company, ...]]:
    """Count the companies that meet a condition, and return the first of them."""
    ((count,),) = cells.rows(f"SELECT count(*) FROM alike WHERE {condition}")
    rows = cells.rows(
        f"""
        SELECT company_id, company_name FROM alike JOIN companies ON company = position
        WHERE {condition} ORDER BY position LIMIT {_EXAMPLES}
        """
    )
    return count, tuple(Company(*row) for row in rows)
