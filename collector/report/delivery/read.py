"""Reads sums of the newest answers, and how answers of one cell differ from run to run."""

from typing import Any, Final

from collector.core.outcome import COUNTERS
from collector.report.cells import Cells
from collector.report.delivery.model import (
    CompanyShare,
    CountMovement,
    Delivery,
    OtherActions,
    RestatedCell,
    RestatedWindow,
    Restatements,
    SpanDelivery,
)
from collector.report.delivery.settling import AgeChange, settling
from collector.report.model import Company

__all__ = ["read_delivery", "read_failing", "read_over_time", "read_restatements"]

_COMPANIES: Final = 20
"""Companies with fails, at most."""

_WINDOWS: Final = 60
"""Windows with restated cells, at most."""

_EXAMPLES: Final = 20
"""Restated cells, at most."""

# Answers whose counters all have a value. If one has no room in its column, the whole answer is
# left out of the sums: its other counts would be parts of a total that lacks it.
_SUMMED: Final = ("total", "sended", "pending", "fails")
_WHOLE: Final = " AND ".join(f"{name} IS NOT NULL" for name in _SUMMED)

# The lower end of the interval in which the share of fails lies with 95 % confidence (E. B. Wilson,
# 1927): one fail of one notification says less than 50 of 100.
_WILSON: Final = """
    (p + 1.9208 / n - 1.96 * sqrt((p * (1 - p) + 0.9604 / n) / n)) / (1 + 3.8416 / n)
"""

# Each answer beside the previous one, counter by counter. The server's default window is left
# out: each night it is of other days. So are answers of which a value was left out: nothing tells
# by how much they differ from others.
_STEPS: Final = """
CREATE TEMP TABLE steps AS
SELECT company_id, from_date, until_date, {values} AS values,
    lag(values) OVER answers_of_a_cell AS before,
    lag(fetched_at::DATE) OVER answers_of_a_cell - until_date AS age,
    fetched_at - lag(fetched_at) OVER answers_of_a_cell >= INTERVAL 20 HOURS AS is_night_later
FROM (
    SELECT *, rowid AS row, {counts} AS counts FROM answers SEMI JOIN (
        SELECT company_id, from_date, until_date FROM answers
        WHERE from_date IS NOT NULL AND left_out IS NULL
        GROUP BY ALL HAVING count(*) > 1
    ) USING (company_id, from_date, until_date)
    WHERE left_out IS NULL
)
WINDOW answers_of_a_cell AS (
    PARTITION BY company_id, from_date, until_date ORDER BY fetched_at, row
)
"""
# That an answer is the same minutes later does not say that it is final, even if midnight is
# between. 20 hours, since nightly runs do not come to a cell at the same time each night.
_AGES: Final = """
SELECT age, count(*), count(*) FILTER (values <> before) FROM steps
WHERE before IS NOT NULL AND (values <> before OR is_night_later) GROUP BY age
"""
_MOVED: Final = """
CREATE TEMP TABLE moved AS
SELECT company_id, from_date, until_date, {rose_and_fell},
    coalesce(bool_or(values <> before), false) AS is_restated
FROM steps GROUP BY company_id, from_date, until_date
"""


def read_delivery(cells: Cells) -> Delivery:
    """Add up all newest answers."""
    (row,) = cells.rows(f"SELECT {_sums(cells)} FROM facts")
    return _delivery(cells, row)


def read_over_time(cells: Cells, settles_after: int) -> tuple[SpanDelivery, ...]:
    """Add up the newest answers of each span, the oldest first; spans without any included.

    Answers that were fetched `settles_after` days after their window are final.
    """
    rows = cells.rows(
        f"""
        SELECT bin, count(*), coalesce(min(fetched_on - until_date), -1) >= $1, {_sums(cells)}
        FROM facts JOIN bins USING ("window") JOIN windows ON "window" = position GROUP BY bin
        """,
        settles_after,
    )
    sums = {
        number: (_delivery(cells, row), answers, is_settled)
        for number, answers, is_settled, *row in rows
    }
    return tuple(
        SpanDelivery(span, *sums.get(number, (Delivery(), 0, True)))
        for number, span in enumerate(cells.spans())
    )


def read_failing(cells: Cells) -> tuple[CompanyShare, ...]:
    """Return the companies with the highest share of fails, by the lower end of its interval."""
    rows = cells.rows(
        f"""
        SELECT company_id, company_name, n, failed FROM (
            SELECT company, sum(total) AS n, sum(fails) AS failed, least(failed / n, 1) AS p
            FROM facts WHERE {_WHOLE}
            GROUP BY company HAVING n > 0 AND failed > 0
        ) JOIN companies ON company = position
        ORDER BY {_WILSON} DESC, position LIMIT $1
        """,
        _COMPANIES,
    )
    return tuple(
        CompanyShare(Company(company_id, name), int(total), int(fails))
        for company_id, name, total, fails in rows
    )


def read_restatements(cells: Cells) -> Restatements:
    """Compare each answer of a cell with the previous one."""
    names = [(name, False) for name in COUNTERS] + [(name, True) for name in cells.actions.names]
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
        settling=settling(AgeChange(*row) for row in cells.rows(_AGES)),
        examples=tuple(
            RestatedCell(Company(company_id, name), first, last, _movements(names, moved))
            for company_id, name, first, last, *moved in examples
        ),
    )


def _sums(cells: Cells) -> str:
    count = len(cells.actions.names) + bool(cells.actions.others)
    actions = (f"counts[{number}]" for number in range(1, count + 1))
    summed = (*_SUMMED, *actions)
    return ", ".join(f"sum({one}) FILTER (WHERE {_WHOLE})" for one in summed)


def _delivery(cells: Cells, sums: tuple[Any, ...] | list[Any]) -> Delivery:
    total, sended, pending, fails, *counts = (int(value or 0) for value in sums)
    others = OtherActions(cells.actions.others, counts.pop()) if cells.actions.others else None
    actions = dict(zip(cells.actions.names, counts, strict=True))
    return Delivery(total, sended, pending, fails, actions, others)


def _rose_and_fell(counts: int) -> str:
    """Return the expressions for how much each count rose and fell, added up apart."""
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
