"""Puts all that the page shows together."""

from collections.abc import Sequence
from datetime import datetime

from collector.report.model import Report
from collector.report.read.behaviour import read_behaviour
from collector.report.read.cells import Cells
from collector.report.read.coverage import read_coverage
from collector.report.read.manifests import read_facts
from collector.report.read.quality import read_quality
from collector.report.read.restated import read_restated
from collector.report.read.sums import read_delivery, read_failing, read_over_time
from collector.store.recorded_run import RecordedRun
from collector.tables.engine import Database

__all__ = ["read_report"]


def read_report(database: Database, runs: Sequence[RecordedRun], now: datetime) -> Report:
    """Read runs, the oldest first, with the help of an empty database; nothing is changed.

    Memory grows with the companies, not with the cells. Raises `InputError` when a file cannot be
    read, `OSError` and DuckDB's errors when the disk refuses.
    """
    cells = Cells(database, runs)
    return Report(
        made_at=now,
        runs=read_facts(cells, runs),
        coverage=read_coverage(cells),
        delivery=read_delivery(cells),
        over_time=read_over_time(cells),
        overlap=cells.answers.overlap() is not None,
        failing=read_failing(cells),
        restated=read_restated(cells) if len(runs) > 1 else None,
        behaviour=read_behaviour(runs),
        quality=read_quality(cells, cells.remarks),
    )
