"""Questions to the API and their answers, for probes that decide without doing any I/O.

A probe is a generator: it yields a `Question`, is sent the `Reply`, and returns what it found.
Whoever runs it (see `collector.interview`) sends the requests, and may throw `SpentError` into it
in place of a reply when no more questions may be asked.
"""

from collections.abc import Generator, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple, TypeAlias, TypeVar

from collector.models import Counters, Failure

__all__ = [
    "NoAnswerError",
    "Probe",
    "Question",
    "Reply",
    "SpentError",
    "ask",
    "ask_unless_refused",
]

_T = TypeVar("_T")


class Question(NamedTuple):
    """One request for a company, with these parameters in its query."""

    company_id: str
    parameters: Mapping[str, str]


Reply: TypeAlias = Counters | Failure

Probe: TypeAlias = Generator[Question, Reply, _T]


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
