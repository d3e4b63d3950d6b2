"""The parts of the page, one a heading: what a person reads, in the order of the page."""

from collector.report.sections.coverage import coverage_section
from collector.report.sections.delivery import delivery_section, failing_section, time_section
from collector.report.sections.head import cards, header, verdict
from collector.report.sections.parts import Section
from collector.report.sections.quality import quality_section, reading_section
from collector.report.sections.runs import behaviour_section, restated_section, runs_section

__all__ = [
    "Section",
    "behaviour_section",
    "cards",
    "coverage_section",
    "delivery_section",
    "failing_section",
    "header",
    "quality_section",
    "reading_section",
    "restated_section",
    "runs_section",
    "time_section",
    "verdict",
]
