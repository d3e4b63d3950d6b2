"""All that `collector check` finds out, in few questions: who answers, and what dates mean."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from collector.date_query import DateQuery
from collector.models import Counters, Failure
from collector.probe.findings import Finding, Until, Verdict
from collector.probe.proof import Known, prove, sample
from collector.probe.questions import NoAnswerError, Probe, SpentError, ask
from collector.probe.search import Found, search
from collector.probe.spans import FAR_PAST, LONG_AGO
from collector.probe.sums import same, shown

__all__ = ["Checkup", "check_up"]

_COMPANIES: Final = 8

NOT_ASKED: Final = Finding(
    Verdict.INCONCLUSIVE, Until.INCONCLUSIVE, ("no more questions were to be asked",)
)


@dataclass(slots=True)
class Checkup:
    """What was found out.

    `answers` has, for each company that was asked without dates, its counters or its failure.
    `configured` is about the dates as they are set, `found` about another way that is honoured, if
    there is one.
    """

    answers: dict[str, Counters | Failure] = field(default_factory=dict)
    configured: Finding = NOT_ASKED
    found: Found | None = None
    is_spent: bool = False
    """Whether the search ended because no more questions were to be asked."""


def check_up(ids: Sequence[str], query: DateQuery, today: date) -> Probe[Checkup]:
    """Ask a sample of the companies without dates, then prove the dates; search if need be.

    `query` leaves `until` as it is.
    """
    checkup = Checkup()
    try:
        for company_id in sample(ids, _COMPANIES):
            try:
                checkup.answers[company_id] = yield from ask(company_id, {})
            except NoAnswerError as error:
                checkup.answers[company_id] = error.failure
        known = Known({i: a for i, a in checkup.answers.items() if isinstance(a, Counters)})
        # Companies with data first: those without prove nothing.
        ranked = sorted(known.defaults, key=lambda i: known.defaults[i].is_empty)
        checkup.configured = yield from _judge(ranked, query, today, known)
        if checkup.configured.dates is not Verdict.HONOURED:
            checkup.found = yield from search(ranked, query, today, known)
    except SpentError:
        checkup.is_spent = True
    return checkup


def _judge(ranked: Sequence[str], query: DateQuery, today: date, known: Known) -> Probe[Finding]:
    if not ranked:
        text = "no company answers, with or without dates"
        return Finding(Verdict.INCONCLUSIVE, Until.INCONCLUSIVE, (text,))
    ignored = yield from _compare_with_far_past(ranked[0], query, known.defaults[ranked[0]])
    return ignored or (yield from prove(ranked, query, today, known))


def _compare_with_far_past(
    company_id: str, query: DateQuery, default: Counters
) -> Probe[Finding | None]:
    """Find out whether windows of long ago have the same data as the last days."""
    if default.is_empty:
        return None
    for window in (FAR_PAST, LONG_AGO):
        try:
            answer = yield from ask(company_id, query.parameters(window))
        except NoAnswerError:
            return None
        if not same(answer, default):
            return None
    text = (
        f"company {company_id}: {FAR_PAST} and {LONG_AGO} have the same counters as no dates "
        f"({shown(default)})"
    )
    return Finding(Verdict.IGNORED, Until.INCONCLUSIVE, (text,))
