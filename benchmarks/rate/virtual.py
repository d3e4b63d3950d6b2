"""The collector's decisions against a virtual server, in virtual time: hours within a second.

A discrete-event simulation. The decisions are the collector's own: the rate controller, the work
queue with its retry budget, the retry policy. The limits and the draws of faults are those of the
embedded API. The model covers what takes time: the network, timers that are late, workers.
"""

import heapq
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from math import inf
from typing import Final

from benchmarks.rate.scenario import Scenario
from benchmarks.rate.seen import Seen
from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.outcome import Blame, Failure, FailureKind
from collector.http.meaning import meaning_of
from collector.http.retry import RetryPolicy
from collector.pace import Permit, RateController, RetryBudget
from collector.run.queue import WAITING_PER_WORKER, WorkItem, WorkQueue
from collector.simulator.faults import Fault, FaultDraw
from collector.simulator.limit import Admission
from collector.simulator.settings import SimulatorSettings

__all__ = ["run_virtually"]

_NETWORK: Final = 0.001
"""Seconds to the server at most, and seconds that an error takes to come back."""

_LATE_TIMER: Final = 0.0015
_START_UP: Final = 0.2
"""Seconds, at least, before a new process sends."""

_COMPANIES: Final = 1000
_NOW: Final = datetime.now(UTC)


class _Server:
    """The embedded API's decisions, as far as the rate is concerned."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.configure(settings)

    def configure(self, settings: SimulatorSettings) -> None:
        """Put other settings in force, as `Simulator.reconfigure` does."""
        self.settings = settings
        self._admission = Admission(settings)
        self._faults = FaultDraw(settings)

    def judge(self, now: float) -> tuple[int, Fault | None, float]:
        """Return the status, the fault and the seconds until the answer."""
        settings = self.settings
        if settings.down:
            return 502, None, 0.0
        verdict = self._admission.admit(now)
        if not verdict.passes:
            return settings.limit_status, None, 0.0
        return 200, self._faults.draw(), settings.latency + verdict.seconds


class _Run:
    """One simulated run of the collector; see the module."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._random = random.Random(seed)  # noqa: S311 - repeatable, no secret
        # A server's windows begin with the minutes of its clock, whenever the run begins.
        self._began = self._now = 10_000.0 + self._random.uniform(0.0, 60.0)
        self._server = _Server(scenario.settings)
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
        self._events: list[tuple[float, int, WorkItem, Permit, int, Fault | None]] = []

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
        status, fault, delay = self._server.judge(arrives)
        at = arrives - self._began
        self.seen.sent.append(at)
        if status not in {200, 502}:
            self.seen.refused.append(at)
        comes = arrives + _NETWORK + delay
        if delay:
            comes += self._random.random() * self._server.settings.jitter
        if fault is Fault.HANG:
            comes = self._now + self._scenario.timeout
        event = (comes, next(self._order), job, permit, status, fault)
        heapq.heappush(self._events, event)

    def _hear(self, job: WorkItem, permit: Permit, status: int, fault: Fault | None) -> None:
        self._idle += 1
        job.requests += 1
        now = self._now
        if status == 200 and fault is None:  # noqa: PLR2004 - the status OK
            self.seen.latencies.append((permit.at - self._began, now - permit.at))
            self._control.answered(permit, now, job.cell.company_id)
            self._budget.succeeded(was_retry=job.tries > 0)
            self._settle()
            return
        failure = _failure(status, fault, self._blame(job, permit, status, fault))
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

    def _blame(self, job: WorkItem, permit: Permit, status: int, fault: Fault | None) -> Blame:
        """Report the failure to the controller, as the client does, and return its verdict."""
        control, now, company = self._control, self._now, job.cell.company_id
        is_first = job.tries == 0
        if status == 429:  # noqa: PLR2004 - Too Many Requests
            return control.refused(permit, now, company)
        if status == 503:  # noqa: PLR2004 - Service Unavailable
            return control.unavailable(permit, now, company, is_evidence=is_first)
        return control.failed(
            permit,
            now,
            company,
            is_evidence=is_first or fault is Fault.RESET,
            was_accepted=fault in {None, Fault.STATUS_500, Fault.NOT_JSON},
        )


def _failure(status: int, fault: Fault | None, blame: Blame) -> Failure:
    kinds = {Fault.HANG: FailureKind.TIMEOUT, Fault.NOT_JSON: FailureKind.NOT_JSON}
    kind = FailureKind.HTTP if fault in {None, Fault.STATUS_500} else FailureKind.CONNECTION
    kind = kind if fault is None else kinds.get(fault, kind)
    shown = 500 if fault is Fault.STATUS_500 else status
    meaning = meaning_of(kind, shown)
    return Failure(kind, shown, "", None, _NOW, 1, blame, meaning=meaning)


def run_virtually(scenario: Scenario, seed: int = 1) -> Seen:
    """Return what the server of a scenario sees; the same seed gives the same result."""
    return _Run(scenario, seed).go()
