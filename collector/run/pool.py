"""Workers that turn cells into outcomes. A cell that fails does not stop them.

The pool takes cells from an iterator as workers become free. It knows cells, outcomes and retries,
and nothing about HTTP, files or terminals.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from math import inf
from random import random
from typing import Final, Protocol

from collector.core.cell import Cell
from collector.core.confirmation import ConnectionUse
from collector.core.errors import AttributionError, StoppedError, main_error
from collector.core.outcome import Blame, Failure, Outcome
from collector.pace import RetryBudget
from collector.run.held import HeldOutcomes, Settled
from collector.run.queue import WAITING_PER_WORKER, WorkItem, WorkQueue
from collector.telemetry.stats import RunStats

__all__ = ["Fetch", "Pool", "Retriable", "RetryDecision", "Settle"]


_LATENCIES_KNOWN: Final = 10
"""Answers that are needed before latencies predict the number of requests in flight: the first
answers are slower, so earlier predictions would be wrong."""


_MOST_REFUTED: Final = 20
"""The run ends after so many answers to one cell that could not be attributed to it."""


class Retriable(Protocol):
    """The retry of a cell, after `delay` seconds; `counts` says if the failure used an attempt."""

    @property
    def delay(self) -> float: ...  # noqa: D102 - see the class
    @property
    def counts(self) -> bool: ...  # noqa: D102 - see the class


class RetryDecision(Protocol):
    """Decides what follows a failure; see `collector.http.retry.RetryPolicy.decide`."""

    def __call__(
        self, failure: Failure, tries: int, throttled_tries: int, random: Callable[[], float], /
    ) -> Retriable | None:
        """Return the next try, or None to give up."""


class Fetch(Protocol):
    """Requests a cell, or raises `StoppedError` when nothing more may be sent."""

    async def __call__(
        self, cell: Cell, /, *, is_retry: bool, is_final: bool, use: Callable[[], ConnectionUse]
    ) -> Outcome:
        """Return the outcome. `is_retry` is True if an earlier failure was counted for the cell.

        `use` chooses how a request uses its connection. A final request only confirms
        earlier answers. It is sent even after `drain`, when no other request may be sent.
        """


class Settle(Protocol):
    """Takes final outcomes of cells."""

    async def __call__(self, settled: Sequence[Settled], /) -> None:
        """Record them; may wait when the disk is slow."""


class Pool:
    """Runs workers until every cell is settled.

    * `cells`: the cells to request, taken one by one.
    * `fetch`: requests a cell.
    * `decide`: returns the retry that follows a failure, or None.
    * `settle`: takes the final outcomes of cells.
    * `on_retry`: called for each failure that a retry follows.
    * `stats`: counts retries; says how many cells are missing.
    * `concurrency`: maximum number of workers, and therefore of requests in flight.
    * `rate`: returns the rate in force, in requests per second. Retries get a share of it. The pool
      also predicts the requests in flight from it.
    * `prefers_new`: while it returns True, a new cell goes before a retry.
    * `on_exhausted`: called when the last cell has been started.
    * `clock`: returns seconds.

    The pool holds a final outcome until its connection is confirmed: until it is known that this
    outcome belongs to its cell. Then the outcome is settled. If the connection is lost or refuted,
    the pool requests the cell again, and this does not count as a try.

    If `fetch` or `settle` raises anything but `StoppedError`, the pool cancels and awaits all
    workers, and raises that error. `StoppedError` from `fetch` drains the pool.
    """

    def __init__(  # noqa: PLR0913 - each is one dependency, passed by keyword
        self,
        cells: Iterator[Cell],
        *,
        fetch: Fetch,
        decide: RetryDecision,
        settle: Settle,
        on_retry: Callable[[WorkItem, Failure, Retriable], None],
        stats: RunStats,
        concurrency: int,
        rate: Callable[[], float],
        prefers_new: Callable[[], bool] = lambda: False,
        on_exhausted: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget = RetryBudget(clock(), rate)
        self._queue = WorkQueue(
            cells,
            concurrency * WAITING_PER_WORKER,
            clock,
            self._budget,
            prefers_new,
            on_exhausted,
        )
        self._rate = rate
        self._clock = clock
        self._fetch = fetch
        self._decide = decide
        self._settle = settle
        self._on_retry = on_retry
        self._stats = stats
        self._total = stats.missing
        self._concurrency = concurrency
        self._changed = asyncio.Event()
        self._held = HeldOutcomes(self._wake_idle, self._request_again)

    def drain(self) -> None:
        """Start no more cells: `run` ends when those in progress are settled or put back.

        Cells that wait for a retry stay missing: neither answered nor failed. If answers on an idle
        connection are not confirmed yet, one more request is sent on that connection, so that they
        are settled too.
        """
        self._queue.is_closed = True
        self._wake_idle()

    async def run(self) -> None:
        """Run until the last cell is settled, or until none is in progress after `drain`."""
        workers = min(self._concurrency, self._stats.missing)
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(workers):
                    group.create_task(self._work(), name=f"worker-{number}")
        except BaseExceptionGroup as failed:
            # Several workers may meet the same error; one report of it is enough.
            error = main_error(failed)
        else:
            return
        # Outside of the `except` block: inside, Python would make the group the context of the
        # error.
        raise error

    async def _work(self) -> None:
        while (item := self._take() or await self._next()) is not None:
            if item.refuted >= _MOST_REFUTED:
                raise AttributionError.of()
            try:
                outcome = await self._fetch(
                    item.cell,
                    is_retry=item.tries > 0,
                    is_final=item.confirms is not None,
                    use=self._use,
                )
            except StoppedError:
                # The cell stays unsettled, so the other workers must not wait for it.
                self.drain()
                if item.confirms is not None:
                    return
                continue
            item.requests += outcome.requests
            if not isinstance(outcome, Failure):
                self._budget.succeeded(was_retry=item.tries > 0)
            elif self._retry(item, outcome):
                continue
            self._held.hold(item, outcome)
            if self._held.confirmed:
                await self._settle_confirmed()

    async def _settle_confirmed(self) -> None:
        settled = self._held.take_confirmed()
        await self._settle(settled)
        self._queue.settle(len(settled))
        if self._queue.is_finished:
            self._wake_idle()

    def _use(self) -> ConnectionUse:
        """Return how the next request uses its connection: as `LAST` if few cells are left."""
        stats = self._stats
        left = self._total - self._queue.started
        if left >= 4 * self._concurrency:
            return ConnectionUse.SHARED
        left += self._at_gate
        latencies = stats.latencies
        is_known = latencies.count >= _LATENCIES_KNOWN
        expected = 1 + self._rate() * latencies.percentile(0.9) if is_known else inf
        in_flight = min(max(expected, stats.in_flight), self._concurrency)
        connections = self._held.connections + in_flight
        return ConnectionUse.SHARED if left >= 2 * connections else ConnectionUse.LAST

    def _request_again(self, item: WorkItem) -> None:
        item.refuted += 1
        self._queue.put_back(item, self._clock(), is_charged=False)
        self._wake_idle()

    def _take(self) -> WorkItem | None:
        item = self._queue.take()
        self._stats.retrying = self._queue.waiting
        if item is None and (self._queue.is_closed or self._at_gate <= 0):
            # No other request will confirm the answers on an idle connection.
            item = self._held.withdraw()
            if item is not None:
                self._wake_idle()
        return item

    @property
    def _at_gate(self) -> int:
        """Cells whose request is about to be sent."""
        return self._queue.in_progress - self._held.count - self._stats.in_flight

    async def _next(self) -> WorkItem | None:
        """Wait for a cell; return None if none will come."""
        while not self._queue.is_finished:
            is_closed = self._queue.is_closed
            if is_closed and not self._held.is_watched:
                break
            await self._wait_for_change(None if is_closed else self._queue.next_due())
            if self._held.confirmed:
                await self._settle_confirmed()
            item = self._take()
            if item is not None:
                return item
        return None

    async def _wait_for_change(self, due: float | None) -> None:
        """Wait until `due` (seconds of the clock) or a change; idle workers do not poll."""
        changed = self._changed
        timeout = None if due is None else max(0.0, due - self._clock())
        try:
            async with asyncio.timeout(timeout):
                await changed.wait()
        except TimeoutError:
            pass

    def _wake_idle(self) -> None:
        """Wake all idle workers once."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _retry(self, item: WorkItem, failure: Failure) -> bool:
        """Put a cell back for its retry, and return True; return False if there is none."""
        retry = self._decide(failure, item.tries, item.throttled_tries, random)
        if retry is None:
            item.tries += 1
            return False
        item.tries += retry.counts
        item.throttled_tries += failure.blame is Blame.RATE and not retry.counts
        self._stats.retries += 1
        # No idle worker has to wake for this retry: this worker takes another cell, or waits until
        # the earliest retry is due.
        self._queue.put_back(item, self._clock() + retry.delay, is_charged=retry.counts)
        self._on_retry(item, failure, retry)
        return True
