"""What do dates mean to the server? Decisions only: probes ask questions, others send them.

    questions, sums, spans   what is asked, compared, and for which days
    examination              one company: do days add up to windows?
    proof                    the decisive part, before every run
    names, search            other names and spellings, if those that are set are not honoured
    checkup                  all of it, for `collector check`

Nothing is concluded from companies without data, from coincidences, or from figures that move.
"""

from collector.dates.probe.check import Checkup, check_up
from collector.dates.probe.questions import (
    Finding,
    Probe,
    Question,
    Reply,
    SpentError,
    Until,
    Verdict,
)
from collector.dates.probe.search import Found
from collector.dates.probe.verification import prove

__all__ = [
    "Checkup",
    "Finding",
    "Found",
    "Probe",
    "Question",
    "Reply",
    "SpentError",
    "Until",
    "Verdict",
    "check_up",
    "prove",
]
