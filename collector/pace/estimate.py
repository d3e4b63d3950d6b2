"""Estimate of the server's limit from the requests that it accepted and throttled."""

from collections import deque
from dataclasses import dataclass
from math import inf
from typing import Final

from collector.pace.types import Permit

__all__ = ["LimitEstimate"]

_MARK_SECONDS: Final = 0.1
_MARKS: Final = 256
_SECONDS: Final = 2.0
_ANSWERS: Final = 20

_QUOTA_SECONDS: Final = 3.0
"""A circuit that is open for longer means a quota that is renewed, not a bucket that refills."""

_REFILL_SECONDS: Final = 0.3
"""Most seconds of a short open circuit in which a bucket refills: 15 requests at 50 per second."""

_FEWEST: Final = 5
"""Fewer accepted requests than these are no evidence."""

_TOO_SHORT: Final = 0.5
_CLOSE: Final = 10.0
"""A request throttled 0.5 to 10 seconds after the circuit closed shows the limit in between."""


@dataclass(slots=True)
class _Point:
    """A moment, how many requests were sent before it, and how many of those were accepted."""

    at: float
    number: int
    accepted: int


class LimitEstimate:
    """Counts sent and throttled requests, and estimates the limit (requests per second) from them.

    * After the circuit was open for a short time: the requests sent during the last 2 seconds
      before the throttled one (or the last 20, because at 1 per second 2 seconds hold 1, 2 or 3),
      all of which the server accepted. If the circuit had closed only seconds before, the bucket
      was empty then and is empty now, and the requests accepted in between are its inflow: that is
      exact, whatever is left of a burst.
    * After a long time: the requests accepted since the last long one, divided by the whole time.
      The quota was renewed some time between the last throttled probe (or the end of a pause that
      the server asked for) and the accepted one. The former is used: an estimate that is too high
      is corrected within a quota or two, and one that is too low is noticed late.

    A mark is taken every 100 ms at most, so memory is bounded. Time is passed in, in seconds.
    """

    __slots__ = (
        *("_limit_before", "_opened_at", "_cycle", "_is_anchored", "_is_whole_cycle", "_marks"),
        *("_closed", "_next_mark", "_refilled", "_sent", "refusals"),
    )

    def __init__(self) -> None:
        self.refusals = 0
        """Number of throttled requests."""
        self._sent = 0
        self._marks: deque[tuple[float, int]] = deque(maxlen=_MARKS)
        self._next_mark = -inf
        self._limit_before = inf
        self._opened_at = -inf
        self._closed = _Point(-inf, 0, 0)
        self._is_anchored = False
        self._refilled = 0.0
        self._cycle: _Point | None = None
        self._is_whole_cycle = False

    def sent(self, now: float) -> int:
        """Count a request that is sent, and return how many were sent before."""
        number = self._sent
        if now >= self._next_mark:
            self._next_mark = now + _MARK_SECONDS
            self._marks.append((now, number))
            if self._cycle is None:
                self._cycle = _Point(now, number, number)
        self._sent = number + 1
        return number

    def refused(self, permit: Permit) -> None:
        """Count a throttled request."""
        self.refusals += 1
        for point in (self._closed, self._cycle):
            if point is not None and permit.number < point.number:
                # It was sent before that point, and was counted as accepted.
                point.accepted -= 1

    def circuit_opened(self, refused: Permit) -> None:
        """Record the throttled request that opens the circuit: all before it were accepted."""
        at, number = refused.at, refused.number
        self._limit_before = self._recent(at, number)
        self._opened_at = at
        closed = self._closed
        self._is_anchored = at - closed.at < _TOO_SHORT
        if _TOO_SHORT <= at - closed.at < _CLOSE:
            # The throttled request itself is already counted in `refusals`.
            accepted = number + 1 - self.refusals - closed.accepted
            self._limit_before = min(
                self._limit_before, accepted / (at - closed.at + self._refilled)
            )

    def circuit_closed(self, probe: Permit, refused_until: float) -> tuple[float | None, bool]:
        """Return the limit when the circuit closes, and whether it is that of a quota.

        The server accepted `probe`, and no request until `refused_until`: it throttled one then,
        or had asked for a pause. The limit is None if too few requests were accepted to tell. The
        first long open circuit is not reported as a quota, because other clients may have used
        part of it.
        """
        accepted = probe.number - self.refusals
        open_for = probe.at - self._opened_at
        limit, is_quota = self._limit_before, False
        if open_for >= _QUOTA_SECONDS:
            cycle = self._cycle or _Point(probe.at, probe.number, accepted)
            is_quota, self._is_whole_cycle = self._is_whole_cycle, True
            quota = accepted - cycle.accepted
            limit = quota / max(refused_until - cycle.at, _SECONDS) if quota >= _FEWEST else inf
            self._cycle = _Point(probe.at, probe.number, accepted)
        if not self._is_anchored:
            self._closed = _Point(probe.at, probe.number, accepted)
            self._refilled = min(open_for, _REFILL_SECONDS)
        return (None if limit == inf else limit), is_quota

    def _recent(self, at: float, number: int) -> float:
        """Return the rate per second before `at`, when `number` were sent and one was throttled."""
        for moment, total in reversed(self._marks):
            if at - moment >= _SECONDS and number - total >= _ANSWERS:
                return (number - total) / (at - moment)
        if number + 1 - self.refusals < _FEWEST:
            return inf
        moment, total = self._marks[0]
        return max(0, number - total) / max(at - moment, _MARK_SECONDS)
