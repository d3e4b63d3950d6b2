"""Probe of `collector check`: which companies are answered, and what dates mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from collector.core.outcome import Counters, Failure
from collector.dates.probe.questions import (
    FAR_PAST,
    LONG_AGO,
    Finding,
    NoAnswerError,
    Probe,
    SpentError,
    Until,
    Verdict,
    ask,
)
from collector.dates.probe.search import Found, search
from collector.dates.probe.sums import same, shown
from collector.dates.probe.verification import Known, sample, verify_dates
from collector.plan.date_params import DateQuery

__all__ = ["CheckFindings", "check_service"]

_AT_LEAST: Final = 3
_AT_MOST: Final = 16
"""Companies that are asked first, until one of them has data."""

_COMPANIES: Final = 8
"""Companies that are asked in all, if questions are left."""

NOT_ASKED: Final = Finding(Verdict.INCONCLUSIVE, Until.INCONCLUSIVE, ("it did not come to that",))


@dataclass(slots=True)
class CheckFindings:
    """Results of `check_service`.

    `answers` has the counters or the failure of each company that was asked without dates.
    `configured` is the finding about the configured dates, `found` another way to send dates that
    is honoured, if there is one.
    """

    answers: dict[str, Counters | Failure] = field(default_factory=dict)
    configured: Finding = NOT_ASKED
    found: Found | None = None
    was_searched: bool = False
    """Whether other ways were searched for."""
    is_spent: bool = False
    """Whether it ended because no more questions were allowed."""

    @property
    def has_data(self) -> bool:
        """Whether a company has data in the last days."""
        return any(isinstance(a, Counters) and not a.is_empty for a in self.answers.values())


def check_service(
    ids: Sequence[str], query: DateQuery, today: date, findings: CheckFindings
) -> Probe[None]:
    """Ask companies without dates until one has data, verify the dates, and search if needed.

    Results are put into `findings` as they come. The questions that are left go to more companies.
    `query` sends the last day unchanged.
    """
    try:
        yield from _ask_companies(sample(ids, _AT_MOST), findings, _until_data)
        known = Known({i: a for i, a in findings.answers.items() if isinstance(a, Counters)})
        # Companies with data first: those without are no evidence.
        ranked = sorted(known.defaults, key=lambda i: known.defaults[i].is_empty)
        findings.configured = yield from _judge(ranked, query, today, known)
        if findings.configured.dates is not Verdict.HONOURED and findings.has_data:
            findings.was_searched = True
            findings.found = yield from search(ranked, query, today, known)
        yield from _ask_companies(sample(ids, _COMPANIES), findings, _until_enough)
    except SpentError:
        findings.is_spent = True


def _until_data(findings: CheckFindings) -> bool:
    return findings.has_data and len(findings.answers) >= _AT_LEAST


def _until_enough(findings: CheckFindings) -> bool:
    return len(findings.answers) >= _COMPANIES


def _ask_companies(
    ids: Sequence[str], findings: CheckFindings, is_done: Callable[[CheckFindings], bool]
) -> Probe[None]:
    for company_id in ids:
        if is_done(findings):
            return
        if company_id in findings.answers:
            continue
        try:
            findings.answers[company_id] = yield from ask(company_id, {})
        except NoAnswerError as error:
            findings.answers[company_id] = error.failure


def _judge(ranked: Sequence[str], query: DateQuery, today: date, known: Known) -> Probe[Finding]:
    if not ranked:
        text = "no company answers, with or without dates"
        return Finding(Verdict.INCONCLUSIVE, Until.INCONCLUSIVE, (text,))
    ignored = yield from _compare_with_far_past(ranked[0], query, known.defaults[ranked[0]])
    return ignored or (yield from verify_dates(ranked, query, today, known))


def _compare_with_far_past(
    company_id: str, query: DateQuery, default: Counters
) -> Probe[Finding | None]:
    """Return the finding that dates are ignored if old windows have the same data as no dates."""
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
