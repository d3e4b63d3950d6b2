"""What do dates mean to the server? Decisions only: probes ask questions, others send them.

    questions, sums, spans   what is asked, compared, and for which days
    examination              one company: do days add up to windows?
    proof                    the decisive part, before every run
    names, search            other names and spellings, if those that are set are not honoured
    checkup                  all of it, for `collector check`

Nothing is concluded from companies without data, from coincidences, or from figures that move.
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
