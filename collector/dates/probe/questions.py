"""What a probe asks, for which days, and what it finds. No I/O.

A probe is a generator: it yields a `Question`, is sent the `QuestionReply`, and returns what it
found. The caller that runs it (see `collector.dates.runner`) sends the requests, and may throw
`SpentError` into it in place of a reply when no more questions may be asked.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Final, NamedTuple, TypeAlias, TypeVar

from collector.core.cell import Window
from collector.core.outcome import Counters, Failure

__all__ = [
    "DAY",
    "FAR_PAST",
    "LONG_AGO",
    "Finding",
    "NoAnswerError",
    "Probe",
    "Question",
    "QuestionReply",
    "SpentError",
    "SplitRange",
    "Until",
    "Verdict",
    "ask",
    "ask_unless_refused",
    "recent_span",
    "settled_span",
    "short_settled_span",
]

_T = TypeVar("_T")


class Question(NamedTuple):
    """One request for a company, with these parameters in its query."""

    company_id: str
    parameters: Mapping[str, str]


QuestionReply: TypeAlias = Counters | Failure

Probe: TypeAlias = Generator[Question, QuestionReply, _T]


class NoAnswerError(Exception):
    """A question brought a failure instead of counters; the probe has to do without."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure

    @property
    def is_refusal(self) -> bool:
        """Whether the server understood the request and did not like its parameters."""
        return self.failure.status in _REFUSALS


_REFUSALS: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


class SpentError(Exception):
    """No more questions may be asked; a probe says what it knows by now."""


def ask(company_id: str, parameters: Mapping[str, str]) -> Probe[Counters]:
    """Ask one question. Raises `NoAnswerError`, and `SpentError` as whoever runs the probe says."""
    reply = yield Question(company_id, parameters)
    if isinstance(reply, Failure):
        raise NoAnswerError(reply)
    return reply


def ask_unless_refused(company_id: str, parameters: Mapping[str, str]) -> Probe[Counters | None]:
    """Ask one question; None if the server refuses its parameters. Raises as `ask` does."""
    try:
        return (yield from ask(company_id, parameters))
    except NoAnswerError as error:
        if not error.is_refusal:
            raise
        return None


class Verdict(StrEnum):
    """Whether the server answers for the days that it is asked for."""

    HONOURED = "honoured"
    IGNORED = "ignored"
    """Or not understood: in whatever way, its answers are of other days than were asked for."""
    INCONCLUSIVE = "inconclusive"


class Until(StrEnum):
    """Whether the day that `until` names is part of the answer."""

    INCLUDED = "included"
    EXCLUDED = "excluded"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with the sentences that show how it came about.

    If it `is_final`, other days and companies would not tell more, though it be inconclusive.
    """

    dates: Verdict
    until: Until
    evidence: tuple[str, ...]
    is_final: bool = False

    @property
    def leaves_until_open(self) -> bool:
        """Whether dates are honoured, and only the end of a window is unknown."""
        return self.dates is Verdict.HONOURED and self.until is Until.INCONCLUSIVE

    @property
    def is_conclusive(self) -> bool:
        """Whether it is known if the dates are honoured."""
        return self.dates is not Verdict.INCONCLUSIVE


DAY: Final = timedelta(days=1)

FAR_PAST: Final = Window(date(2001, 1, 1), date(2001, 1, 7))
"""Before the service existed: there can be no data, and certainly not those of the last days."""

LONG_AGO: Final = Window(date(2002, 2, 1), date(2002, 2, 3))
"""Another such window, of another length: two coincidences are none."""

_SETTLED_DAYS: Final = 31
"""Figures of days that are older hardly move any more."""

_DECEMBER: Final = 12


class SplitRange(NamedTuple):
    """Days from `first` to `last`, cut for the first time after `split`."""

    first: date
    split: date
    last: date

    @property
    def window(self) -> Window:
        """The whole of it as a window."""
        return Window(self.first, self.last)


def settled_span(today: date) -> SplitRange:
    """Return the 1st to the 28th of the last month whose figures have settled, cut at the 12th.

    Whoever takes the day for the month, and guesses right from the 13th on, has a gap at that cut.
    Not in December, for 12/12 is the same either way.
    """
    last = today - timedelta(days=_SETTLED_DAYS)
    if last.day < 28:  # noqa: PLR2004 - the last day that every month has
        last = last.replace(day=1) - DAY
    if last.month == _DECEMBER:
        last = last.replace(day=1) - DAY
    return SplitRange(last.replace(day=1), last.replace(day=12), last.replace(day=28))


def short_settled_span(today: date) -> SplitRange:
    """Return six days of the same month, for servers that refuse more at once."""
    _, split, _ = settled_span(today)
    return SplitRange(split - 2 * DAY, split, split + 3 * DAY)


def recent_span(today: date) -> SplitRange:
    """Return the days that a window of the last 7 days lies in, wherever its day begins.

    And the day after them, for a server that leaves out `until`.
    """
    return SplitRange(today - 8 * DAY, today - 4 * DAY, today + 2 * DAY)
