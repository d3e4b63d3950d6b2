"""All that one page shows, and how it is read from run directories."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from collector.report.cells import Cells
from collector.report.coverage.model import CoverageMap
from collector.report.coverage.read import read_coverage
from collector.report.delivery.model import CompanyShare, Delivery, Restatements, SpanDelivery
from collector.report.delivery.read import (
    read_delivery,
    read_failing,
    read_over_time,
    read_restatements,
)
from collector.report.delivery.settling import ASSUMED, Settling
from collector.report.quality.model import Quality
from collector.report.quality.read import read_quality
from collector.report.runs.model import Behaviour, RunFacts
from collector.report.runs.read import read_behaviour, read_facts
from collector.store.recorded_run import RecordedRun
from collector.tables.engine import Database

__all__ = ["Report", "read_report"]


@dataclass(frozen=True, slots=True)
class Report:
    """All that one page shows.

    `delivery` sums the newest answer of every cell; `over_time` splits it by spans, the oldest
    first, at most 120 of them, and `settling` tells which of them still change. `overlap` says
    that windows have days in common, so that sums count days twice. `runs` and `behaviour` have
    the oldest first; `behaviour` has the newest 5. `failing` are at most 20 companies, by the lower
    end of the interval in which their share of fails lies with 95 % confidence (Wilson), so that
    one fail of one does not come first. `restated` is None for a single run.
    """

    made_at: datetime
    runs: tuple[RunFacts, ...]
    coverage: CoverageMap
    delivery: Delivery
    over_time: tuple[SpanDelivery, ...]
    settling: Settling
    overlap: bool
    failing: tuple[CompanyShare, ...]
    restated: Restatements | None
    behaviour: tuple[Behaviour, ...]
    quality: Quality

    @property
    def newest_run(self) -> RunFacts | None:
        """The newest run; None without runs."""
        return self.runs[-1] if self.runs else None


def read_report(database: Database, runs: Sequence[RecordedRun], now: datetime) -> Report:
    """Read runs, the oldest first, by means of an empty database; no file is changed.

    Memory grows with the companies, not with the cells. Raises `InputError` when a file cannot be
    read, and `OSError` and DuckDB's errors when the disk fails.
    """
    cells = Cells(database, runs)
    restated = read_restatements(cells) if len(runs) > 1 else None
    settling = restated.settling if restated else ASSUMED
    return Report(
        made_at=now,
        runs=read_facts(cells, runs),
        coverage=read_coverage(cells),
        delivery=read_delivery(cells),
        over_time=read_over_time(cells, settling.days),
        settling=settling,
        overlap=cells.answers.overlap() is not None,
        failing=read_failing(cells),
        restated=restated,
        behaviour=read_behaviour(runs),
        quality=read_quality(cells),
    )
