"""Which names may carry the dates, and which of them do: halved as in a game of guessing.

Servers pass over parameters that they do not know, so one request can carry all names at once. If
its answer is another one than without dates, some of the names are right.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from collector.cells import Window
from collector.date_query import DateQuery
from collector.models import Counters
from collector.probe.questions import Probe, ask_unless_refused
from collector.probe.sums import same

__all__ = ["NAMES", "find_names", "with_all_names"]

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
"""Pairs of names, the likely ones first: the vendor's own in its sibling service, then what others
use, in English and in Spanish. Their halves may be mixed."""

_FROM: Final = tuple(dict.fromkeys(name for name, _ in NAMES))
_UNTIL: Final = tuple(dict.fromkeys(name for _, name in NAMES))


def with_all_names(query: DateQuery, window: Window) -> dict[str, str]:
    """Return the parameters of a window under all names, those of `query` included."""
    return _parameters(query, window, (query.from_param, *_FROM), (query.until_param, *_UNTIL))


def find_names(
    company_id: str, query: DateQuery, window: Window, wanted: Counters
) -> Probe[DateQuery]:
    """Return the query with the names that bring the answer `wanted`, as all of them together do.

    The names of `query` and the likeliest ones are tried first; otherwise it takes 8 to 10
    questions. Which one is left last is not asked for again: a proof has to follow.
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
    """Find the shortest beginning of the list that brings the answer; its last name is the one."""
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
