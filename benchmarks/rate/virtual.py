"""The collector's decisions against a virtual server, in virtual time: hours within a second.

A discrete-event simulation. The decisions are the collector's own: the rate controller, the work
queue with its retry budget, the retry policy. The limits and the draws of faults are those of the
embedded API. The model covers what takes time: the network, timers that are late, workers. There is
no client: where a refusal is compared with other answers, `benchmarks.rate.collecting` is used.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from math import inf
from typing import Final, NamedTuple

from benchmarks.rate.collecting import collect_virtually
from benchmarks.rate.scenario import Scenario
from benchmarks.rate.seen import Seen
from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.outcome import Blame, Failure, FailureKind, Meaning
from collector.http.meaning import Signs, meaning_of
from collector.http.retry import RetryPolicy
from collector.pace import Permit, RateController, RetryBudget
from collector.run.queue import WAITING_PER_WORKER, WorkItem, WorkQueue
from collector.simulator.faults import Fault, FaultDraw
from collector.simulator.limit import (
    Admission,
    LimitState,
    retry_after_seconds,
    whole_seconds,
)
from collector.simulator.settings import SimulatorSettings

__all__ = ["run_virtually"]

_NETWORK: Final = 0.001
"""Seconds to the server at most, and seconds that an error takes to come back."""

_LATE_TIMER: Final = 0.0015
_START_UP: Final = 0.2
"""Seconds, at least, before a new process sends."""

_COMPANIES: Final = 1000
_NOW: Final = datetime.now(UTC)


class _Reply(NamedTuple):
    """What the server answers, and the seconds until then; `pause` is that of `Retry-After`."""

    status: int
    delay: float = 0.0
    fault: Fault | None = None
    is_refused: bool = False
    pause: float = 0.0
    allowance: LimitState | None = None


class _Server:
    """The embedded API's decisions, as far as the rate is concerned."""

    def __init__(self, settings: SimulatorSettings, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._ends: list[float] = []
        self.configure(settings)

    def configure(self, settings: SimulatorSettings) -> None:
        """Put other settings in force, as `Simulator.reconfigure` does."""
        self.settings = settings
        self._admission = Admission(settings)
        self._ends.clear()
        self._faults = FaultDraw(settings)

    def judge(self, now: float, timeout: float) -> _Reply:
        """Answer a request that comes at `now`; what hangs ends after `timeout` seconds."""
        settings, admission, ends = self.settings, self._admission, self._ends
        if settings.down:
            return _Reply(502)
        while ends and ends[0] <= now:
            heapq.heappop(ends)
            admission.left()
        verdict = admission.admit(now)
        allowance = admission.allowance(now) if settings.rate_headers else None
        if not verdict.passes:
            pause = retry_after_seconds(verdict.seconds) if settings.retry_after else 0.0
            return _Reply(settings.limit_status, is_refused=True, pause=pause, allowance=allowance)
        delay = settings.latency + verdict.seconds
        if delay:
            delay += self._draw() * settings.jitter
        reply = _Reply(200, delay, self._faults.draw(), allowance=allowance)
        heapq.heappush(ends, now + (timeout if reply.fault is Fault.HANG else reply.delay))
        return reply


class _Run:
    """One simulated run of the collector; see the module."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._random = random.Random(seed)  # noqa: S311 - repeatable, no secret
        # A server's windows begin with the minutes of its clock, whenever the run begins.
        self._began = self._now = 10_000.0 + self._random.uniform(0.0, 60.0)
        self._server = _Server(scenario.settings, self._random.random)
        self._policy = RetryPolicy(5)
        self._order = count()
        self._changes = list(scenario.changes)
        self._kills = list(scenario.kills)
        self._start()
        self.seen = Seen(window_offset=self._began % max(scenario.settings.limit_window, 1e-9))

    def _start(self) -> None:
        """Start the collector, as a new process without state of an earlier one."""
        scenario = self._scenario
        self._control = RateController(
            scenario.ceiling, companies=_COMPANIES, probe_seconds=scenario.timeout + 5.0
        )
        self._budget = RetryBudget(self._now, lambda: self._control.rate)
        self._feed = WorkQueue(
            self._cells(),
            scenario.concurrency * WAITING_PER_WORKER,
            lambda: self._now,
            self._budget,
            lambda: self._control.is_doubtful or self._control.open_cause is not None,
            self._control.no_more_cells,
        )
        self._at_gate: deque[WorkItem] = deque()
        self._idle = scenario.concurrency
        self._events: list[tuple[float, int, WorkItem, Permit, _Reply]] = []

    def _cells(self) -> Iterator[Cell]:
        numbers = count() if self._scenario.cells is None else range(self._scenario.cells)
        return (Cell(str(number % _COMPANIES), SERVER_DEFAULT) for number in numbers)

    def go(self) -> Seen:
        """Simulate until the time is over or the last cell is settled."""
        end = self._began + self._scenario.seconds
        while self._now < end and not self._feed.is_finished:
            self._take_jobs()
            leaves = self._leaves_at()
            comes = self._events[0][0] if self._events else inf
            changes = self._began + self._changes[0][0] if self._changes else inf
            killed = self._began + self._kills[0] if self._kills else inf
            due = self._feed.next_due() if self._idle else None
            moment = min(leaves, comes, changes, killed, inf if due is None else due)
            self._now = max(self._now, moment)
            if moment == killed:
                self._now += _START_UP
                self._kills.pop(0)
                self._start()
            elif moment == changes:
                self._server.configure(replace(self._server.settings, **self._changes.pop(0)[1]))
            elif moment == comes:
                self._hear(*heapq.heappop(self._events)[2:])
            elif moment == leaves:
                self._send(self._at_gate.popleft())
        self.seen.seconds = self._now - self._began
        return self.seen

    def _take_jobs(self) -> None:
        while self._idle and (job := self._feed.take()) is not None:
            self._idle -= 1
            self._at_gate.append(job)

    def _leaves_at(self) -> float:
        if not self._at_gate:
            return inf
        moment = self._control.next_at()
        return self._now if moment <= self._now else moment + self._random.random() * _LATE_TIMER

    def _send(self, job: WorkItem) -> None:
        permit = self._control.issue_permit(self._now)
        arrives = self._now + self._random.random() * _NETWORK
        reply = self._server.judge(arrives, self._scenario.timeout)
        at = arrives - self._began
        self.seen.sent.append(at)
        if reply.is_refused:
            self.seen.refused.append(at)
        comes = arrives + _NETWORK + reply.delay
        if reply.fault is Fault.HANG:
            comes = self._now + self._scenario.timeout
        heapq.heappush(self._events, (comes, next(self._order), job, permit, reply))

    def _hear(self, job: WorkItem, permit: Permit, reply: _Reply) -> None:
        self._idle += 1
        job.requests += 1
        now = self._now
        if reply.status == 200 and reply.fault is None:  # noqa: PLR2004 - the status OK
            self.seen.latencies.append((permit.at - self._began, now - permit.at))
            self._control.answered(permit, now, job.cell.company_id)
            self._hint(reply.allowance)
            self._budget.succeeded(was_retry=job.tries > 0)
            self._settle()
            return
        failure = _failure(reply, self._server.settings)
        failure = replace(failure, blame=self._blame(job, permit, reply, failure.meaning))
        retry = self._policy.decide(failure, job.tries, job.throttled_tries, self._random.random)
        if retry is None:
            self.seen.failed_cells += 1
            self._settle()
            return
        job.tries += retry.counts
        job.throttled_tries += failure.blame is Blame.RATE and not retry.counts
        self.seen.retried += 1
        self._feed.put_back(job, now + retry.delay, is_charged=retry.counts)

    def _settle(self) -> None:
        self.seen.cells += 1
        self._feed.settle()

    def _hint(self, allowance: LimitState | None) -> None:
        if allowance is not None:
            reset = float(whole_seconds(allowance.reset))
            self._control.hinted(self._now, allowance.remaining, reset)

    def _blame(self, job: WorkItem, permit: Permit, reply: _Reply, meaning: Meaning) -> Blame:
        """Report the failure to the controller, as the client does, and return its verdict."""
        control, now, company = self._control, self._now, job.cell.company_id
        is_first = job.tries == 0
        if meaning is Meaning.RATE_LIMITED:
            self._hint(reply.allowance)
            return control.refused(permit, now, company, pause=reply.pause)
        if meaning is Meaning.UNAVAILABLE:
            return control.unavailable(permit, now, company, is_evidence=is_first)
        assert meaning is Meaning.TRANSIENT, f"{reply.status} needs a client"
        return control.failed(
            permit,
            now,
            company,
            is_evidence=is_first or reply.fault is Fault.RESET,
            was_accepted=reply.fault in {None, Fault.STATUS_500, Fault.NOT_JSON},
        )


def _failure(reply: _Reply, settings: SimulatorSettings) -> Failure:
    fault = reply.fault
    kinds = {Fault.HANG: FailureKind.TIMEOUT, Fault.NOT_JSON: FailureKind.NOT_JSON}
    kind = FailureKind.HTTP if fault in {None, Fault.STATUS_500} else FailureKind.CONNECTION
    kind = kind if fault is None else kinds.get(fault, kind)
    if settings.envelope_errors and kind is FailureKind.HTTP:
        kind = FailureKind.API_CODE
    shown = 500 if fault is Fault.STATUS_500 else reply.status
    signs = Signs(
        asks_pause=reply.pause > 0.0,
        is_used_up=reply.allowance is not None and reply.allowance.remaining == 0,
        is_throttle_page=reply.is_refused and settings.limit_page,
    )
    return Failure(kind, shown, "", None, _NOW, 1, meaning=meaning_of(kind, shown, signs))


def run_virtually(scenario: Scenario, seed: int = 1) -> Seen:
    """Return what the server of a scenario sees; the same seed gives the same result."""
    if scenario.has_client:
        return collect_virtually(scenario, seed).seen
    return _Run(scenario, seed).go()
