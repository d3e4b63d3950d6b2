"""Which rate? Slow start, then goodput and hold, then gentle probing upwards."""

from math import inf, log
from typing import Final

__all__ = ["RateSearch"]

_MARGIN: Final = 0.97
_LOWEST: Final = 1.0 / 15.0
"""Requests a second: what is let in rarely is asked for as often as a blockade probes."""

_SLOW_START: Final = log(1.5)
_GENTLE: Final = log(1.01)
_BRISK: Final = log(1.1)
_PATIENT: Final = log(1.001)
_BAND: Final = 1.1
"""Up to so many times the limit found growth is gentle; beyond, the limit must have been raised."""

_FIRST_HOLD: Final = 10.0
_LONGEST_HOLD: Final = 30.0
"""Seconds. Longer holds would save refusals, but a limit that is doubled is to be found within a
minute: 30 s of hold, 13 s of gentle growth to the end of the band, 6 s of brisk growth."""

_QUOTA_HOLD: Final = 120.0

_ALIKE: Final = 0.05
"""Shares of one limit that differ by less are left as they are."""


class RateSearch:
    """Keeps the rate (requests a second), at most `ceiling`; time (seconds) is passed in.

    * Slow start: 1.5 times as fast every second, until the first refusal.
    * Cut: to 0.97 times the limit that was met.
    * Hold: no growth for 10 s, then 20, then 30; after a quota for 2 minutes.
    * Growth: 1 % a second (after a quota 0.1 %, so that what one quota allows beyond is little),
      and 10 % once it is well above the limit found.

    Growth comes from answers, and each adds its share: with g the growth of a second, the rate
    grows by log(g), for a second has as many answers as the rate says. So failures add nothing, and
    idleness adds nothing either.
    """

    __slots__ = ("_grows_from", "_growth", "_hold", "_slow_until", "ceiling", "limit", "rate")

    def __init__(self, start: float, ceiling: float) -> None:
        self.rate = min(start, ceiling)
        self.ceiling = ceiling
        self.limit: float | None = None
        """The limit found last, in requests a second."""
        self._slow_until = ceiling
        self._grows_from = -inf
        self._hold = _FIRST_HOLD
        self._growth = _GENTLE

    def answered(self, now: float) -> None:
        """Take note of an answer that was asked for as soon as the rate allowed."""
        rate = self.rate
        if rate >= self.ceiling:
            return
        if rate < self._slow_until:
            self.rate = min(self._slow_until, rate + _SLOW_START)
            return
        if now < self._grows_from:
            return
        growth = self._growth
        if self.limit is None or rate > self.limit * _BAND:
            growth = _BRISK
            self._hold = _FIRST_HOLD
        self.rate = min(self.ceiling, rate + growth)

    def found(self, limit: float, now: float, *, is_quota: bool = False) -> None:
        """Go just below a limit that was met, which cannot be above the rate at which it was."""
        self.limit = min(limit, self.rate)
        self.rate = self._slow_until = min(self.rate, max(_LOWEST, _MARGIN * self.limit))
        if is_quota:
            self._grows_from = now + _QUOTA_HOLD
            self._growth = _PATIENT
        else:
            self._grows_from = now + self._hold
            self._growth = _GENTLE
            self._hold = min(_LONGEST_HOLD, 2.0 * self._hold)

    def share(self, ceiling: float, limit: float | None, now: float) -> None:
        """Take another part of a rate, and of the limit that all who share it have found.

        Whoever was at the old ceiling goes to the new one at once. A limit that is about the same
        changes nothing: what was measured here is at least as true.
        """
        if ceiling != self.ceiling:
            is_at_top = self.rate >= self.ceiling
            self._slow_until = ceiling if self.limit is None else min(ceiling, self._slow_until)
            self.ceiling = ceiling
            self.rate = ceiling if is_at_top else min(self.rate, ceiling)
        if limit is None or (self.limit and abs(limit - self.limit) <= _ALIKE * limit):
            return
        self.limit = limit
        self.rate = self._slow_until = min(ceiling, max(_LOWEST, _MARGIN * limit))
        self._grows_from = max(self._grows_from, now + _FIRST_HOLD)

    def restart(self) -> None:
        """After an outage: begin at a quarter of the rate, and come back to it by slow start."""
        self._slow_until = max(self._slow_until, self.rate)
        self.rate = min(self.rate, max(_LOWEST, self.rate / 4.0))

    def restore(self, rate: float) -> None:
        """Forget a limit that was none, and go back to the rate before it."""
        self.limit = None
        self.rate = self._slow_until = min(self.ceiling, rate)
        self._grows_from = -inf
        self._hold = _FIRST_HOLD
