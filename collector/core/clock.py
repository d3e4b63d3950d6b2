"""A clock that stands still while this process does."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import Final

__all__ = ["AwakeClock"]

_BEAT_SECONDS: Final = 0.25

_LONGEST_GAP: Final = 1.0
"""Seconds between two readings. After more than that the process was not running: the heartbeat
reads the clock four times per second."""

_BREAKS_CONNECTIONS: Final = 5.0
"""Seconds asleep after which servers and networks may have given up the connections."""


class AwakeClock:
    """Monotonic seconds in which this process was able to work.

    They do not count while the process is stopped (SIGSTOP, the freezer of a container, a debugger)
    or its event loop is blocked, for more than a second. Every reading notices that, so that no
    timer of the same turn of the event loop comes before it. Without a heartbeat the clock counts
    all seconds.

    * `read`: returns monotonic seconds.
    * `read_suspended`: returns for how many seconds the machine was suspended since it started, if
      `read` does not count them.
    * `notify`: called with the seconds, after the process was asleep.
    """

    def __init__(
        self,
        read: Callable[[], float] = time.monotonic,
        read_suspended: Callable[[], float] | None = None,
        notify: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.notify = notify
        self._read = read
        self._read_suspended = read_suspended or _suspended_seconds
        self._last = read()
        self._longest_gap = inf
        self._asleep = 0.0
        self._suspended = self._read_suspended()
        self._unreported = 0.0
        self._woke_at = -inf
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> float:
        """Return the seconds, from an arbitrary beginning."""
        now = self._read()
        gap = now - self._last
        self._last = now
        if gap > self._longest_gap:
            self._slept(gap, now - self._asleep - gap)
            self._asleep += gap
        return now - self._asleep

    def slept_since(self, moment: float) -> bool:
        """Return whether connections that were in use since `moment` may have broken by sleep."""
        self._look()
        return self._woke_at >= moment

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Notice sleep as long as the context is open."""
        self._last, self._longest_gap = self._read(), _LONGEST_GAP
        self._beat()
        try:
            yield
        finally:
            assert self._timer is not None, "it beats"  # noqa: S101 - for the type checker
            self._timer.cancel()
            self._longest_gap = inf

    def _beat(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_BEAT_SECONDS, self._beat)
        self._look()
        if self._unreported:
            seconds, self._unreported = self._unreported, 0.0
            self.notify(seconds)

    def _look(self) -> None:
        """Notice sleep in which the clock was not read, or which it does not count."""
        now = self()
        suspended = self._read_suspended()
        if suspended - self._suspended > _LONGEST_GAP:
            self._slept(suspended - self._suspended, now)
        self._suspended = suspended

    def _slept(self, seconds: float, now: float) -> None:
        self._unreported += seconds
        if seconds >= _BREAKS_CONNECTIONS:
            self._woke_at = now


def _suspended_seconds() -> float:
    """Return for how long the machine was suspended, where the monotonic clock leaves that out."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
