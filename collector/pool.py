"""Workers that turn cells into outcomes: bounded, lazily fed, and never stopped by one cell.

Knows cells, outcomes and retries; knows nothing of HTTP, files or screens.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from random import random
from typing import Final, Protocol

from collector.errors import StoppedError, main_error
from collector.models import Cell, Failure, Outcome
from collector.tally import Tally

__all__ = ["Feed", "Job", "Pool", "Retriable", "RetryDecision"]

_WAITING_PER_WORKER: Final = 16
"""Cells that may wait for their retry, for each worker. Beyond that no new cell is begun: in an
outage the plan is not used up, and memory stays bounded."""


@dataclass(slots=True)
class Job:
    """A cell on its way: how many of its tries have counted, and how many requests were sent."""

    cell: Cell
    tries: int = 0
    requests: int = 0


class Retriable(Protocol):
    """The next try of a cell: after `delay` seconds; `counts` as one of its attempts or not."""

    @property
    def delay(self) -> float: ...  # noqa: D102 - see the class
    @property
    def counts(self) -> bool: ...  # noqa: D102 - see the class


RetryDecision = Callable[[Failure, int, Callable[[], float]], Retriable | None]


@dataclass(slots=True)
class Feed:
    """Decides which job comes next: a due retry before a new cell. `clock` gives seconds."""

    cells: Iterator[Cell]
    max_waiting: int
    clock: Callable[[], float]
    in_work: int = 0
    _waiting: list[tuple[float, int, Job]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)
    _exhausted: bool = False
    is_closed: bool = False
    """Whether no job is given any more, although some may be left."""

    @property
    def waiting(self) -> int:
        """How many jobs wait for their next try."""
        return len(self._waiting)

    @property
    def is_finished(self) -> bool:
        """Whether no job is left, none is waiting, and none is in work that could come back."""
        return self._exhausted and not self._waiting and not self.in_work

    def take(self) -> Job | None:
        """Return the next job, or None when there is none right now."""
        job = None if self.is_closed else self._due() or self._new()
        if job is not None:
            self.in_work += 1
        return job

    def next_due(self) -> float | None:
        """Return when the next waiting job is due, in the clock's seconds."""
        return self._waiting[0][0] if self._waiting else None

    def put_back(self, job: Job, due: float) -> None:
        """Let a job in work wait for its next try; it occupies no worker meanwhile."""
        self.in_work -= 1
        heappush(self._waiting, (due, next(self._order), job))

    def settle(self) -> None:
        """Take note that a job in work is over."""
        self.in_work -= 1

    def _due(self) -> Job | None:
        if self._waiting and self._waiting[0][0] <= self.clock():
            return heappop(self._waiting)[2]
        return None

    def _new(self) -> Job | None:
        if self._exhausted or len(self._waiting) >= self.max_waiting:
            return None
        cell = next(self.cells, None)
        if cell is None:
            self._exhausted = True
            return None
        return Job(cell)


class Pool:
    """Runs `concurrency` workers until every cell is settled.

    `fetch` asks for a cell, or raises `StoppedError` when it may not any more; `decide` says what
    follows a failure; `settle` takes the final outcome and how many requests it took, and may wait
    when the disk is slow. What else `fetch` or `settle` raise ends the pool: all workers are
    cancelled and awaited, and the error is raised.
    """

    def __init__(  # noqa: PLR0913 - one collaborator each, all required, all by name
        self,
        cells: Iterator[Cell],
        *,
        fetch: Callable[[Cell], Awaitable[Outcome]],
        decide: RetryDecision,
        settle: Callable[[Job, Outcome], Awaitable[None]],
        on_retry: Callable[[Job, Failure, Retriable], None],
        tally: Tally,
        concurrency: int,
    ) -> None:
        self._feed = Feed(cells, concurrency * _WAITING_PER_WORKER, time.monotonic)
        self._fetch = fetch
        self._decide = decide
        self._settle = settle
        self._on_retry = on_retry
        self._tally = tally
        self._concurrency = concurrency
        self._changed = asyncio.Event()

    def drain(self) -> None:
        """Begin nothing more: `run` ends when the cells in work are settled or given up.

        What waits for its next try is left as it is, neither answered nor failed.
        """
        self._feed.is_closed = True
        self._nudge()

    async def run(self) -> None:
        """Work until the last cell is settled, or until nothing is in work after `drain`."""
        workers = min(self._concurrency, self._tally.missing)
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(workers):
                    group.create_task(self._work(), name=f"worker-{number}")
        except BaseExceptionGroup as failed:
            # Several workers may meet the same trouble; one report of it is enough.
            error = main_error(failed)
        else:
            return
        # Raised out here, so that the group does not take the place of what led to the error.
        raise error

    async def _work(self) -> None:
        while (job := await self._next()) is not None:
            try:
                outcome = await self._fetch(job.cell)
            except StoppedError:
                # The job is not settled, so the others must not wait for it.
                self.drain()
                return
            job.requests += outcome.requests
            if isinstance(outcome, Failure) and self._retry(job, outcome):
                continue
            await self._settle(job, outcome)
            self._feed.settle()
            if self._feed.is_finished:
                self._nudge()

    async def _next(self) -> Job | None:
        while True:
            job = self._feed.take()
            self._tally.retrying = self._feed.waiting
            if job is not None:
                return job
            if self._feed.is_finished or self._feed.is_closed:
                return None
            await self._wait_for_change(self._feed.next_due())

    async def _wait_for_change(self, due: float | None) -> None:
        """Wait until a job is due or something changes, so that idle workers cost nothing."""
        changed = self._changed
        timeout = None if due is None else max(0.0, due - time.monotonic())
        try:
            async with asyncio.timeout(timeout):
                await changed.wait()
        except TimeoutError:
            pass

    def _nudge(self) -> None:
        """Wake all idle workers once."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _retry(self, job: Job, failure: Failure) -> bool:
        """Let the job wait for its next try, if there is to be one."""
        retry = self._decide(failure, job.tries, random)
        if retry is None:
            job.tries += 1
            return False
        job.tries += retry.counts
        self._tally.retries += 1
        due = time.monotonic() + retry.delay
        self._feed.put_back(job, due)
        self._on_retry(job, failure, retry)
        if self._feed.next_due() == due:
            # Idle workers wait for the earliest retry; only a new earliest one is news to them.
            self._nudge()
        return True
