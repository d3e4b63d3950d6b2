"""The early end of a run: graceful at first, immediate after a grace period."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from structlog.typing import FilteringBoundLogger

from collector.core.errors import CollectorError, ExitCode, StoppedError
from collector.run.result import End, end_by
from collector.settings.parsers import Duration

__all__ = ["Shutdown"]

_GRACE_SECONDS: Final = 5.0
"""How long a run that was stopped waits for the requests in flight."""


class Shutdown:
    """Stops one run on request: gracefully at first, at once when that takes too long.

    * `log`: gets the event of the stop.
    * `redact`: removes secrets from messages.
    * `grace`: seconds that requests in flight have to come back; then `stop_at_once`.
    * `drain`: called with the reason; stops the sending of requests.
    * `give_up`: called before the task of the run is cancelled. It returns the seconds after which
      that happens, because it has another way to end the work; 0 to cancel now; None if such a
      delay runs already.
    """

    def __init__(
        self,
        log: FilteringBoundLogger,
        redact: Callable[[str], str],
        *,
        grace: float = _GRACE_SECONDS,
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
        """The end of the run if it was stopped; None otherwise."""
        return self._end

    @property
    def is_stopped(self) -> bool:
        """Whether the run was stopped."""
        return self._end is not None

    async def end_of(self, body: Awaitable[End], deadline: Duration | None = None) -> End:
        """Await the body of the run in this task, and return how it ended. Call it once.

        Until `disarm`, `stop` ends the run early, and so does the `deadline` (seconds from now).
        """
        self._task = asyncio.current_task()
        timer = self._start_deadline(deadline)
        try:
            return await self.outcome(body)
        finally:
            self._task = None
            for pending in (timer, self._timer):
                if pending is not None:
                    pending.cancel()

    async def outcome(self, part: Awaitable[End]) -> End:
        """Await a part of the run inside `end_of`, and return how it ended.

        Expected errors become its end. Everything else is raised: bugs, and a cancellation that
        has another cause than this shutdown.
        """
        try:
            return await part
        except CollectorError as error:
            return end_by(error, self._redact)
        except StoppedError as error:
            end = self._end or End(ExitCode.STOPPED_EARLY)
            return replace(end, error="; ".join(filter(None, (end.error, str(error)))) or None)
        except asyncio.CancelledError:
            if self._task is None or self._end is None:
                raise
            self._task.uncancel()
            return self._end

    def stop(self, end: End, drain_reason: End | None = None) -> None:
        """End the run early and gracefully; only the first call counts.

        `drain` gets the `drain_reason` in place of `end`, if there is one.
        """
        if self._task is None or self._end is not None:
            return
        self._end = end
        self._log.warning("stopping", exit_code=end.exit_code.value, why=end.error)
        self._drain(drain_reason or end)
        self._timer = asyncio.get_running_loop().call_later(self._grace, self.stop_at_once)

    def stop_at_once(self) -> None:
        """After `stop`: abandon the requests in flight."""
        if self._task is None:
            return
        seconds = self._give_up()
        if seconds == 0:
            self._task.cancel()
        elif seconds is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(seconds, self._task.cancel)

    def disarm(self) -> None:
        """Ignore `stop`, `stop_at_once` and the deadline from now on: the run is about to end."""
        self._task = None

    def _start_deadline(self, deadline: Duration | None) -> asyncio.TimerHandle | None:
        if deadline is None:
            return None
        why = f"the deadline of {deadline} has passed; run the same command again to resume"
        end = End(ExitCode.STOPPED_EARLY, why)
        return asyncio.get_running_loop().call_later(deadline, self.stop, end)
