"""Verification whether the server honours the dates as they are sent.

A company with data in a settled month shows it (see `company`). If there is none, or the server
rejects such days, the last days are used: a window that covers them must have the data that the
company has without dates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from collector.core.cell import Window
from collector.core.outcome import Counters
from collector.dates.probe.company import verify_company
from collector.dates.probe.questions import (
    DAY,
    Finding,
    NoAnswerError,
    Probe,
    SpentError,
    SplitRange,
    Until,
    Verdict,
    ask,
    ask_unless_refused,
    recent_span,
    settled_span,
    short_settled_span,
)
from collector.dates.probe.sums import shown
from collector.plan.date_params import DateQuery

__all__ = ["Known", "Verification", "sample", "verify_dates"]

_COMPANIES: Final = 10
"""Companies that are asked whether they have data; each takes a question, or two."""

_LONG: Final = timedelta(days=400)


@dataclass(slots=True)
class Known:
    """Counters of companies without dates, as far as they were asked."""

    defaults: dict[str, Counters] = field(default_factory=dict)

    def ask(self, company_id: str) -> Probe[Counters]:
        """Return the counters of a company without dates; ask if they are unknown."""
        if company_id not in self.defaults:
            self.defaults[company_id] = yield from ask(company_id, {})
        return self.defaults[company_id]


def sample(ids: Sequence[str], most: int) -> Sequence[str]:
    """Return at most `most` ids, evenly from the whole list: neighbours may be of one kind."""
    if len(ids) <= most:
        return ids
    return [ids[number * len(ids) // most] for number in range(most)]


def verify_dates(
    ids: Sequence[str],
    query: DateQuery,
    today: date,
    known: Known | None = None,
    *,
    asks_ahead: bool = False,
) -> Probe[Finding]:
    """Verify what dates mean with a few companies; `query` sends the last day unchanged.

    Takes 4 questions if the first company has data on most days; see `verify_company` for
    `asks_ahead`.
    """
    verification = Verification(query, today, known or Known(), asks_ahead)
    try:
        return (yield from verification.by(sample(ids, _COMPANIES)))
    except SpentError:
        verification.doubts.append("no more questions were to be asked")
        return verification.inconclusive()


@dataclass(slots=True)
class Verification:
    """A verification in progress; `doubts` holds the reasons why it is not conclusive yet."""

    query: DateQuery
    today: date
    known: Known
    asks_ahead: bool = False
    doubts: list[str] = field(default_factory=list)

    def by(self, ids: Sequence[str]) -> Probe[Finding]:
        """Verify with the first company that is conclusive, by settled days, else by recent ones.

        Raises `SpentError`.
        """
        has_doubts = False
        for way in (self._by_settled_days, self._by_recent_days):
            for company_id in ids:
                finding = yield from self._answered(way(company_id), company_id)
                if finding is not None and (finding.is_conclusive or finding.is_final):
                    return finding
                if finding is not None:
                    self.doubts += finding.evidence
                    has_doubts = True
            if has_doubts:
                # A few recent days may add up although the many settled ones do not.
                break
        return self.inconclusive()

    def inconclusive(self) -> Finding:
        """Return the inconclusive finding, with the doubts so far."""
        doubts = tuple(dict.fromkeys(self.doubts))
        return Finding(Verdict.INCONCLUSIVE, Until.INCONCLUSIVE, doubts or ("no company has data",))

    def _answered(self, probe: Probe[Finding | None], company_id: str) -> Probe[Finding | None]:
        try:
            return (yield from probe)
        except NoAnswerError as error:
            self.doubts.append(f"company {company_id}: {error}")
            return None

    def _by_settled_days(self, company_id: str) -> Probe[Finding | None]:
        for span in (settled_span(self.today), short_settled_span(self.today)):
            try:
                return (
                    yield from verify_company(
                        company_id, self.query, span, asks_ahead=self.asks_ahead
                    )
                )
            except NoAnswerError as error:
                if not error.is_refusal:
                    raise
            if self.query.mistakes_day_for_month:
                # A short window has too few days to tell.
                break
        # The server rejects the parameters: the names, the spelling, or days too long ago.
        default = yield from self.known.ask(company_id)
        return (yield from self._by_days_of_default(company_id, default))

    def _by_recent_days(self, company_id: str) -> Probe[Finding | None]:
        default = yield from self.known.ask(company_id)
        if default.is_empty:
            return None
        return (yield from self._by_days_of_default(company_id, default))

    def _by_days_of_default(self, company_id: str, default: Counters) -> Probe[Finding | None]:
        """Verify with windows that cover the days that the server answers for without dates."""
        first, split, last = recent_span(self.today)
        # The later windows are for servers that reject future days, or answer them with nothing.
        spans = [SplitRange(first, split, last - days * DAY) for days in range(4)]
        was_refused = False
        for span in spans:
            try:
                answer = yield from ask(company_id, self.query.parameters(span.window))
            except NoAnswerError as error:
                if not error.is_refusal:
                    raise
                if not was_refused and (yield from self._refuses_any(company_id)):
                    what = f"rejects {span.window}: {error}"
                    return self._misread(company_id, default, what)
                was_refused = True
                continue
            if not answer.is_empty:
                if self.query.mistakes_day_for_month:
                    return None
                return (yield from verify_company(company_id, self.query, span, is_moving=True))
            if default.is_empty:
                return None
        if was_refused or (yield from self._has_older_days(company_id)):
            return None
        return self._misread(company_id, default, f"has nothing in {spans[0].window}")

    def _has_older_days(self, company_id: str) -> Probe[bool]:
        """Return whether the answer without dates may cover more than the last days."""
        year = Window(self.today - _LONG, self.today + DAY)
        answer = yield from ask_unless_refused(company_id, self.query.parameters(year))
        return answer is None or not answer.is_empty

    def _refuses_any(self, company_id: str) -> Probe[bool]:
        """Return whether the server rejects even one or two days that have just ended."""
        yesterday = self.today - DAY
        for window in (Window(yesterday - DAY, yesterday), Window(yesterday, yesterday)):
            parameters = self.query.parameters(window)
            if (yield from ask_unless_refused(company_id, parameters)) is not None:
                return False
        return True

    @staticmethod
    def _misread(company_id: str, default: Counters, what: str) -> Finding:
        text = (
            f"the API answers for company {company_id} without dates ({shown(default)}), but {what}"
        )
        return Finding(Verdict.IGNORED, Until.INCONCLUSIVE, (text,))
