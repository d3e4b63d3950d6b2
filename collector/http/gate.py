"""The one gate that every request passes: first come, first served, when the controller says so."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import ceil, inf
from typing import Final

from asyncio_throttle import Throttler

from collector.core.errors import CollectorError, OutageError, StoppedError
from collector.core.outcome import Blame
from collector.http.rate_headers import RateAllowance
from collector.pace import Cause, PaceView, Permit, RateController, Share

__all__ = ["Gate", "RequestBudget", "burst_limit"]

_SLICE_SECONDS: Final = 0.1
_SLICE_SHARE: Final = 1.5
_SLACK: Final = 0.2


def burst_limit(rate: float) -> int:
    """Return how many requests may leave in any 100 ms at a rate (requests a second).

    Half as many again as the rate says, and 2 at the least: 7 at 50 a second. But one more than
    evenly spaced ones always: at 20 a second the third leaves just when the first is 100 ms ago.
    """
    evenly = min(rate, 1e9) * _SLICE_SECONDS
    return max(2, ceil(evenly + _SLACK), ceil(evenly * _SLICE_SHARE) - 1)


@dataclass(frozen=True, slots=True)
class RequestBudget:
    """How many requests may be sent in all; `sent` tells how many were."""

    most: int
    sent: Callable[[], int]

    def check(self) -> None:
        """Raise `OutageError` when no more may be sent."""
        if self.sent() >= self.most:
            raise OutageError(f"{self.most} requests were not enough")


class Gate:
    """Lets requests through one by one, and passes on to the controller what became of them.

    The controller decides when; whoever is at the front sleeps until then, and looks again when an
    outcome has changed that. Behind it stands a second guard that knows neither schedule nor
    estimates: `asyncio_throttle.Throttler` counts what leaves in any 100 ms by a clock of its own.
    It polls once for each task that waits on it, so only the one at the front ever does.
    """

    def __init__(
        self,
        control: RateController,
        *,
        budget: RequestBudget | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.control = control
        self._budget = budget
        self._clock = clock
        self._guarded_rate = control.rate
        self._throttler = Throttler(burst_limit(control.rate), _SLICE_SECONDS)
        self._queue = asyncio.Lock()
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        self._wakes_at = -inf
        self._waiting = 0
        """Who is neither through nor gone: nobody may overtake them."""
        self._urgent = 0
        self._is_closed = False
        self._failure: CollectorError | None = None

    def view(self) -> PaceView:
        """Return the rate at this moment."""
        control = self.control
        return PaceView(
            control.rate, control.ceiling, control.limit, control.open_cause, self.closed_for
        )

    @property
    def closed_for(self) -> float:
        """Seconds until the next probe may leave; 0 while the circuit is closed."""
        if self.control.open_cause is None:
            return 0.0
        return max(0.0, self.control.leave_at() - self._clock())

    def hold(self, seconds: float) -> None:
        """Delay the first request by so many seconds: other senders have just begun too."""
        self.control.pacer.schedule.hold(self._clock() + seconds)

    def share(self, share: Share) -> None:
        """Take another share of the rate that several senders have together."""
        self.control.pacer.share(share, self._clock())
        self._look_again()

    def fail(self, error: CollectorError) -> None:
        """Let nobody through any more: whoever waits or comes meets the error."""
        self._failure = error
        self._news.set()

    def close(self) -> None:
        """Let nobody through any more: whoever waits or comes meets `StoppedError`."""
        self._is_closed = True
        self._news.set()

    async def acquire(self, *, is_urgent: bool = False) -> Permit:
        """Wait for the turn and for the rate, then return; the request must leave at once.

        What becomes of it has to be told, or `release` called. First come, first served; but what
        is urgent goes before all who sleep, and passes a blockade: that is the token, for which all
        the others wait. Raises `StoppedError` once the gate is shut, and
        `OutageError` when nobody has been let in or answered for too long.
        """
        if not self._waiting:
            permit = self._leave_at_once(is_urgent=is_urgent)
            if permit is not None:
                return permit
        self._waiting += 1
        try:
            return await self._wait_and_leave(is_urgent=is_urgent)
        finally:
            self._waiting -= 1

    async def sleep(self, seconds: float) -> None:
        """Wait, for something else than the rate. Raises `StoppedError` once the gate is shut."""
        until = self._clock() + seconds
        self._check_open()
        while (left := until - self._clock()) > 0:
            await self._hear_news(left)
            self._check_open()

    def answered(
        self,
        permit: Permit,
        company_id: str | None = None,
        *,
        allowance: RateAllowance | None = None,
    ) -> None:
        """Tell of an answer, and be it that there is nothing for this request."""
        now = self._clock()
        self.control.answered(permit, now, company_id)
        if allowance is not None:
            self.control.hinted(now, allowance.remaining, allowance.reset_seconds)
        self._look_again()

    def refused(
        self,
        permit: Permit,
        company_id: str | None = None,
        *,
        pause: float = 0.0,
        allowance: RateAllowance | None = None,
    ) -> Blame:
        """Tell of a refusal because of the rate; the server asks for a `pause` (seconds)."""
        now = self._clock()
        if allowance is not None:
            self.control.hinted(now, allowance.remaining, allowance.reset_seconds)
        blame = self.control.refused(permit, now, company_id, pause=pause)
        self._look_again()
        return blame

    def unavailable(self, permit: Permit, company_id: str, *, is_evidence: bool) -> Blame:
        """Tell of a 503 that does not say when to come back."""
        now = self._clock()
        blame = self.control.unavailable(permit, now, company_id, is_evidence=is_evidence)
        self._look_again()
        return blame

    def failed(
        self, permit: Permit, company_id: str, *, is_evidence: bool, was_accepted: bool
    ) -> Blame:
        """Tell of a failure that may pass; see `RateController.failed`."""
        blame = self.control.failed(
            permit, self._clock(), company_id, is_evidence=is_evidence, was_accepted=was_accepted
        )
        self._look_again()
        return blame

    def release(self, permit: Permit) -> None:
        """Tell that a request was not sent after all, or was given up."""
        self.control.released(permit)
        self._look_again()

    def _leave_at_once(self, *, is_urgent: bool) -> Permit | None:
        """Let a request leave that waits for nothing and overtakes nobody; None if it cannot."""
        self._check_open()
        control = self.control
        if control.leave_at(is_urgent=is_urgent) > self._clock():
            return None
        self._set_guard(control.rate)
        asked = self._throttler.acquire()
        try:
            asked.send(None)
        except StopIteration:
            return self._depart(is_urgent=is_urgent)
        # It would poll, and that is for the one at the front only.
        asked.close()
        return None

    async def _wait_and_leave(self, *, is_urgent: bool) -> Permit:
        """Queue up, wait until the next one may leave, and leave."""
        permit = None
        if is_urgent:
            self._urgent += 1
            # Whoever sleeps at the front gives way.
            self._news.set()
            try:
                async with self._turn:
                    permit = await self._leave(is_urgent=True)
            finally:
                self._urgent -= 1
        else:
            async with self._queue:
                while permit is None:
                    async with self._turn:
                        permit = await self._leave(is_urgent=False)
        assert permit is not None, "what is urgent gives way to nobody"  # noqa: S101 - for the type checker
        return permit

    async def _leave(self, *, is_urgent: bool) -> Permit | None:
        """Wait until the next one may leave, and let it; None if it gives way to an urgent one."""
        while await self._may_leave(is_urgent=is_urgent):
            self._set_guard(self.control.rate)
            await self._throttler.acquire()
            permit = self._depart(is_urgent=is_urgent)
            if permit is not None:
                return permit
        return None

    async def _may_leave(self, *, is_urgent: bool) -> bool:
        """Wait until the next one may leave; False if an urgent one came meanwhile."""
        while True:
            self._check_open()
            now = self._clock()
            leave_at = self.control.leave_at(is_urgent=is_urgent)
            if leave_at <= now:
                # A last probe, if it is due, goes before giving up.
                return True
            if not is_urgent:
                if now >= self.control.gives_up_at:
                    raise OutageError(_given_up(self.control.open_cause))
                if self._urgent:
                    return False
                leave_at = min(leave_at, self.control.gives_up_at)
            self._wakes_at = leave_at
            await self._hear_news(leave_at - now)
            self._wakes_at = -inf

    def _depart(self, *, is_urgent: bool) -> Permit | None:
        """Let a request leave that the guard has let pass, unless much has changed meanwhile."""
        self._check_open()
        now = self._clock()
        if self.control.leave_at(is_urgent=is_urgent) > now:
            return None
        return self.control.depart(now, is_urgent=is_urgent)

    def _set_guard(self, rate: float) -> None:
        """Let the second guard follow the rate, which is the same for most requests."""
        if rate != self._guarded_rate:
            self._guarded_rate = rate
            self._throttler.rate_limit = burst_limit(rate)

    def _check_open(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._is_closed:
            raise StoppedError
        if self._budget is not None:
            self._budget.check()

    async def _hear_news(self, seconds: float) -> None:
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    def _look_again(self) -> None:
        """Wake whoever is at the front, if it may leave earlier now; later it finds by itself."""
        if self._wakes_at > -inf and self.control.leave_at() < self._wakes_at:
            self._news.set()


def _given_up(cause: Cause | None) -> str:
    what = "has answered nothing" if cause is Cause.FAILING else "has refused every request"
    return f"the API {what} for longer than it is waited for"
