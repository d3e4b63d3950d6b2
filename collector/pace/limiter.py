"""Rate limiter: which rate is in force, and when the next request may be sent.

`RateSearch` sets the rate, `Schedule` spaces requests evenly at it, and `RateLimiter` combines
the two and watches the latency.
"""

from math import inf, log
from typing import Any, Final, Protocol

from collector.pace.latency import Advice, LatencyWatch
from collector.pace.types import Permit, Share

__all__ = ["Notify", "RateLimiter", "RateSearch", "Schedule"]

_MOST_AHEAD: Final = 3.0
"""The rate grows to at most this many times the rate that is really sent: beyond that, the rate is
not what limits it. In slow start it is 1.8 times what was sent in the second before."""


class Notify(Protocol):
    """Takes events, as the methods of a structured logger do."""

    def __call__(self, event: str, **fields: Any) -> object:  # noqa: ANN401 - values of any type
        """Record an event with its fields."""


class RateLimiter:
    """Sets the rate (`RateSearch`) and spaces requests evenly at it (`Schedule`).

    `ceiling` is the highest rate, in requests per second; `inf` for none, and then `start` is the
    first rate. Moments are seconds of the controller's clock.
    """

    def __init__(self, ceiling: float, start: float, notify: Notify) -> None:
        self.search = RateSearch(start if ceiling == inf else ceiling, ceiling)
        self.schedule = Schedule(self.search.rate)
        self._latency = LatencyWatch()
        self._notify = notify

    def answered(self, permit: Permit, now: float) -> None:
        """Record an answer to a request that was sent as soon as the rate allowed."""
        advice = self._latency.add(now, now - permit.at, self.search.rate)
        if advice is Advice.LESS:
            # Below what the server processes, so that its queue shrinks.
            self.found(self._latency.answered, now)
            self._notify("server_queues", rate=round(self.search.rate, 2))
        elif advice is Advice.NO_QUEUE:
            self.restore(self._latency.rate_before)

    @property
    def may_grow(self) -> bool:
        """Whether the rate may grow: below the ceiling, no queue, not far above what is sent."""
        search = self.search
        return (
            search.rate < search.ceiling
            and not self._latency.is_queueing
            and search.rate < _MOST_AHEAD * self.schedule.achieved
        )

    def grow(self, now: float) -> None:
        """Increase the rate by the share of one answer."""
        self.search.answered(now)
        self._apply_rate()

    def found(self, limit: float, now: float, *, is_quota: bool = False) -> None:
        """Lower the rate below a limit (requests per second) that was found."""
        self.search.found(limit, now, is_quota=is_quota)
        self._apply_rate()

    def share(self, share: Share, now: float) -> None:
        """Apply a new share of the rate that several senders have together."""
        self.search.share(share.ceiling, share.limit, now)
        self._apply_rate()

    def restore(self, rate: float) -> None:
        """Restore a rate that was lowered without need."""
        self.search.restore(rate)
        self._apply_rate()

    def restart(self) -> None:
        """Restart the search, because no limit is known."""
        self.search.restart()
        self._apply_rate()

    def resume(self) -> None:
        """Resume after the circuit was open."""
        self._latency.restart()
        self.schedule.restart()

    def _apply_rate(self) -> None:
        self.schedule.rate = self.search.rate


_CREDIT_SECONDS: Final = 0.03
_CREDIT_REQUESTS: Final = 3.0
_LEAST_CREDIT_SECONDS: Final = 0.01
_FEWEST: Final = 10
_USED_SHARE: Final = 0.998
"""Share of the rate that is used. Some requests take longer to arrive than others, the first of a
connection most of all; exactly at the rate a server occasionally counts one too many. At this share
no 20 seconds hold more requests than the rate allows, credit included, up to 75 per second."""


class Schedule:
    """Spaces requests evenly at 0.998 of `rate` (requests per second), which may change any time.

    This is the generic cell rate algorithm (ITU-T I.371) for a sender: any t seconds have at most
    1 + rate * (t + credit) requests. The credit makes up for lateness: the timers of an event
    loop are late by a millisecond or more, and without credit the set rate would never be reached.
    It is 30 ms at most, so that a machine that was suspended does not send everything it missed at
    once. From 100 per second on it is the time of 3 requests, at least 10 ms, so that a small
    bucket on the server does not overflow. At 50 per second 2 may leave together, and 7 in any
    100 ms.

    Time is passed in, in seconds.
    """

    __slots__ = ("_count", "_credit", "_interval", "_last", "_rate", "_since", "achieved")

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.achieved = float("inf")
        """Requests sent per second, over the last second or 10 requests, whichever is longer."""
        self._since: float | None = None
        self._count = 0
        self._last = float("-inf")

    @property
    def rate(self) -> float:
        """The rate, in requests per second."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        # It changes with every answer at most, and not at all once the search is at the ceiling.
        self._rate = rate
        self._interval = 1.0 / (_USED_SHARE * rate)
        credit = max(_CREDIT_REQUESTS * self._interval, _LEAST_CREDIT_SECONDS)
        self._credit = min(_CREDIT_SECONDS, credit)

    def hold(self, until: float) -> None:
        """Delay the first request until then."""
        self._last = until - self._interval

    def restart(self) -> None:
        """Begin a new second: the circuit was open in the last one."""
        self.achieved = float("inf")
        self._since = None
        self._count = 0

    @property
    def next_at(self) -> float:
        """When the next request may be sent."""
        return self._last + self._interval

    def depart(self, now: float) -> bool:
        """Record a request that is sent, and return whether it was on time, within the credit.

        If not, the sender had nothing to send, or waited for something other than the rate; the
        requests that it missed are forfeited.
        """
        if self._since is None:
            self._since = now
        self._count += 1
        if now - self._since >= 1.0 and self._count > _FEWEST:
            self.achieved = (self._count - 1) / max(now - self._since, 1e-9)
            self._since, self._count = now, 1
        planned = self._last + self._interval
        if planned < now - self._credit:
            self._last = now
            return False
        self._last = planned
        return True


_BELOW_LIMIT: Final = 0.97
_LOWEST: Final = 1.0 / 15.0
"""Lowest rate in requests per second: as often as an open circuit sends probes to a throttling
server."""

_SLOW_START: Final = log(1.5)
_SLOW_GROWTH: Final = log(1.01)
_FAST_GROWTH: Final = log(1.1)
_QUOTA_GROWTH: Final = log(1.001)
_BAND: Final = 1.1
"""Up to so many times the limit found, growth is slow; beyond, the limit must have been raised."""

_FIRST_HOLD: Final = 10.0
_LONGEST_HOLD: Final = 30.0
"""Seconds. Longer holds would save throttled requests, but a doubled limit must be found within a
minute: 30 s of hold, 13 s of slow growth to the end of the band, 6 s of fast growth."""

_QUOTA_HOLD: Final = 120.0

_SAME_LIMIT: Final = 0.05
"""Shares of one limit that differ by less count as equal."""


class RateSearch:
    """Sets the rate (requests per second), at most `ceiling`; time (seconds) is passed in.

    * Slow start: 1.5 times as fast every second, until the server first throttles a request.
    * Cut: to 0.97 times the limit that was found.
    * Hold: no growth for 10 s, then 20, then 30; after a quota for 2 minutes.
    * Growth: 1 % per second (after a quota 0.1 %, so that little is sent beyond it), and 10 % once
      it is well above the limit found.

    Each answer adds its share of the growth: with g the growth per second, the rate grows by
    log(g), because a second has as many answers as the rate. So neither failures nor idle time
    increase the rate.
    """

    __slots__ = ("_grows_from", "_growth", "_hold", "_slow_until", "ceiling", "limit", "rate")

    def __init__(self, start: float, ceiling: float) -> None:
        self.rate = min(start, ceiling)
        self.ceiling = ceiling
        self.limit: float | None = None
        """The limit found last, in requests per second."""
        self._slow_until = ceiling
        self._grows_from = -inf
        self._hold = _FIRST_HOLD
        self._growth = _SLOW_GROWTH

    def answered(self, now: float) -> None:
        """Grow after an answer to a request that was sent as soon as the rate allowed."""
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
            growth = _FAST_GROWTH
            self._hold = _FIRST_HOLD
        self.rate = min(self.ceiling, rate + growth)

    def found(self, limit: float, now: float, *, is_quota: bool = False) -> None:
        """Lower the rate just below a limit; the limit cannot be above the rate that met it."""
        self.limit = min(limit, self.rate)
        self.rate = self._slow_until = min(self.rate, max(_LOWEST, _BELOW_LIMIT * self.limit))
        if is_quota:
            self._grows_from = now + _QUOTA_HOLD
            self._growth = _QUOTA_GROWTH
        else:
            self._grows_from = now + self._hold
            self._growth = _SLOW_GROWTH
            self._hold = min(_LONGEST_HOLD, 2.0 * self._hold)

    def share(self, ceiling: float, limit: float | None, now: float) -> None:
        """Apply a new share of the rate, and of the limit that all senders have found.

        A rate at the old ceiling changes to the new one at once. A limit that is about the same
        changes nothing: the one measured here is at least as accurate.
        """
        if ceiling != self.ceiling:
            is_at_ceiling = self.rate >= self.ceiling
            self._slow_until = ceiling if self.limit is None else min(ceiling, self._slow_until)
            self.ceiling = ceiling
            self.rate = ceiling if is_at_ceiling else min(self.rate, ceiling)
        if limit is None or (self.limit and abs(limit - self.limit) <= _SAME_LIMIT * limit):
            return
        self.limit = limit
        self.rate = self._slow_until = min(ceiling, max(_LOWEST, _BELOW_LIMIT * limit))
        self._grows_from = max(self._grows_from, now + _FIRST_HOLD)

    def restart(self) -> None:
        """Continue at a quarter of the rate, and return to it by slow start."""
        self._slow_until = max(self._slow_until, self.rate)
        self.rate = min(self.rate, max(_LOWEST, self.rate / 4.0))

    def restore(self, rate: float) -> None:
        """Discard a limit that was wrong, and return to the rate before it."""
        self.limit = None
        self.rate = self._slow_until = min(self.ceiling, rate)
        self._grows_from = -inf
        self._hold = _FIRST_HOLD
