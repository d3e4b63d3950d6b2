"""How much of the traffic retries may be: a budget for all cells together."""

from collections.abc import Callable
from typing import Final

__all__ = ["RetryBudget"]

_CAPACITY: Final = 500.0
_COST: Final = 5.0
_EARNED: Final = 1.0
"""Tokens, cost of a retry and earning of an answer as in the AWS SDKs' standard retry mode
(botocore, `retries/quota.py` and `retries/standard.py`: 500, 5 and 1; a retry that succeeds gets
its cost back)."""

_SHARE: Final = 0.2
_LEAST_RETRIES: Final = 1.0
"""Of the rate in force, as in Finagle's `RetryBudget` (`percentCanRetry`), and a second: what is
always possible. Without it a run in which a tenth of the companies always fails would end with
hours of single retries."""


class RetryBudget:
    """A token bucket that answers and time fill and retries empty; time (seconds) is passed in.

    While most things work it is never noticed. When they do not, retries are a fifth of the rate in
    force (requests a second, `rate` gives it), or one a second if that is more: a retry then waits
    for its token; it is never given up for it.
    """

    __slots__ = ("_at", "_rate", "_tokens")

    def __init__(self, now: float, rate: Callable[[], float]) -> None:
        self._tokens = _CAPACITY
        self._at = now
        self._rate = rate

    def next_at(self, now: float) -> float:
        """Return when the next retry can be paid for; `now` if it can be already."""
        per_second = _COST * max(_LEAST_RETRIES, _SHARE * self._rate())
        self._tokens = min(_CAPACITY, self._tokens + (now - self._at) * per_second)
        self._at = now
        return now + max(0.0, _COST - self._tokens) / per_second

    def spend(self) -> None:
        """Pay for a retry."""
        self._tokens -= _COST

    def succeeded(self, *, was_retry: bool) -> None:
        """Take note of an answer: a retry gets back what it cost, a first try earns a little."""
        self._tokens = min(_CAPACITY, self._tokens + (_COST if was_retry else _EARNED))
