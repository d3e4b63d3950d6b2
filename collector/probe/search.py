"""Looks for names and spellings of dates that the server honours, when the set ones are not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, NamedTuple

from collector.cells import Window
from collector.date_query import DATE_FORMATS, DateQuery
from collector.models import Counters
from collector.probe.findings import Finding, Verdict
from collector.probe.names import NAMES, find_names, with_all_names
from collector.probe.proof import Known, Proof
from collector.probe.questions import NoAnswerError, Probe, ask, ask_unless_refused
from collector.probe.spans import recent_span, settled_span
from collector.probe.sums import lies_between, same

__all__ = ["Found", "search"]

_COMPANIES: Final = 2


class Found(NamedTuple):
    """A way to send dates that is honoured, and what shows it."""

    query: DateQuery
    finding: Finding


def search(ids: Sequence[str], query: DateQuery, today: date, known: Known) -> Probe[Found | None]:
    """Find names and a spelling that are honoured; None if there are none in the lists.

    `ids` are companies to try it with, the best ones first. Raises `SpentError`.
    """
    for company_id in ids[:_COMPANIES]:
        try:
            default = yield from known.ask(company_id)
            found = yield from _Search(company_id, default, query, today).found()
        except NoAnswerError:
            continue
        if found is not None or not default.is_empty:
            return found
    return None


@dataclass(frozen=True, slots=True)
class _Search:
    company_id: str
    default: Counters
    query: DateQuery
    today: date

    def found(self) -> Probe[Found | None]:
        """Try all names at once in each spelling; for servers that refuse unknown names, alone."""
        window = settled_span(self.today).window
        all_refused = True
        for date_format in DATE_FORMATS:
            spelled = replace(self.query, date_format=date_format)
            parameters = with_all_names(spelled, window)
            answer = yield from ask_unless_refused(self.company_id, parameters)
            if answer is None:
                continue
            all_refused = False
            if (yield from self._differs(answer)) and not (
                yield from self._misreads(spelled, answer)
            ):
                named = yield from find_names(self.company_id, spelled, window, answer)
                if found := (yield from self._proved(named)):
                    return found
        return (yield from self._one_by_one(window)) if all_refused else None

    def _one_by_one(self, window: Window) -> Probe[Found | None]:
        for from_param, until_param in NAMES:
            if (from_param, until_param) == (self.query.from_param, self.query.until_param):
                continue
            named = replace(self.query, from_param=from_param, until_param=until_param)
            answer = yield from ask_unless_refused(self.company_id, named.parameters(window))
            if answer is not None and (yield from self._differs(answer)):
                found = yield from self._proved(named)
                if found is not None:
                    return found
        return None

    def _differs(self, answer: Counters) -> Probe[bool]:
        """Say whether an answer is another one than without dates, which may move meanwhile."""
        if same(answer, self.default):
            return False
        if answer.is_empty:
            # Figures do not move to nothing.
            return True
        now = yield from ask(self.company_id, {})
        return not lies_between(answer, self.default, now)

    def _misreads(self, query: DateQuery, answer: Counters) -> Probe[bool]:
        """Say whether the spelling is taken for something else, so that no day is found.

        A server that counts seconds takes 20260901 for a day in 1970.
        """
        if not answer.is_empty or self.default.is_empty:
            return False
        covering = with_all_names(query, recent_span(self.today).window)
        recent = yield from ask_unless_refused(self.company_id, covering)
        return recent is None or recent.is_empty

    def _proved(self, query: DateQuery) -> Probe[Found | None]:
        known = Known({self.company_id: self.default})
        # Not `prove`: that no more may be asked is for the caller to know.
        finding = yield from Proof(query, self.today, known).by([self.company_id])
        return Found(query, finding) if finding.dates is Verdict.HONOURED else None
