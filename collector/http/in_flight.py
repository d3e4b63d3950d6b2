"""Requests in flight: as many at a time as this machine can make."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Final

from collector.core.errors import ShortageError
from collector.core.text import span_text
from collector.http.gate import Gate
from collector.pace import LocalLimit, Notify

__all__ = ["InFlight"]

_BETWEEN_EVENTS: Final = 10.0


class InFlight:
    """Admits requests, first come, first served, within a `LocalLimit`.

    * `limit`: decides how many at a time.
    * `gate`: ends the wait when the run is stopped.
    * `notify`: takes events, as a structured logger does.
    * `clock`: monotonic seconds.
    """

    def __init__(
        self,
        limit: LocalLimit,
        gate: Gate,
        *,
        notify: Notify = lambda event, **fields: None,  # noqa: ARG005 - no listener
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._gate = gate
        self._notify = notify
        self._clock = clock
        self._queue = asyncio.Lock()
        self._change = asyncio.Event()
        self._admitted = 0
        self._logged_at = -inf

    async def enter(self) -> None:
        """Wait until one more request is possible; the caller calls `leave` at its end.

        Raises `StoppedError` if the gate is closed meanwhile.
        """
        if self._limit.is_limited:
            async with self._queue:
                await self._wait()
        self._admitted += 1

    @property
    def most(self) -> float:
        """Requests in flight, at most; `inf` for no limit. When it is raised, waiters enter."""
        return self._limit.ceiling

    @most.setter
    def most(self, requests: float) -> None:
        self._limit.ceiling = requests
        self._change.set()

    def leave(self) -> None:
        """Record the end of a request that was admitted."""
        self._admitted -= 1
        if self._limit.is_limited:
            self._change.set()

    async def pause(self) -> None:
        """Wait while no request at all is possible. Raises `StoppedError`, as `enter` does."""
        while (seconds := self._limit.resume_at - self._clock()) > 0.0:
            await self._gate.sleep(seconds)

    def lacked(self, cause: str, in_flight: int) -> None:
        """Record that a request was not possible; `in_flight` others are.

        When none has been possible for too long, the gate issues no more permits.
        """
        now = self._clock()
        self._limit.lacked(now, in_flight)
        if now - self._logged_at >= _BETWEEN_EVENTS:
            self._logged_at = now
            self._notify("local_shortage", cause=cause, most_in_flight=self._limit.most(now))
        if self._limit.is_hopeless(now):
            seconds = self._limit.patience
            text = f"this machine could make no connection for {span_text(round(seconds))}: {cause}"
            self._gate.close_with(ShortageError(text))

    def worked(self) -> None:
        """Record that a request was possible."""
        if self._limit.is_limited:
            self._limit.worked()

    async def _wait(self) -> None:
        while True:
            await self.pause()
            now = self._clock()
            next_at = self._limit.next_at(now, self._admitted)
            if next_at <= now:
                return
            self._change.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(next_at - now):
                    await self._change.wait()
