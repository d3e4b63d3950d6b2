"""Sums of the newest answers: in all, over time, and company by company."""

from typing import Any, Final

from collector.report.model import Company, CompanyShare, Delivery, SpanDelivery
from collector.report.read.cells import Cells
from collector.report.read.coverage import read_spans, windows_in_a_span

__all__ = ["read_delivery", "read_failing", "read_over_time"]

_COMPANIES: Final = 20

# The lower end of the interval in which the share of fails lies with 95 % confidence (E. B. Wilson,
# 1927): one fail of one notification says less than 50 of 100.
_WILSON: Final = """
    (p + 1.9208 / n - 1.96 * sqrt((p * (1 - p) + 0.9604 / n) / n)) / (1 + 3.8416 / n)
"""


def read_delivery(cells: Cells) -> Delivery:
    """Add up all newest answers."""
    (row,) = cells.rows(f"SELECT {_sums(cells)} FROM facts")
    return _delivery(cells, row)


def read_over_time(cells: Cells) -> tuple[SpanDelivery, ...]:
    """Add them up by the columns of the pictures, the oldest first; those without any, too."""
    rows = cells.rows(
        f'SELECT "window" // $1, count(*), {_sums(cells)} FROM facts GROUP BY ALL',
        windows_in_a_span(cells),
    )
    sums = {number: (_delivery(cells, row), answers) for number, answers, *row in rows}
    return tuple(
        SpanDelivery(span, *sums.get(number, (Delivery(), 0)))
        for number, span in enumerate(read_spans(cells))
    )


def read_failing(cells: Cells) -> tuple[CompanyShare, ...]:
    """Return the companies with the highest share of fails, those first where it is surest."""
    rows = cells.rows(
        f"""
        SELECT company_id, company_name, n, failed FROM (
            SELECT company, sum(total) AS n, least(sum(fails), n) AS failed, failed / n AS p
            FROM facts GROUP BY company HAVING n > 0 AND failed > 0
        ) JOIN companies ON company = position
        ORDER BY {_WILSON} DESC, position LIMIT $1
        """,
        _COMPANIES,
    )
    return tuple(
        CompanyShare(Company(company_id, name), int(total), int(fails))
        for company_id, name, total, fails in rows
    )


def _sums(cells: Cells) -> str:
    actions = (f"sum(counts[{number}])" for number, _ in enumerate(cells.actions, start=1))
    return ", ".join(("sum(total), sum(sended), sum(pending), sum(fails)", *actions))


def _delivery(cells: Cells, sums: tuple[Any, ...] | list[Any]) -> Delivery:
    total, sended, pending, fails, *counts = (int(value or 0) for value in sums)
    return Delivery(total, sended, pending, fails, dict(zip(cells.actions, counts, strict=True)))
