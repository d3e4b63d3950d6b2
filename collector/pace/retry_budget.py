"""How much of the traffic retries may be: a budget for all cells together."""

from typing import Final

__all__ = ["RetryBudget"]

_CAPACITY: Final = 500.0
_COST: Final = 5.0
_EARNED: Final = 1.0
"""Tokens, cost of a retry and earning of an answer as in the AWS SDKs' standard retry mode
(botocore, `retries/quota.py` and `retries/standard.py`: 500, 5 and 1; a retry that succeeds gets
its cost back)."""

_EARNED_PER_SECOND: Final = 5.0
"""One retry a second is always possible: what has run dry while nothing succeeded must not stay so.
Finagle's `RetryBudget` has the same idea (`minRetriesPerSec`, 10 there)."""


class RetryBudget:
    """A token bucket that first tries fill and retries empty; time (seconds) is passed in.

    While most things work it is never noticed. When they do not, retries are at most a fifth of
    what succeeds, and one a second: a retry then waits for its token; it is never given up for it.
    """

    __slots__ = ("_at", "_tokens")

    def __init__(self, now: float) -> None:
        self._tokens = _CAPACITY
        self._at = now

    def next_at(self, now: float) -> float:
        """Return when the next retry can be paid for; `now` if it can be already."""
        self._drip(now)
        return now + max(0.0, _COST - self._tokens) / _EARNED_PER_SECOND

    def spend(self) -> None:
        """Pay for a retry."""
        self._tokens -= _COST

    def succeeded(self, *, was_retry: bool) -> None:
        """Take note of an answer: a retry gets back what it cost, a first try earns a little."""
        self._tokens = min(_CAPACITY, self._tokens + (_COST if was_retry else _EARNED))

    def _drip(self, now: float) -> None:
        self._tokens = min(_CAPACITY, self._tokens + (now - self._at) * _EARNED_PER_SECOND)
        self._at = now
