"""Shortage: how many requests this machine can have in flight when it lacks something."""

from math import inf
from typing import Final

__all__ = ["LocalLimit"]

_STEP_SECONDS: Final = 10.0
_GROWTH: Final = 1.5
_MOST_STEPS: Final = 100

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0

_LOOK_AGAIN: Final = 60.0


class LocalLimit:
    """Limits the requests in flight to what this machine can make; it has no limit at first.

    A request that fails because file descriptors, memory or ports are used up says nothing about
    the server. As many requests are possible as were in flight beside it. The limit grows by half
    every 10 seconds. If none was in flight, the next one waits, for 0.5 to 10 seconds. Time
    (seconds) is passed in.

    * `patience`: seconds in which no request is possible before the caller gives up.
    * `is_limited`: whether there is a limit, or this machine lacked something before.
    * `resume_at`: no request is possible before.
    """

    __slots__ = (
        *("_ceiling", "_cut_at", "_failing_since", "_most", "_pause"),
        *("is_limited", "patience", "resume_at"),
    )

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.is_limited = False
        self.resume_at = -inf
        self._ceiling = inf
        self._most = inf
        self._cut_at = -inf
        self._pause = 0.0
        self._failing_since: float | None = None

    @property
    def ceiling(self) -> float:
        """Requests in flight, at most; `inf` for no limit."""
        return self._ceiling

    @ceiling.setter
    def ceiling(self, most: float) -> None:
        self._ceiling = most
        self.is_limited = min(most, self._most) < inf

    def most(self, now: float) -> float:
        """Return how many requests may be in flight; `inf` if any number may."""
        if self._most >= self.ceiling:
            return self.ceiling
        steps = self._steps(now)
        return min(self.ceiling, max(self._most + steps, int(self._most * _GROWTH**steps)))

    def next_at(self, now: float, in_flight: int) -> float:
        """Return when the next request may be sent, if no other one ends before."""
        if in_flight < self.most(now):
            return self.resume_at
        if self.most(now) >= self.ceiling:
            return now + _LOOK_AGAIN
        return self._cut_at + _STEP_SECONDS * (self._steps(now) + 1)

    def lacked(self, now: float, in_flight: int) -> None:
        """Record that a request was not possible; `in_flight` others are."""
        self._most = max(1.0, min(self.most(now), in_flight))
        self.is_limited = True
        self._cut_at = now
        if in_flight:
            return
        if self._failing_since is None:
            self._failing_since = now
        self._pause = min(_LONGEST_PAUSE, max(_FIRST_PAUSE, 2.0 * self._pause))
        self.resume_at = now + self._pause

    def worked(self) -> None:
        """Record that a request was possible."""
        self._failing_since = None
        self._pause = 0.0
        self.resume_at = -inf

    def is_hopeless(self, now: float) -> bool:
        """Return whether no request has been possible for too long."""
        since = self._failing_since
        return since is not None and now - since >= self.patience

    def _steps(self, now: float) -> int:
        return min(_MOST_STEPS, int((now - self._cut_at) / _STEP_SECONDS))
