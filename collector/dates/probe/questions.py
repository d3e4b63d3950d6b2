"""Questions of a probe, the days they are about, and its findings. No I/O.

A probe is a generator: it yields the `Question`s that may be asked at the same time, is sent a
`QuestionReply` to each, and returns what it found. The caller that runs it (see
`collector.dates.runner`) sends the requests, and may throw `SpentError` into it in place of the
replies when no more questions may be asked.
"""

from collections.abc import Generator, Mapping, Sequence
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

Probe: TypeAlias = Generator[Sequence[Question], Sequence[QuestionReply], _T]


class NoAnswerError(Exception):
    """A question got a failure instead of counters; the probe continues without an answer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure

    @property
    def is_refusal(self) -> bool:
        """Whether the server rejected the parameters of the request (400, 422)."""
        return self.failure.status in _REFUSALS


_REFUSALS: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


class SpentError(Exception):
    """No more questions may be asked; a probe returns what it knows."""


def ask(company_id: str, parameters: Mapping[str, str]) -> Probe[Counters]:
    """Ask one question. Raises `NoAnswerError`, and `SpentError` if the caller throws it."""
    (reply,) = yield [Question(company_id, parameters)]
    if isinstance(reply, Failure):
        raise NoAnswerError(reply)
    return reply


def ask_unless_refused(company_id: str, parameters: Mapping[str, str]) -> Probe[Counters | None]:
    """Ask one question; None if the server rejects its parameters. Raises as `ask` does."""
    try:
        return (yield from ask(company_id, parameters))
    except NoAnswerError as error:
        if not error.is_refusal:
            raise
        return None


class Verdict(StrEnum):
    """Whether the server answers for the days in the request."""

    HONOURED = "honoured"
    IGNORED = "ignored"
    """Or misunderstood: its answers cover other days than the request."""
    INCONCLUSIVE = "inconclusive"


class Until(StrEnum):
    """Whether the day that `until` names is part of the answer."""

    INCLUDED = "included"
    EXCLUDED = "excluded"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with the sentences that are its evidence.

    If it `is_final`, other days and companies would not tell more, even if it is inconclusive.
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
        """Whether the dates are known to be honoured or ignored."""
        return self.dates is not Verdict.INCONCLUSIVE


DAY: Final = timedelta(days=1)

FAR_PAST: Final = Window(date(2001, 1, 1), date(2001, 1, 7))
"""A window before the service existed, which can have no data."""

LONG_AGO: Final = Window(date(2002, 2, 1), date(2002, 2, 3))
"""Another such window, of another length: two are no coincidence."""

_SETTLED_DAYS: Final = 31
"""Days after which figures hardly change any more."""

_DECEMBER: Final = 12


class SplitRange(NamedTuple):
    """Days from `first` to `last`, first split after `split`."""

    first: date
    split: date
    last: date

    @property
    def window(self) -> Window:
        """The whole range as a window."""
        return Window(self.first, self.last)


def settled_span(today: date) -> SplitRange:
    """Return the 1st to the 28th of the last month whose figures have settled, split at the 12th.

    A server that takes the day for the month, and reads it correctly from the 13th on, has a gap at
    that split. December is skipped, because 12/12 is the same either way.
    """
    last = today - timedelta(days=_SETTLED_DAYS)
    if last.day < 28:  # noqa: PLR2004 - the last day that every month has
        last = last.replace(day=1) - DAY
    if last.month == _DECEMBER:
        last = last.replace(day=1) - DAY
    return SplitRange(last.replace(day=1), last.replace(day=12), last.replace(day=28))


def short_settled_span(today: date) -> SplitRange:
    """Return six days of the same month, for servers that reject longer windows."""
    _, split, _ = settled_span(today)
    return SplitRange(split - 2 * DAY, split, split + 3 * DAY)


def recent_span(today: date) -> SplitRange:
    """Return days that contain a window of the last 7 days in any time zone.

    They include the day after it, for a server that excludes `until`.
    """
    return SplitRange(today - 8 * DAY, today - 4 * DAY, today + 2 * DAY)
