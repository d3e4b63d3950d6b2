"""Ending a run early: whether and why it was stopped, by when it is over, and what came of it."""

import asyncio
from collections.abc import Awaitable, Callable

from structlog.typing import FilteringBoundLogger

from collector.core.errors import CollectorError, ExitCode, StoppedError
from collector.run.result import End, end_by
from collector.settings.parsers import Duration

__all__ = ["Shutdown"]


class Shutdown:
    """Stops one run from outside: in order at first, at once when that takes too long.

    What a run does about it is passed in. `drain` lets nothing more be sent, and is told why; what
    is in flight has `grace` seconds to come back, then it is given up. The task of the run is
    cancelled for that, at once unless `give_up` finds a gentler way: it returns the seconds which
    that may take before, or None if it is at it already.
    """

    def __init__(
        self,
        log: FilteringBoundLogger,
        redact: Callable[[str], str],
        *,
        grace: float,
        drain: Callable[[End], None],
        give_up: Callable[[], float | None] = lambda: 0.0,
    ) -> None:
        self._log = log
        self._redact = redact
        self._grace = grace
        self._drain = drain
        self._give_up = give_up
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._end: End | None = None

    @property
    def end(self) -> End | None:
        """How the run ends because it was stopped, if it was."""
        return self._end

    @property
    def is_stopped(self) -> bool:
        """Whether the run was stopped."""
        return self._end is not None

    async def end_of(self, body: Awaitable[End], deadline: Duration | None = None) -> End:
        """Await the body of the run in this task, and return how it ended. Once.

        The run can be stopped meanwhile, and is at the `deadline`, until `no_more_to_stop`.
        """
        self._task = asyncio.current_task()
        timer = self._watch(deadline)
        try:
            return await self.outcome(body)
        finally:
            self._task = None
            for pending in (timer, self._timer):
                if pending is not None:
                    pending.cancel()

    async def outcome(self, part: Awaitable[End]) -> End:
        """Await a part of the run inside `end_of`, and return how it ended.

        Errors that are expected become its end. Everything else is raised as it came: bugs, and a
        cancellation that has another cause than this shutdown.
        """
        try:
            return await part
        except CollectorError as error:
            return end_by(error, self._redact)
        except StoppedError:
            return self._end or End(ExitCode.STOPPED_EARLY)
        except asyncio.CancelledError:
            if self._task is None or self._end is None:
                raise
            self._task.uncancel()
            return self._end

    def stop(self, end: End, told: End | None = None) -> None:
        """End the run early in order; only the first reason counts.

        Those who do the work are `told` another one than people, if it is not about all of them.
        """
        if self._task is None or self._end is not None:
            return
        self._end = end
        self._log.warning("stopping", exit_code=end.exit_code.value, why=end.error)
        self._drain(told or end)
        self._timer = asyncio.get_running_loop().call_later(self._grace, self.stop_at_once)

    def stop_at_once(self) -> None:
        """After `stop`: give up what is in flight."""
        if self._task is None:
            return
        seconds = self._give_up()
        if seconds == 0:
            self._task.cancel()
        elif seconds is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(seconds, self._task.cancel)

    def no_more_to_stop(self) -> None:
        """Let nobody cut the orderly end short: from now on stopping does nothing."""
        self._task = None

    def _watch(self, deadline: Duration | None) -> asyncio.TimerHandle | None:
        if deadline is None:
            return None
        why = f"the deadline of {deadline} has passed; run the same command again to go on"
        end = End(ExitCode.STOPPED_EARLY, why)
        return asyncio.get_running_loop().call_later(deadline, self.stop, end)
