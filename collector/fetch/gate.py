"""The one gate that every request passes, at the given rate and first come, first served."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from asyncio_throttle import Throttler

from collector.errors import StoppedError

__all__ = ["Gate", "burst_and_period"]

_BURST_SECONDS: Final = 0.04
"""Requests that may leave together are those of so many seconds: few enough to be even for the
server, enough that a late timer costs little of the rate."""

_TIMER_SLACK: Final = 0.004
"""Seconds by which a timer of the event loop may be late: epoll counts in milliseconds, and a busy
machine wakes a sleeper later still."""


def burst_and_period(rate: float) -> tuple[int, float]:
    """Split a rate (requests a second) into a burst and the seconds that it takes.

    `burst / period` is exactly the rate. 50 a second become 2 in 0.04 s; below 25 a second
    requests leave one by one.
    """
    burst = max(1, int(rate * _BURST_SECONDS))
    return burst, burst / rate


class Gate:
    """Lets requests through: never more than a burst in any period, wherever it begins.

    `asyncio_throttle.Throttler` keeps that promise, but polls, once for each waiter. So one task
    at a time waits on it (an `asyncio.Lock` is first come, first served); that task sleeps
    through most of the period and lets the throttler poll, without sleeping, only the last
    milliseconds. A period is then late by microseconds, and the rate reached is the rate given.

    The gate can also be closed for everyone, see `close_for`.
    """

    def __init__(self, rate: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._burst, self._period = burst_and_period(rate)
        self._throttler = Throttler(rate_limit=self._burst, period=self._period, retry_interval=0)
        self._leaving: deque[float] = deque(maxlen=self._burst)
        self._queue = asyncio.Lock()
        self._turn = asyncio.Lock()
        self._clock = clock
        self._closed_until = 0.0
        self._shut = asyncio.Event()

    def shut(self) -> None:
        """Let nobody through any more: whoever waits or comes meets `StoppedError`."""
        self._shut.set()

    def close_for(self, seconds: float) -> None:
        """Let nobody through for so many seconds from now; a longer closure stays as it is."""
        self._closed_until = max(self._closed_until, self._clock() + seconds)

    @property
    def closed_for(self) -> float:
        """Seconds until the gate opens again; 0 when it is open."""
        return max(0.0, self._closed_until - self._clock())

    async def pass_through(self, *, is_urgent: bool = False) -> None:
        """Wait for the turn and for the rate, then return; the request must leave at once.

        First come, first served; but what is urgent waits only for whoever is at the front. That
        is the token, for which all the others wait. Raises `StoppedError` once the gate is shut.
        """
        if is_urgent:
            await self._pass_in_turn()
            return
        async with self._queue:
            await self._pass_in_turn()

    async def _pass_in_turn(self) -> None:
        async with self._turn:
            await self._acquire()
            while self.closed_for:
                # Closed while the throttler was asked: what it granted is not used.
                await self._acquire()
            if self._shut.is_set():
                raise StoppedError

    async def _acquire(self) -> None:
        # The gate may be closed for longer meanwhile, so the wait is asked for again.
        while not self._shut.is_set() and (wait := self._wait(self._clock())) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._shut.wait()
        if self._shut.is_set():
            raise StoppedError
        await self._throttler.acquire()
        # Also when it is not used in the end: the throttler counts it.
        self._leaving.append(self._clock())

    def _wait(self, now: float) -> float:
        """Return the seconds to sleep before the throttler is asked."""
        closed = self._closed_until - now
        if len(self._leaving) < self._burst:
            return closed
        return max(closed, self._leaving[0] + self._period - _TIMER_SLACK - now)
