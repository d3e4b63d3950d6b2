"""One time limit for all requests that are under way, watched by a single timer."""

import asyncio

__all__ = ["TimeLimit"]


class TimeLimit:
    """Cancels a task whose request takes longer than `seconds`.

    `asyncio.timeout` does the same for one task; it costs 10 microseconds a request, most of
    them for a timer of its own. Here the limit is the same for all, so whoever began first is
    also the first to run out, and one timer is enough. What a cancellation means is settled as
    there: `ended` says whether it was ours, and takes it back.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends: dict[asyncio.Task[object], float] = {}
        self._cancelled: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, task: asyncio.Task[object], now: float) -> None:
        """Let the time of a task run from `now` (the event loop's clock), once more if need be."""
        self._ends.pop(task, None)
        self._ends[task] = now + self.seconds
        if self._timer is None:
            self._watch(now + self.seconds)

    def pause(self, task: asyncio.Task[object]) -> None:
        """Let no time run for a task until it begins again."""
        self._ends.pop(task, None)

    def ended(self, task: asyncio.Task[object]) -> bool:
        """Stop watching a task, and say whether it was cancelled because its time was over.

        False as well when somebody else wants it cancelled too: that weighs more.
        """
        self._ends.pop(task, None)
        if task not in self._cancelled:
            return False
        self._cancelled.discard(task)
        return task.uncancel() == 0

    def close(self) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _watch(self, moment: float) -> None:
        self._timer = asyncio.get_running_loop().call_at(moment, self._look)

    def _look(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for task, end in list(self._ends.items()):
            if end > now:
                self._watch(end)
                return
            del self._ends[task]
            self._cancelled.add(task)
            task.cancel()
