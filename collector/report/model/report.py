"""All of it."""

from dataclasses import dataclass
from datetime import datetime

from collector.report.model.cells import CoverageMap
from collector.report.model.delivery import CompanyShare, Delivery, SpanDelivery
from collector.report.model.quality import Quality
from collector.report.model.restated import Restatements
from collector.report.model.runs import Behaviour, RunFacts

__all__ = ["Report"]


@dataclass(frozen=True, slots=True)
class Report:
    """All that one page shows.

    `delivery` sums the newest answer of every cell; `over_time` splits it by spans, the oldest
    first, at most 120 of them. `overlap` says that windows have days in common, so that sums count
    days twice. `runs` and `behaviour` are ordered, the oldest first; `behaviour` has the newest 5.
    `failing` are at most 20 companies, by the lower end of the interval in which their share
    of fails lies with 95 % confidence (Wilson), so that one fail of one does not come first.
    `restated` is None for a single run.
    """

    made_at: datetime
    runs: tuple[RunFacts, ...]
    coverage: CoverageMap
    delivery: Delivery
    over_time: tuple[SpanDelivery, ...]
    overlap: bool
    failing: tuple[CompanyShare, ...]
    restated: Restatements | None
    behaviour: tuple[Behaviour, ...]
    quality: Quality
