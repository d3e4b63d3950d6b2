"""Retry budget: which share of the requests may be retries, for all cells together."""

from collections.abc import Callable
from typing import Final

__all__ = ["RetryBudget"]

_CAPACITY: Final = 500.0
_COST: Final = 5.0
_EARNED: Final = 1.0
"""Tokens, the cost of a retry and the gain of an answer as in the AWS SDKs' standard retry mode
(botocore, `retries/quota.py` and `retries/standard.py`: 500, 5 and 1; a retry that succeeds gets
its cost back)."""

_SHARE: Final = 0.2
_LEAST_RETRIES: Final = 1.0
"""Retries that are always possible: a share of the rate in force, as in Finagle's `RetryBudget`
(`percentCanRetry`), and at least so many per second. Without them a run in which a tenth of the
companies always fails would end with hours of single retries."""


class RetryBudget:
    """Token bucket that answers and time fill and retries empty; time (seconds) is passed in.

    While most requests succeed it has no effect. Otherwise retries are limited to a fifth of the
    rate in force (`rate` returns it, in requests per second), or to one per second if that is more:
    a retry then waits for its tokens, and is never dropped.
    """

    __slots__ = ("_at", "_rate", "_tokens")

    def __init__(self, now: float, rate: Callable[[], float]) -> None:
        self._tokens = _CAPACITY
        self._at = now
        self._rate = rate

    def next_at(self, now: float) -> float:
        """Return when there are tokens for the next retry; `now` if there are already."""
        per_second = _COST * max(_LEAST_RETRIES, _SHARE * self._rate())
        self._tokens = min(_CAPACITY, self._tokens + (now - self._at) * per_second)
        self._at = now
        return now + max(0.0, _COST - self._tokens) / per_second

    def spend(self) -> None:
        """Take the tokens of a retry."""
        self._tokens -= _COST

    def succeeded(self, *, was_retry: bool) -> None:
        """Record an answer: a retry returns its 5 tokens, a first try adds 1."""
        self._tokens = min(_CAPACITY, self._tokens + (_COST if was_retry else _EARNED))
