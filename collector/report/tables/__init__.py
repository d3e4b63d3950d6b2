"""The tables of the page: the figures behind the pictures, and what is no picture."""

from collector.report.tables.coverage import by_companies, by_windows, gaps
from collector.report.tables.delivery import counters, failing, over_time, unbalanced
from collector.report.tables.parts import Row, row, table
from collector.report.tables.runs import (
    SHOWN_INTERVALS,
    intervals,
    moved_cells,
    movements,
    restated_windows,
)

__all__ = [
    "SHOWN_INTERVALS",
    "Row",
    "by_companies",
    "by_windows",
    "counters",
    "failing",
    "gaps",
    "intervals",
    "moved_cells",
    "movements",
    "over_time",
    "restated_windows",
    "row",
    "table",
    "unbalanced",
]
