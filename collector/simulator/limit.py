"""Rate limits as pure decisions: the time is passed in, nothing waits.

A refused request takes nothing away: a client that keeps knocking is let in as soon as one
that waits.
"""

import math
from typing import Final, Protocol

__all__ = ["FixedWindow", "Limit", "TokenBucket", "retry_after_seconds"]

_SLACK: Final = 1e-6
"""Seconds by which a request may be early: it absorbs the rounding of clock readings, so that
a client which waits exactly as long as it was told is let in."""


class Limit(Protocol):
    """Decides over one request after the other."""

    def admit(self, now: float) -> float:
        """Return 0.0 if a request at `now` (seconds) passes, else the seconds until one would."""


class TokenBucket:
    """A bucket of `depth` tokens, full at first, refilled at `rate` tokens a second.

    Every request that passes takes one token. This is nginx's `limit_req` with
    `burst=<depth - 1> nodelay`; a depth of 1 keeps requests at least 1 / `rate` seconds apart.
    The bucket is kept as one number, the time at which it will be full again, (the "theoretical
    arrival time" of the generic cell rate algorithm, ITU-T I.371), which does not drift.
    """

    __slots__ = ("_full_at", "_interval", "_tolerance")

    def __init__(self, rate: float, depth: int) -> None:
        self._interval = 1.0 / rate
        self._tolerance = (depth - 1) * self._interval
        self._full_at = -math.inf

    def admit(self, now: float) -> float:
        """Return 0.0 and take a token, or the seconds until there is a whole one."""
        wait = self._full_at - self._tolerance - now
        if wait > _SLACK:
            return wait
        self._full_at = max(self._full_at, now) + self._interval
        return 0.0


class FixedWindow:
    """At most `size` requests in every window of `seconds`, counted anew in each.

    The windows are aligned to the clock: they begin at whole multiples of `seconds`. So up to
    2 * `size` requests can pass within a moment, around a boundary.
    """

    __slots__ = ("_passed", "_seconds", "_size", "_window")

    def __init__(self, size: int, seconds: float) -> None:
        self._size = size
        self._seconds = seconds
        self._window = -math.inf
        self._passed = 0

    def admit(self, now: float) -> float:
        """Return 0.0 and count the request, or the seconds until the next window begins."""
        window = math.floor((now + _SLACK) / self._seconds)
        if window != self._window:
            self._window, self._passed = window, 0
        if self._passed >= self._size:
            return max((window + 1) * self._seconds - now, _SLACK)
        self._passed += 1
        return 0.0


def retry_after_seconds(wait: float) -> int:
    """Round `wait` (seconds) up to the whole seconds, at least 1, of a Retry-After header."""
    return max(1, math.ceil(wait - _SLACK))
