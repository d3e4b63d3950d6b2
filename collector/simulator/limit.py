"""Rate limits as pure decisions: the time is passed in, nothing waits.

A rejected request takes nothing away: a client that keeps retrying passes as soon as one that
waits.
"""

import math
from typing import Final, NamedTuple, Protocol

from collector.simulator.settings import SimulatorSettings

__all__ = [
    "Admission",
    "FixedWindow",
    "Limit",
    "LimitState",
    "LimitVerdict",
    "RequestQueue",
    "TokenBucket",
    "retry_after_seconds",
    "whole_seconds",
]

_SLACK: Final = 1e-6
"""Seconds by which a request may be early: it absorbs the rounding of clock readings, so that
a client passes which waits exactly as long as it was told."""


class LimitVerdict(NamedTuple):
    """Whether a request passes, and the seconds until it does, or until another one would."""

    passes: bool
    seconds: float


_AT_ONCE: Final = LimitVerdict(passes=True, seconds=0.0)
"""The verdict on most requests, created once: simulations need it millions of times."""


class LimitState(NamedTuple):
    """What a limit tells its clients about itself.

    Of `limit` requests, `remaining` would pass now; all of them in `reset` seconds, if no request
    comes in between.
    """

    limit: int
    remaining: int
    reset: float


class Limit(Protocol):
    """Decides on one request after the other; `now` is the time in seconds."""

    def admit(self, now: float) -> LimitVerdict:
        """Decide on a request that arrives at `now`; count it if it passes."""

    def allowance(self, now: float) -> LimitState | None:
        """Return the state at `now`, taking nothing; None if the limit is not of that kind."""


class Admission:
    """All limits of a server: of requests at once, of the rate, and the ban that may follow.

    Each request that passes must be reported to `left` when its answer is sent or its client gone.
    """

    __slots__ = ("_at_once", "_ban", "_banned_until", "_limit", "_most_at_once")

    def __init__(self, settings: SimulatorSettings) -> None:
        self._limit = _rate_limit_of(settings)
        self._most_at_once = settings.concurrency_limit or math.inf
        self._at_once = 0
        self._ban = settings.ban
        self._banned_until = -math.inf

    def admit(self, now: float) -> LimitVerdict:
        """Decide on a request that arrives at `now`; what is rejected counts for no limit."""
        wait = self._banned_until - now
        if wait > _SLACK:
            return LimitVerdict(passes=False, seconds=wait)
        if self._at_once >= self._most_at_once:
            verdict = LimitVerdict(passes=False, seconds=0.0)
        elif self._limit is not None:
            verdict = self._limit.admit(now)
        else:
            verdict = _AT_ONCE
        if verdict.passes:
            self._at_once += 1
        elif self._ban:
            self._banned_until = now + self._ban
            verdict = LimitVerdict(passes=False, seconds=self._ban)
        return verdict

    def left(self) -> None:
        """Record that a request that passed is no longer processed."""
        self._at_once -= 1

    def allowance(self, now: float) -> LimitState | None:
        """Return the state of the rate limit at `now`; during a ban nothing is left."""
        allowance = None if self._limit is None else self._limit.allowance(now)
        wait = self._banned_until - now
        if allowance is None or wait <= 0.0:
            return allowance
        return LimitState(allowance.limit, 0, max(wait, allowance.reset))


def _rate_limit_of(settings: SimulatorSettings) -> Limit | None:
    """Build the limit of the rate that the settings ask for; None if they ask for none."""
    if settings.rate_limit is None:
        return None
    if settings.limit_kind == "window":
        return FixedWindow(settings.window_size, settings.limit_window)
    if settings.limit_kind == "queue":
        return RequestQueue(settings.rate_limit, settings.burst)
    return TokenBucket(settings.rate_limit, settings.burst)


class TokenBucket:
    """A bucket of `depth` tokens, full at first, refilled at `rate` tokens per second.

    Every request that passes takes one token. This is nginx's `limit_req` with
    `burst=<depth - 1> nodelay`; a depth of 1 keeps requests at least 1 / `rate` seconds apart.
    The bucket is kept as one number, the time at which it will be full again, (the "theoretical
    arrival time" of the generic cell rate algorithm, ITU-T I.371), which does not drift.
    """

    __slots__ = ("_depth", "_full_at", "_interval", "_tolerance")

    def __init__(self, rate: float, depth: int) -> None:
        self._depth = depth
        self._interval = 1.0 / rate
        self._tolerance = (depth - 1) * self._interval
        self._full_at = -math.inf

    def admit(self, now: float) -> LimitVerdict:
        """Take a token if there is a whole one, or return the seconds until there is."""
        wait = self._full_at - self._tolerance - now
        if wait > _SLACK:
            return LimitVerdict(False, wait)  # noqa: FBT003 - keywords take half as long again
        self._full_at = max(self._full_at, now) + self._interval
        return _AT_ONCE

    def allowance(self, now: float) -> LimitState:
        """Count the whole tokens; `reset` is the time until the bucket is full."""
        missing = max(self._full_at - now, 0.0)
        tokens = math.floor(self._depth - (missing - _SLACK) / self._interval)
        return LimitState(self._depth, min(max(tokens, 0), self._depth), missing)


class FixedWindow:
    """At most `size` requests in every window of `seconds`, counted anew in each.

    The windows are aligned to the clock: they begin at whole multiples of `seconds`. So up to
    2 * `size` requests can pass within a moment, around a boundary. A clock that is set back
    opens a window too.
    """

    __slots__ = ("_passed", "_seconds", "_size", "_window")

    def __init__(self, size: int, seconds: float) -> None:
        self._size = size
        self._seconds = seconds
        self._window = -math.inf
        self._passed = 0

    def admit(self, now: float) -> LimitVerdict:
        """Count the request, or return the seconds until the next window begins."""
        window = self._number(now)
        if window != self._window:
            self._window, self._passed = window, 0
        if self._passed >= self._size:
            return LimitVerdict(False, self._rest(window, now))  # noqa: FBT003 - as in the bucket
        self._passed += 1
        return _AT_ONCE

    def allowance(self, now: float) -> LimitState:
        """Return how many more pass in the window; `reset` is the time until the next begins."""
        window = self._number(now)
        passed = self._passed if window == self._window else 0
        return LimitState(self._size, self._size - passed, self._rest(window, now))

    def _number(self, now: float) -> int:
        return math.floor((now + _SLACK) / self._seconds)

    def _rest(self, window: int, now: float) -> float:
        return max((window + 1) * self._seconds - now, _SLACK)


class RequestQueue:
    """A queue that requests leave at `rate` a second, and in which at most `length` wait.

    A request that comes to an idle queue passes at once, the next ones when it is their turn,
    1 / `rate` seconds apart; only a request that finds the queue full is rejected. This is nginx's
    `limit_req` with `burst=<length>` and without `nodelay`. A turn is the beginning of the rush
    plus the number of requests since over the rate, one division and no running sum, so
    that it does not drift however many come: the n-th after the first leaves n / `rate` later.
    """

    __slots__ = ("_began", "_longest", "_passed", "_rate")

    def __init__(self, rate: float, length: int) -> None:
        self._rate = rate
        self._longest = length / rate
        self._began = -math.inf
        self._passed = 0

    def admit(self, now: float) -> LimitVerdict:
        """Take the next turn and return the seconds until it comes, or until one is free."""
        delay = self._began + self._passed / self._rate - now
        if delay <= 0.0:
            self._began, self._passed = now, 1
            return _AT_ONCE
        wait = delay - self._longest
        if wait > _SLACK:
            return LimitVerdict(False, wait)  # noqa: FBT003 - as in the bucket
        self._passed += 1
        return LimitVerdict(True, delay)  # noqa: FBT003 - as in the bucket

    def allowance(self, now: float) -> None:
        """Return None: a server that delays has no reason to announce a limit."""


def whole_seconds(wait: float) -> int:
    """Round `wait` (seconds) up to whole seconds, as headers have them."""
    return max(0, math.ceil(wait - _SLACK))


def retry_after_seconds(wait: float) -> int:
    """Round `wait` (seconds) up to the whole seconds, at least 1, of a Retry-After header."""
    return max(1, whole_seconds(wait))
