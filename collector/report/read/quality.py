"""What in the newest answers is odd."""

from collections.abc import Sequence
from typing import Final

from collector.report.model import Company, Quality
from collector.report.read.cells import Cells

__all__ = ["read_quality"]

_EXAMPLES: Final = 50

_UNBALANCED: Final = "facts WHERE total <> sended + pending + fails"

_ALIKE: Final = """
CREATE TEMP TABLE alike AS
SELECT company, bool_and(is_empty) AS is_empty,
    count(*) > 1 AND NOT bool_or(is_empty)
    AND count(DISTINCT (total, sended, pending, fails, campaign, counts)) = 1 AS is_same
FROM facts GROUP BY company HAVING is_empty OR is_same
"""


def read_quality(cells: Cells, remarks: Sequence[str]) -> Quality:
    """Look for answers that do not add up, and for companies that are always alike."""
    cells.execute(_ALIKE)
    ((unbalanced,),) = cells.rows(f"SELECT count(*) FROM {_UNBALANCED}")
    examples = cells.rows(
        f"""
        SELECT company_id, company_name, from_date, until_date, total, sum FROM (
            SELECT *, sended + pending + fails AS sum FROM {_UNBALANCED}
        ) JOIN companies ON company = companies.position
        JOIN windows ON "window" = windows.position
        ORDER BY company, "window" LIMIT {_EXAMPLES}
        """
    )
    empty, empty_examples = _companies(cells, "is_empty")
    same, same_examples = _companies(cells, "is_same")
    return Quality(
        unbalanced=unbalanced,
        unbalanced_examples=tuple(
            (Company(company_id, name), first, last, int(total), int(added))
            for company_id, name, first, last, total, added in examples
        ),
        empty_everywhere=empty,
        empty_examples=empty_examples,
        same_everywhere=same,
        same_examples=same_examples,
        remarks=tuple(remarks),
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
