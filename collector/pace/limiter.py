"""The rate limiter: which rate is in force, and when the next request may leave.

`RateSearch` keeps the rate, `Schedule` spaces departures by it, and `Pacer` puts the two together
with a look at latency.
"""

from math import inf, log
from typing import Any, Final, Protocol

from collector.pace.latency import Advice, LatencyWatch
from collector.pace.types import Permit, Share

__all__ = ["Notify", "Pacer", "RateSearch", "Schedule"]

_AHEAD: Final = 3.0
"""The rate grows to no more than this many times what really leaves: beyond, it is not the rate
that holds requests back. In slow start it is 1.8 times what left in the second before."""


class Notify(Protocol):
    """Takes news, as the methods of a structured logger do."""

    def __call__(self, event: str, **fields: Any) -> object:  # noqa: ANN401 - values of any type
        """Take the name of an event and its fields."""


class Pacer:
    """Keeps the rate (`RateSearch`) and spaces permits by it (`Schedule`).

    `ceiling` is the highest rate, in requests a second; `inf` for none, and then `start` is the one
    to begin with. Moments are seconds of the controller's clock.
    """

    def __init__(self, ceiling: float, start: float, notify: Notify) -> None:
        self.search = RateSearch(start if ceiling == inf else ceiling, ceiling)
        self.schedule = Schedule(self.search.rate)
        self._latency = LatencyWatch()
        self._notify = notify

    def answered(self, permit: Permit, now: float) -> None:
        """Take note of an answer to a request that left as soon as the rate allowed."""
        advice = self._latency.add(now, now - permit.at, self.search.rate)
        if advice is Advice.LESS:
            # Below what the server works off, so that its queue becomes shorter.
            self.found(self._latency.answered, now)
            self._notify("server_queues", rate=round(self.search.rate, 2))
        elif advice is Advice.NO_QUEUE:
            self.restore(self._latency.rate_before)

    @property
    def may_grow(self) -> bool:
        """Whether there is room below the ceiling, and nothing seen that speaks against it."""
        search = self.search
        return (
            search.rate < search.ceiling
            and not self._latency.is_queueing
            and search.rate < _AHEAD * self.schedule.achieved
        )

    def grow(self, now: float) -> None:
        """Let the rate grow by the share of one answer."""
        self.search.answered(now)
        self._apply_rate()

    def found(self, limit: float, now: float, *, is_quota: bool = False) -> None:
        """Come down below a limit (requests a second) that was found."""
        self.search.found(limit, now, is_quota=is_quota)
        self._apply_rate()

    def share(self, share: Share, now: float) -> None:
        """Take another share of what several send together."""
        self.search.share(share.ceiling, share.limit, now)
        self._apply_rate()

    def restore(self, rate: float) -> None:
        """Go back to a rate that came down for nothing."""
        self.search.restore(rate)
        self._apply_rate()

    def restart(self) -> None:
        """Begin the search anew, for nothing is known of a limit."""
        self.search.restart()
        self._apply_rate()

    def resume(self) -> None:
        """Go on after nobody has left for a while."""
        self._latency.restart()
        self.schedule.restart()

    def _apply_rate(self) -> None:
        self.schedule.rate = self.search.rate


_CREDIT_SECONDS: Final = 0.03
_CREDIT_REQUESTS: Final = 3.0
_LEAST_CREDIT_SECONDS: Final = 0.01
_FEWEST: Final = 10
_USED: Final = 0.998
"""So much of the rate is used. Requests take longer to arrive one time than another, the first of a
connection most of all; exactly at the rate a server counts one too many now and then. With this
much no 20 seconds hold more departures than the rate says, credit included, up to 75 a second."""


class Schedule:
    """Spaces departures evenly at 0.998 of `rate` (requests a second), which may change any time.

    This is the generic cell rate algorithm (ITU-T I.371) as a sender: in any t seconds at most 1 +
    rate * (t + credit) requests leave. The credit makes up for lateness, for the timers of an event
    loop are late by a millisecond and more, and without any the rate given would never be reached.
    It is 30 ms at most, so that a machine that stood still does not send all at once what it
    missed, and the time of 3 requests from 100 a second on, so that a shallow bucket at the other
    end does not spill (10 ms at the least). At 50 a second 2 may leave together, and 7 in any 100
    ms.

    Time is passed in, in seconds.
    """

    __slots__ = ("_count", "_credit", "_interval", "_last", "_rate", "_since", "achieved")

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.achieved = float("inf")
        """How many left a second, over the last second or 10 departures, what is longer."""
        self._since: float | None = None
        self._count = 0
        self._last = float("-inf")

    @property
    def rate(self) -> float:
        """The rate, in requests a second."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        # It changes with every answer at most, and not at all once the search has come to its end.
        self._rate = rate
        self._interval = 1.0 / (_USED * rate)
        credit = max(_CREDIT_REQUESTS * self._interval, _LEAST_CREDIT_SECONDS)
        self._credit = min(_CREDIT_SECONDS, credit)

    def hold(self, until: float) -> None:
        """Let the first request leave then."""
        self._last = until - self._interval

    def restart(self) -> None:
        """Begin another second: in the one before there was a blockade."""
        self.achieved = float("inf")
        self._since = None
        self._count = 0

    @property
    def next_at(self) -> float:
        """When the next request may leave."""
        return self._last + self._interval

    def depart(self, now: float) -> bool:
        """Take note of a departure, and say whether it left when it might, within the credit.

        If not, the sender had nothing to send, or waited for something else than the rate; what it
        missed is forfeited.
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
        self.rate = self._slow_until = min(self.rate, max(_LOWEST, _BELOW_LIMIT * self.limit))
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
        self.rate = self._slow_until = min(ceiling, max(_LOWEST, _BELOW_LIMIT * limit))
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
