"""Retry policy: which failures are retried, and when. Pure decisions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from collector.core.outcome import Blame, Failure, Meaning

__all__ = [
    "Retry",
    "RetryPolicy",
    "backoff",
    "is_outage_evidence",
    "is_worth_retry",
]

_BASE_SECONDS: Final = 0.5
_CAP_SECONDS: Final = 30.0
_MOST_THROTTLED_TRIES: Final = 10
"""Throttled tries of a cell that are not charged to it. After so many, while the server accepted
other requests, the server may be throttling this company alone."""

_LONGEST_WAIT: Final = 300.0
"""Most seconds that an answer which is not ready can ask a cell to wait."""

_WORTH_RETRY: Final = frozenset(
    {
        *(Meaning.NOT_READY, Meaning.UNAUTHORIZED, Meaning.RATE_LIMITED),
        *(Meaning.UNAVAILABLE, Meaning.TRANSIENT),
    }
)
_OUTAGE_EVIDENCE: Final = frozenset({Meaning.RATE_LIMITED, Meaning.UNAVAILABLE, Meaning.TRANSIENT})


@dataclass(frozen=True, slots=True)
class Retry:
    """Retry after `delay` seconds; `counts` says whether the failed try is charged to the cell."""

    delay: float
    counts: bool


def is_worth_retry(failure: Failure) -> bool:
    """Return whether a failure may pass, so that a retry may succeed."""
    return failure.meaning in _WORTH_RETRY


def is_outage_evidence(failure: Failure) -> bool:
    """Return whether a failure may mean an outage, so that the circuit breaker counts it.

    Every other failure is an answer about this request, and shows that the service works. One that
    means `DENIED` is evidence if other companies are refused as well.
    """
    return failure.meaning in _OUTAGE_EVIDENCE


def backoff(tries: int, random: Callable[[], float], *, least: float = 0.0) -> float:
    """Return the seconds to wait after the given number of failed tries (1 or more).

    Exponential backoff with jitter: 0.5 s, 1 s, 2 s, ... 30 s, times a factor from `least` up to 1
    that `random` (0 up to 1) draws. `least` is 0 for full jitter, which spreads many callers best.
    Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    # The exponent is bounded so that many failures in a row cannot overflow.
    longest = min(_CAP_SECONDS, _BASE_SECONDS * 2.0 ** min(tries - 1, 16))
    return longest * (least + (1.0 - least) * random())


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Decides what follows a failure: a retry, or the end for this cell."""

    max_attempts: int

    def decide(
        self, failure: Failure, tries: int, throttled_tries: int, random: Callable[[], float]
    ) -> Retry | None:
        """Return the retry, or None to give up.

        `tries` is the number of charged tries so far, without this one. `throttled_tries` is the
        number that were not charged, because the server throttled them or was in an outage.
        `random` returns numbers from 0 up to 1.
        """
        if failure.blame in {Blame.SERVICE, Blame.LOCAL}:
            return Retry(delay=0.0, counts=False)
        if failure.blame is Blame.RATE and throttled_tries < _MOST_THROTTLED_TRIES:
            # The gate delays all requests; the cell itself needs no delay.
            return Retry(delay=0.0, counts=False)
        if not is_worth_retry(failure) or tries + 1 >= self.max_attempts:
            return None
        delay = backoff(tries + 1, random)
        if failure.meaning is Meaning.NOT_READY:
            delay = max(delay, min(failure.retry_after, _LONGEST_WAIT))
        return Retry(delay=delay, counts=True)
