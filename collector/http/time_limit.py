"""Time limit for all requests in flight, with a single timer."""

import asyncio
import time
from collections.abc import Callable

__all__ = ["TimeLimit"]


class TimeLimit:
    """Cancels a task whose request takes longer than `seconds`.

    `asyncio.timeout` does the same for one task; it costs 10 microseconds per request, most of
    them for its own timer. Here the limit is the same for all, so the task that began first is
    also the first to run out of time, and one timer is enough. As with `asyncio.timeout`, `ended`
    tells a cancellation by the limit from any other, and takes it back.

    `clock` returns seconds. If it stands still while the process does, so does the limit.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._ends: dict[asyncio.Task[object], float] = {}
        self._cancelled: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, task: asyncio.Task[object], now: float) -> None:
        """Start the time of a task at `now` (seconds of the clock), or restart it."""
        self._ends.pop(task, None)
        self._ends[task] = now + self.seconds
        if self._timer is None:
            self._start_timer(now + self.seconds)

    def pause(self, task: asyncio.Task[object]) -> None:
        """Stop the time of a task until `begin` is called again."""
        self._ends.pop(task, None)

    def ended(self, task: asyncio.Task[object]) -> bool:
        """Stop the time of a task, and return whether the limit cancelled it.

        False as well when other code cancelled the task too: that cancellation takes precedence.
        """
        self._ends.pop(task, None)
        if task not in self._cancelled:
            return False
        self._cancelled.discard(task)
        return task.uncancel() == 0

    def close(self) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _start_timer(self, moment: float) -> None:
        seconds = moment - self._clock()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = self._clock()
        for task, end in list(self._ends.items()):
            if end > now:
                self._start_timer(end)
                return
            del self._ends[task]
            self._cancelled.add(task)
            task.cancel()
