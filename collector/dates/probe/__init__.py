"""Probes of what dates mean to the server. Decisions only: probes ask questions, callers send them.

    questions      the questions, the days they are about, and the findings
    sums           comparison and addition of counters
    company        verification with one company: do days add up to windows?
    verification   verification with several companies, before every run
    search         other names and spellings, if the configured ones are not honoured
    check          all of it, for `collector check`

Companies without data, coincidences and figures that change are not evidence.
"""

from collector.dates.probe.check import CheckFindings, check_service
from collector.dates.probe.questions import (
    Finding,
    Probe,
    Question,
    QuestionReply,
    SpentError,
    Until,
    Verdict,
)
from collector.dates.probe.search import Found
from collector.dates.probe.verification import verify_dates

__all__ = [
    "CheckFindings",
    "Finding",
    "Found",
    "Probe",
    "Question",
    "QuestionReply",
    "SpentError",
    "Until",
    "Verdict",
    "check_service",
    "verify_dates",
]
