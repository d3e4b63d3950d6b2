"""Limits beside the rate: of bursts, of the requests in all, and of the wait for a permit."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from math import ceil
from typing import Final

from asyncio_throttle import Throttler

from collector.core.errors import OutageError
from collector.core.text import counted
from collector.http.silence import Silence
from collector.pace import RateController

__all__ = ["BurstLimit", "RequestBudget", "burst_limit", "first_due_at", "wait_ends_at"]

_BURST_SECONDS: Final = 0.1
_BURST_FACTOR: Final = 1.5
_SLACK: Final = 0.2


def burst_limit(rate: float) -> int:
    """Return how many requests are sent in any 100 ms at most, at a rate (requests per second).

    That is about 1.5 times the rate, and at least 2: 7 at 50 per second. It is always one more than
    evenly spaced requests need: at 20 per second the third follows exactly 100 ms after the first.
    """
    evenly = min(rate, 1e9) * _BURST_SECONDS
    return max(2, ceil(evenly + _SLACK), ceil(evenly * _BURST_FACTOR) - 1)


class BurstLimit:
    """Limits the requests sent in any 100 ms, by its own clock; see `burst_limit`.

    A request takes it when it has its connection. Permits are evenly spaced, but a request that
    has to open a connection is sent later than one that was issued its permit at the same time and
    finds an open one. `asyncio_throttle.Throttler` counts them. It polls for each task that waits
    on it, so only one task at a time does.
    """

    def __init__(self, control: RateController) -> None:
        self._control = control
        self._rate = control.rate
        self._throttler = Throttler(burst_limit(control.rate), _BURST_SECONDS)
        self._turn = asyncio.Lock()

    @property
    def is_waited_for(self) -> bool:
        """Whether a request waits for it: then no further permit is issued."""
        return self._turn.locked()

    def take_now(self) -> bool:
        """Count a request if the limit allows it at once, and no other request waits for it."""
        if self._turn.locked():
            return False
        acquiring = self._acquire()
        try:
            acquiring.send(None)
        except StopIteration:
            return True
        # It would poll.
        acquiring.close()
        return False

    async def take(self) -> None:
        """Wait until the limit allows a request, and count it: first come, first served."""
        async with self._turn:
            await self._acquire()

    async def wait_until_free(self) -> None:
        """Wait until none of the requests that wait for it now is waiting any more."""
        async with self._turn:
            pass

    def _acquire(self) -> Coroutine[object, None, None]:
        if self._control.rate != self._rate:
            self._rate = self._control.rate
            self._throttler.rate_limit = burst_limit(self._rate)
        acquiring: Coroutine[object, None, None] = self._throttler.acquire()
        return acquiring


def wait_ends_at(control: RateController, silence: Silence) -> float:
    """Return when a wait for a permit ends without one; `inf` while no limit is known.

    The result of a probe request that is in flight is waited for: the service may be back.
    """
    return max(min(control.gives_up_at, silence.first_ends_at), control.probe_ends_at)


def first_due_at(control: RateController, silence: Silence) -> float:
    """Return when the next permit, or the end of the wait for it, is due."""
    return min(control.next_at(), wait_ends_at(control, silence))


@dataclass(frozen=True, slots=True)
class RequestBudget:
    """Limit of the requests sent in all: at most `most`; `sent` returns how many were sent."""

    most: int
    sent: Callable[[], int]

    def check(self) -> None:
        """Raise `OutageError` when `most` requests were sent."""
        if self.sent() >= self.most:
            raise OutageError(f"{counted(self.most, 'request was', 'requests were')} not enough")
