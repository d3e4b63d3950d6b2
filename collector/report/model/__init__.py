"""What the page shows: plain values, aggregated already, so that drawing them is all that is left.

Days are dates, both ends of a window included; `None` stands for the server's default window.
Moments are aware datetimes in UTC. Texts that come from data (ids, names, actions, messages, paths)
are raw: whoever puts them into a page escapes them.
"""

from collector.report.model.cells import Company, CompanyGroup, Coverage, Gap, Span, Tile
from collector.report.model.delivery import CompanyShare, Delivery, SpanDelivery
from collector.report.model.quality import Quality
from collector.report.model.report import Report
from collector.report.model.restated import Movement, Restated, RestatedCell, RestatedWindow
from collector.report.model.runs import Behaviour, Interval, RunFacts

__all__ = [
    "Behaviour",
    "Company",
    "CompanyGroup",
    "CompanyShare",
    "Coverage",
    "Delivery",
    "Gap",
    "Interval",
    "Movement",
    "Quality",
    "Report",
    "Restated",
    "RestatedCell",
    "RestatedWindow",
    "RunFacts",
    "Span",
    "SpanDelivery",
    "Tile",
]
