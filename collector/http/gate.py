"""Rate gate: every request acquires a permit here, first come, first served."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf

from collector.core.errors import CollectorError, StoppedError
from collector.core.outcome import Blame
from collector.http.faults import Fault
from collector.http.limits import BurstLimit, RequestBudget, first_due_at, wait_ends_at
from collector.http.rate_headers import RateAllowance
from collector.http.silence import Silence
from collector.pace import Cause, PaceView, Permit, RateController, Share

__all__ = ["Gate"]


class Gate:
    """Issues permits one by one, and reports the results of requests to the rate controller.

    The controller decides at what time the next permit is due. The first waiter sleeps until then,
    and checks again when a result allows an earlier time. `burst` is a second, independent limit,
    of what is sent; while a request waits for it, no permit is issued.

    `silence` measures the time without an answer. It limits how long the gate waits for the first
    answer, and gives the name of the service for messages.
    """

    def __init__(
        self,
        control: RateController,
        *,
        silence: Silence | None = None,
        budget: RequestBudget | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.control = control
        self.silence = silence or Silence()
        self._budget = budget
        self._clock = clock
        self.burst = BurstLimit(control)
        self._queue = asyncio.Lock()
        """Held by the first ordinary waiter until it has its permit."""
        self._turn = asyncio.Lock()
        """Held by the one waiter that may take the next permit."""
        self._change = asyncio.Event()
        self._wakes_at = -inf
        self._waiting = 0
        """Waiters that hold a place in the queue: only an urgent request may overtake them."""
        self._urgent = 0
        self._is_closed = False
        self._failure: CollectorError | None = None

    def view(self) -> PaceView:
        """Return the current state of the rate control."""
        control, cause = self.control, self.control.open_cause
        error = None if cause is None else self.silence.last_error
        return PaceView(
            control.rate, control.ceiling, control.limit, cause, self.next_probe_in, error
        )

    @property
    def next_probe_in(self) -> float:
        """Seconds until the next probe request may be sent; 0 while the circuit is closed."""
        if self.control.open_cause is None:
            return 0.0
        return max(0.0, self.control.next_at() - self._clock())

    def hold(self, seconds: float) -> None:
        """Delay the first permit by `seconds`, because other senders start at the same time."""
        self.control.limiter.schedule.hold(self._clock() + seconds)

    def share(self, share: Share) -> None:
        """Apply a new share of the rate that several senders have together."""
        self.control.limiter.share(share, self._clock())
        self._wake_first()

    def close_with(self, error: CollectorError) -> None:
        """Issue no more permits: every waiter and every later caller gets the error."""
        self._failure = error
        self._change.set()

    def close(self) -> None:
        """Issue no more permits, except for final requests, which only confirm earlier answers.

        Every other waiter and later caller gets `StoppedError`. While the circuit is open, final
        requests get it too.
        """
        self._is_closed = True
        self._change.set()

    async def acquire(self, *, is_urgent: bool = False, is_final: bool = False) -> Permit:
        """Wait for a permit; the caller must then send its request at once.

        The caller reports the result, or calls `release`. First come, first served, except for an
        urgent request: the request for a token, which all others need. It overtakes all waiters,
        also while the circuit is open. A final request gets a permit also after `close`.

        Raises `StoppedError` if the gate is closed, and the error that was passed to `close_with`.
        Raises `OutageError` if the service has not answered for too long, or if the budget of
        requests is used up.
        """
        if not self._waiting:
            permit = self._acquire_now(is_urgent=is_urgent, is_final=is_final)
            if permit is not None:
                return permit
        self._waiting += 1
        try:
            return await self._acquire_queued(is_urgent=is_urgent, is_final=is_final)
        finally:
            self._waiting -= 1

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`, independently of the rate.

        Raises `StoppedError` once the gate is closed, and the error given to `close_with`.
        """
        until = self._clock() + seconds
        self._check_open()
        while (left := until - self._clock()) > 0:
            await self._wait_for_change(left)
            self._check_open()

    def answered(
        self,
        permit: Permit,
        company_id: str | None = None,
        *,
        allowance: RateAllowance | None = None,
        is_good: bool = True,
        at: float | None = None,
    ) -> None:
        """Report a response; without `is_good` it shows only that the service works.

        `at` is the time at which it came, in seconds of the clock; now if None.
        """
        now = self._clock() if at is None else at
        self.silence.answered()
        self.control.answered(permit, now, company_id, is_good=is_good)
        if allowance is not None:
            self.control.hinted(now, allowance.remaining, allowance.reset_seconds)
        self._wake_first()

    def refused(
        self,
        permit: Permit,
        company_id: str | None = None,
        *,
        pause: float = 0.0,
        allowance: RateAllowance | None = None,
        fault: Fault,
    ) -> Blame:
        """Report a throttled request; the server asks for a `pause` (seconds, 0 for none)."""
        now = self._clock()
        self._keep(fault, now + pause if pause else None)
        if allowance is not None:
            self.control.hinted(now, allowance.remaining, allowance.reset_seconds)
        blame = self.control.refused(permit, now, company_id, pause=pause)
        self._wake_first()
        return blame

    def unavailable(
        self, permit: Permit, company_id: str, *, is_evidence: bool, fault: Fault
    ) -> Blame:
        """Report a 503 without a usable `Retry-After`."""
        now = self._clock()
        self._keep(fault)
        blame = self.control.unavailable(permit, now, company_id, is_evidence=is_evidence)
        self._wake_first()
        return blame

    def failed(
        self,
        permit: Permit,
        company_id: str,
        *,
        is_evidence: bool,
        was_accepted: bool,
        fault: Fault,
    ) -> Blame:
        """Report a transient failure; see `RateController.failed`."""
        self._keep(fault)
        blame = self.control.failed(
            permit, self._clock(), company_id, is_evidence=is_evidence, was_accepted=was_accepted
        )
        self._wake_first()
        return blame

    def banned(self, permit: Permit, company_id: str, *, fault: Fault) -> Blame:
        """Report a ban (403); see `RateController.banned`."""
        self._keep(fault)
        blame = self.control.banned(permit, self._clock(), company_id)
        self._wake_first()
        return blame

    def _keep(self, fault: Fault, paused_until: float | None = None) -> None:
        """Keep the cause of a failure: the controller logs it once the failure is reported."""
        self.silence.failed(fault, paused_until)
        self.control.last_error = self.silence.last_error

    def release(self, permit: Permit) -> None:
        """Report that a request was not sent after all, or was cancelled."""
        self.control.released(permit)
        self._wake_first()

    def _acquire_now(self, *, is_urgent: bool, is_final: bool) -> Permit | None:
        """Return a permit if one is available without waiting or overtaking, otherwise None."""
        self._check_open(is_final=is_final)
        control, now = self.control, self._clock()
        if control.next_at(is_urgent=is_urgent) > now or self.burst.is_waited_for:
            return None
        if not self.silence.was_answered and not is_urgent and control.open_cause is None:
            self.silence.check(now)
        return self._issue_permit(now, is_urgent=is_urgent)

    async def _acquire_queued(self, *, is_urgent: bool, is_final: bool) -> Permit:
        """Wait in the queue until a permit is available, and return it."""
        permit = None
        if is_urgent:
            self._urgent += 1
            # Wakes the first waiter, which gives up its turn.
            self._change.set()
            try:
                async with self._turn:
                    permit = await self._acquire_in_turn(is_urgent=True, is_final=is_final)
            finally:
                self._urgent -= 1
        else:
            async with self._queue:
                while permit is None:
                    async with self._turn:
                        permit = await self._acquire_in_turn(is_urgent=False, is_final=is_final)
        assert permit is not None, "an urgent request never gives way"  # noqa: S101 - for the type checker
        return permit

    async def _acquire_in_turn(self, *, is_urgent: bool, is_final: bool) -> Permit | None:
        """Wait for a permit at the head of the queue; None if an urgent request came meanwhile."""
        while await self._wait_until_due(is_urgent=is_urgent, is_final=is_final):
            await self.burst.wait_until_free()
            # During the wait the controller may have delayed the next permit, or the gate may have
            # been closed.
            self._check_open(is_final=is_final)
            now = self._clock()
            if self.control.next_at(is_urgent=is_urgent) <= now:
                return self._issue_permit(now, is_urgent=is_urgent)
        return None

    async def _wait_until_due(self, *, is_urgent: bool, is_final: bool) -> bool:
        """Wait until a permit is due; False if an urgent request came meanwhile."""
        while True:
            self._check_open(is_final=is_final)
            control, now = self.control, self._clock()
            next_at = control.next_at(is_urgent=is_urgent)
            if not is_urgent and control.open_cause is None:
                self.silence.check(now)
            gives_up_at = inf if is_urgent else wait_ends_at(control, self.silence)
            if next_at <= now and (now < gives_up_at or control.probe_ends_at == -inf):
                # A due probe request is still sent when it is time to give up, unless an earlier
                # probe got no result in time.

                return True
            if now >= gives_up_at:
                raise self.silence.error(now, is_refusing=control.open_cause is Cause.REFUSED)
            if self._urgent and not is_urgent:
                return False
            self._wakes_at = next_at = min(next_at, gives_up_at)
            await self._wait_for_change(next_at - now)
            self._wakes_at = -inf

    def _issue_permit(self, now: float, *, is_urgent: bool) -> Permit:
        if not is_urgent:
            self.silence.sent(now)
        return self.control.issue_permit(now, is_urgent=is_urgent)

    def _check_open(self, *, is_final: bool = False) -> None:
        if self._failure is not None:
            raise self._failure
        if self._is_closed and (not is_final or self.control.open_cause is not None):
            raise StoppedError
        if self._budget is not None:
            self._budget.check()

    async def _wait_for_change(self, seconds: float) -> None:
        self._change.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._change.wait()

    def _wake_first(self) -> None:
        """Wake the first waiter if its permit, or the end of its wait, now comes earlier.

        If the new time is later, the waiter finds that out when it wakes.
        """
        if self._wakes_at > -inf and first_due_at(self.control, self.silence) < self._wakes_at:
            self._change.set()
