"""What the page shows: plain values, aggregated already, so that drawing them is all that is left.

Days are dates, both ends of a window included; `None` stands for the server's default window.
Moments are aware datetimes in UTC. Texts that come from data (ids, names, actions, messages, paths)
are raw: whoever puts them into a page escapes them.
"""

from collector.report.model.cells import (
    Company,
    CompanyGap,
    CompanyGroup,
    CoverageMap,
    Tile,
    WindowSpan,
)
from collector.report.model.delivery import CompanyShare, Delivery, SpanDelivery
from collector.report.model.quality import Quality
from collector.report.model.report import Report
from collector.report.model.restated import (
    CountMovement,
    RestatedCell,
    RestatedWindow,
    Restatements,
)
from collector.report.model.runs import Behaviour, Interval, RunFacts

__all__ = [
    "Behaviour",
    "Company",
    "CompanyGap",
    "CompanyGroup",
    "CompanyShare",
    "CountMovement",
    "CoverageMap",
    "Delivery",
    "Interval",
    "Quality",
    "Report",
    "RestatedCell",
    "RestatedWindow",
    "Restatements",
    "RunFacts",
    "SpanDelivery",
    "Tile",
    "WindowSpan",
]
