"""What is worth another try, and when: pure decisions."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from collector.core.outcome import Blame, Failure, FailureKind

__all__ = [
    "Retry",
    "RetryPolicy",
    "backoff",
    "is_retriable",
    "is_retriable_status",
]

_BASE_SECONDS: Final = 0.5
_CAP_SECONDS: Final = 30.0
_SPARED: Final = 10
"""A cell that was refused so often while others were let in may be refused for itself."""

_RETRIABLE_4XX: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
_RETRIABLE_KINDS: Final = frozenset(
    {FailureKind.TIMEOUT, FailureKind.CONNECTION, FailureKind.NOT_JSON}
)
"""A page of HTML under a 200 is a proxy or a maintenance page, and those pass; an answer of the
wrong shape, too large, or a redirect is the same the next time."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after `delay` seconds; `counts` says whether the try is one of the attempts."""

    delay: float
    counts: bool


def is_retriable_status(status: int) -> bool:
    """Say whether a status tells of a passing trouble: 408, 425, 429, and the class 5xx."""
    return status in _RETRIABLE_4XX or status // 100 == 5  # noqa: PLR2004 - the class 5xx


def is_retriable(failure: Failure) -> bool:
    """Say whether another try may bring an answer."""
    if failure.kind in {FailureKind.HTTP, FailureKind.API_CODE}:
        return is_retriable_status(failure.status or 0)
    return failure.kind in _RETRIABLE_KINDS


def backoff(tries: int, random: Callable[[], float]) -> float:
    """Return the seconds to wait after the given number of failed tries (1 or more).

    Exponential backoff with full jitter: anything from 0 to 0.5 s, 1 s, 2 s, ... 30 s.
    Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    # The exponent is bounded so that a long row of failures cannot overflow.
    return random() * min(_CAP_SECONDS, _BASE_SECONDS * 2.0 ** min(tries - 1, 16))


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Decides what follows a failure: another try, or the end for this cell."""

    max_attempts: int

    def decide(
        self, failure: Failure, tries: int, throttled_tries: int, random: Callable[[], float]
    ) -> Retry | None:
        """Return the next try, or None to give up.

        `tries` is how many tries have counted so far, without this one. `throttled_tries` is how
        many have not, because the server refused them while it accepted others. `random` gives
        numbers from 0 up to 1.
        """
        if failure.blame is Blame.SERVICE:
            return Retry(delay=0.0, counts=False)
        if failure.blame is Blame.RATE and throttled_tries < _SPARED:
            # The gate holds everyone back; the cell itself has nothing to wait for.
            return Retry(delay=0.0, counts=False)
        if not is_retriable(failure) or tries + 1 >= self.max_attempts:
            return None
        return Retry(delay=backoff(tries + 1, random), counts=True)
