"""Search for names and spellings of dates that the server honours, if the configured ones fail.

Servers ignore parameters that they do not know, so one request can carry all names at once. If its
answer differs from the one without dates, some of the names are right; halving finds which ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, NamedTuple

from collector.core.cell import Window
from collector.core.outcome import Counters
from collector.dates.probe.questions import (
    Finding,
    NoAnswerError,
    Probe,
    Verdict,
    ask,
    ask_unless_refused,
    recent_span,
    settled_span,
)
from collector.dates.probe.sums import lies_between, same
from collector.dates.probe.verification import Known, Verification
from collector.plan.date_params import DATE_FORMATS, DateQuery

__all__ = ["NAMES", "Found", "find_names", "search", "with_all_names"]

_COMPANIES: Final = 2


class Found(NamedTuple):
    """A way to send dates that is honoured, with its finding."""

    query: DateQuery
    finding: Finding


def search(ids: Sequence[str], query: DateQuery, today: date, known: Known) -> Probe[Found | None]:
    """Find names and a spelling that are honoured; None if the lists hold none.

    `ids` are companies to try, the best ones first. Raises `SpentError`.
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
        """Try all names at once in each spelling; one pair at a time if that is always rejected."""
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
                yield from self._misreads_spelling(spelled, answer)
            ):
                named = yield from find_names(self.company_id, spelled, window, answer)
                if found := (yield from self._verified(named)):
                    return found
        return (yield from self._one_by_one(window)) if all_refused else None

    def _one_by_one(self, window: Window) -> Probe[Found | None]:
        for from_param, until_param in NAMES:
            if (from_param, until_param) == (self.query.from_param, self.query.until_param):
                continue
            named = replace(self.query, from_param=from_param, until_param=until_param)
            answer = yield from ask_unless_refused(self.company_id, named.parameters(window))
            if answer is not None and (yield from self._differs(answer)):
                found = yield from self._verified(named)
                if found is not None:
                    return found
        return None

    def _differs(self, answer: Counters) -> Probe[bool]:
        """Return whether an answer differs from the one without dates, which may have changed."""
        if same(answer, self.default):
            return False
        if answer.is_empty:
            # Figures do not drop to zero.
            return True
        now = yield from ask(self.company_id, {})
        return not lies_between(answer, self.default, now)

    def _misreads_spelling(self, query: DateQuery, answer: Counters) -> Probe[bool]:
        """Return whether the server misreads the spelling, so that even recent days have no data.

        A server that expects seconds takes 20260901 for a day in 1970.
        """
        if not answer.is_empty or self.default.is_empty:
            return False
        covering = with_all_names(query, recent_span(self.today).window)
        recent = yield from ask_unless_refused(self.company_id, covering)
        return recent is None or recent.is_empty

    def _verified(self, query: DateQuery) -> Probe[Found | None]:
        known = Known({self.company_id: self.default})
        # Not `verify_dates`: the caller handles `SpentError`.
        finding = yield from Verification(query, self.today, known).by([self.company_id])
        return Found(query, finding) if finding.dates is Verdict.HONOURED else None


NAMES: Final = (
    ("from_date", "until_date"),
    ("start_date", "end_date"),
    ("startDate", "endDate"),
    ("date_from", "date_to"),
    ("from", "to"),
    ("since", "until"),
    ("initial_date", "final_date"),
    ("desde", "hasta"),
    ("from_date", "to_date"),
    ("fromDate", "untilDate"),
    ("fromDate", "toDate"),
    ("dateFrom", "dateTo"),
    ("start", "end"),
    ("begin_date", "end_date"),
    ("initialDate", "finalDate"),
    ("fecha_inicio", "fecha_fin"),
    ("fecha_desde", "fecha_hasta"),
)
"""Pairs of names, the likely ones first: the vendor's own in its sibling service, then those of
other APIs, in English and in Spanish. Names of different pairs may be combined."""

_FROM: Final = tuple(dict.fromkeys(name for name, _ in NAMES))
_UNTIL: Final = tuple(dict.fromkeys(name for _, name in NAMES))


def with_all_names(query: DateQuery, window: Window) -> dict[str, str]:
    """Return the parameters of a window under all names, those of `query` included."""
    return _parameters(query, window, (query.from_param, *_FROM), (query.until_param, *_UNTIL))


def find_names(
    company_id: str, query: DateQuery, window: Window, wanted: Counters
) -> Probe[DateQuery]:
    """Return the query with the names that give the answer `wanted`, as all names together do.

    The names of `query` and the likeliest ones are tried first; otherwise it takes 8 to 10
    questions. The last name that is left is not tried: the caller must verify the result.
    """
    for names in dict.fromkeys([(query.from_param, query.until_param), NAMES[0]]):
        first, last = ((name,) for name in names)
        if (yield from _brings(company_id, _parameters(query, window, first, last), wanted)):
            return _renamed(query, *names)

    def with_from(names: Sequence[str]) -> dict[str, str]:
        return _parameters(query, window, names, _UNTIL)

    from_param = yield from _first_needed(company_id, _FROM, with_from, wanted)

    def with_until(names: Sequence[str]) -> dict[str, str]:
        return _parameters(query, window, (from_param,), names)

    until_param = yield from _first_needed(company_id, _UNTIL, with_until, wanted)
    return _renamed(query, from_param, until_param)


def _first_needed(
    company_id: str,
    names: Sequence[str],
    parameters: Callable[[Sequence[str]], dict[str, str]],
    wanted: Counters,
) -> Probe[str]:
    """Return the last name of the shortest beginning of the list that gives the answer."""
    low, high = 0, len(names)
    while high - low > 1:
        middle = (low + high) // 2
        if (yield from _brings(company_id, parameters(names[:middle]), wanted)):
            high = middle
        else:
            low = middle
    return names[high - 1]


def _brings(company_id: str, parameters: dict[str, str], wanted: Counters) -> Probe[bool]:
    answer = yield from ask_unless_refused(company_id, parameters)
    return answer is not None and same(answer, wanted)


def _renamed(query: DateQuery, from_param: str, until_param: str) -> DateQuery:
    return replace(query, from_param=from_param, until_param=until_param)


def _parameters(
    query: DateQuery, window: Window, from_names: Sequence[str], until_names: Sequence[str]
) -> dict[str, str]:
    first, last = query.parameters(window).values()
    return {**dict.fromkeys(from_names, first), **dict.fromkeys(until_names, last)}
