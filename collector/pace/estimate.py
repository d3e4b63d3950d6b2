"""How much does the server let in? Turns what was let in and refused into the limit."""

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
"""A blockade longer than this is no bucket that fills again, but a quota that begins anew."""

_REFILL_SECONDS: Final = 0.3
"""How much of a short blockade a bucket spends on filling again, at most: 15 of 50 a second."""

_FEWEST: Final = 5
"""So few that were let in say nothing."""

_TOO_SHORT: Final = 0.5
_CLOSE: Final = 10.0
"""Refusals between half a second and ten seconds after a blockade tell the limit between them."""


@dataclass(slots=True)
class _Point:
    """A moment, how many had left by then, and how many of those were let in."""

    at: float
    number: int
    accepted: int


class LimitEstimate:
    """Counts what leaves and what is refused, and estimates the limit (requests a second) from it.

    * After a short blockade: what left during the last 2 seconds before the refusal (or the last
      20 requests, for at 1 a second 2 seconds hold 1, 2 or 3), for all that was let in. If the
      blockade before that was only seconds ago, the bucket was empty then and is empty now, and
      what was let in between is what flows in: that is exact, whatever is left of a burst.
    * After a long one: what was let in since the last long one, by the whole time. The quota began
      anew some time between the last probe that was refused (or the end of a pause that was asked
      for) and the one that was let in; the former is taken, for an estimate that is too high is
      corrected within a quota or two, and one that is too low is noticed late.

    A mark is taken every 100 ms at most, so memory is bounded. Time is passed in, in seconds.
    """

    __slots__ = (
        *("_before", "_blocked_at", "_cycle", "_is_anchored", "_is_whole_cycle", "_marks"),
        *("_opened", "_refilled", "_sent", "refusals"),
    )

    def __init__(self) -> None:
        self.refusals = 0
        """How many requests were refused."""
        self._sent = 0
        self._marks: deque[tuple[float, int]] = deque(maxlen=_MARKS)
        self._before = inf
        self._blocked_at = -inf
        self._opened = _Point(-inf, 0, 0)
        self._is_anchored = False
        self._refilled = 0.0
        self._cycle: _Point | None = None
        self._is_whole_cycle = False

    def sent(self, now: float) -> int:
        """Count a request that leaves, and return how many had left before."""
        number = self._sent
        if not self._marks or now - self._marks[-1][0] >= _MARK_SECONDS:
            self._marks.append((now, number))
            if self._cycle is None:
                self._cycle = _Point(now, number, number)
        self._sent = number + 1
        return number

    def refused(self, permit: Permit) -> None:
        """Count a request that was refused."""
        self.refusals += 1
        for point in (self._opened, self._cycle):
            if point is not None and permit.number < point.number:
                # It had left before, and was taken for one that was let in.
                point.accepted -= 1

    def blocked(self, refused: Permit) -> None:
        """Take note of the first request that was refused: all before it were let in."""
        at, number = refused.at, refused.number
        self._before = self._recent(at, number)
        self._blocked_at = at
        opened = self._opened
        self._is_anchored = at - opened.at < _TOO_SHORT
        if _TOO_SHORT <= at - opened.at < _CLOSE:
            # The refused one itself is counted as refused already.
            accepted = number + 1 - self.refusals - opened.accepted
            self._before = min(self._before, accepted / (at - opened.at + self._refilled))

    def reopened(self, probe: Permit, closed_until: float) -> tuple[float | None, bool]:
        """Return the limit at the end of a blockade, and whether it is that of a quota.

        `probe` was let in; until `closed_until` nobody was, for a request was refused then, or the
        server had asked for a pause. The limit is None if
        so little was let in that nobody can say. What the first blockade tells of a quota is not
        called one, for others may have used it before.
        """
        accepted = probe.number - self.refusals
        blocked_for = probe.at - self._blocked_at
        limit, is_quota = self._before, False
        if blocked_for >= _QUOTA_SECONDS:
            cycle = self._cycle or _Point(probe.at, probe.number, accepted)
            is_quota, self._is_whole_cycle = self._is_whole_cycle, True
            quota = accepted - cycle.accepted
            limit = quota / max(closed_until - cycle.at, _SECONDS) if quota >= _FEWEST else inf
            self._cycle = _Point(probe.at, probe.number, accepted)
        if not self._is_anchored:
            self._opened = _Point(probe.at, probe.number, accepted)
            self._refilled = min(blocked_for, _REFILL_SECONDS)
        return (None if limit == inf else limit), is_quota

    def _recent(self, at: float, number: int) -> float:
        """Return how many left a second before `at`, when `number` had left and one was refused."""
        for moment, total in reversed(self._marks):
            if at - moment >= _SECONDS and number - total >= _ANSWERS:
                return (number - total) / (at - moment)
        if number + 1 - self.refusals < _FEWEST:
            return inf
        moment, total = self._marks[0]
        return max(0, number - total) / max(at - moment, _MARK_SECONDS)
