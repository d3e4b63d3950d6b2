"""Selects the next cell: a retry that is due, or a new cell from the plan."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Final

import msgspec

from collector.core.cell import Cell
from collector.core.confirmation import Confirmation
from collector.pace import RetryBudget

__all__ = ["WAITING_PER_WORKER", "WorkItem", "WorkQueue"]

WAITING_PER_WORKER: Final = 16
"""Cells per worker that may wait for a retry. Above that no new cell starts: an outage does not use
up the plan, and memory stays bounded."""


class WorkItem(msgspec.Struct, gc=False):
    """A cell in progress.

    `tries` counts the tries that were charged to the cell, `throttled_tries` those that the server
    rate-limited and that were not charged, `requests` the requests sent. `confirms` is set while
    it is requested again to confirm the answers of that connection, `refuted` counts its answers
    that could not be attributed to it.
    """

    cell: Cell
    tries: int = 0
    throttled_tries: int = 0
    requests: int = 0
    confirms: Confirmation | None = None
    refuted: int = 0


@dataclass(slots=True)
class WorkQueue:
    """Decides which cell comes next.

    * `cells`: the new cells, in their order.
    * `max_waiting`: cells that may wait for a retry before no new one starts.
    * `clock`: returns seconds.
    * `budget`: limits retries to a share of the rate.
    * `prefers_new`: while it returns True, a new cell goes before a retry that is due.
    * `on_exhausted`: called once, when the last cell has been started.
    * `started`: new cells that were taken so far.
    * `settled`: cells that are settled.
    * `waiting`: cells that wait for a retry.

    A retry that is due goes before a new cell, if the budget allows it. A try that was not charged
    to its cell needs no budget.
    """

    cells: Iterator[Cell]
    max_waiting: int
    clock: Callable[[], float]
    budget: RetryBudget
    prefers_new: Callable[[], bool]
    on_exhausted: Callable[[], None] = lambda: None
    started: int = 0
    settled: int = 0
    waiting: int = 0
    is_closed: bool = False
    """Whether `take` returns None from now on, although cells may be left."""
    _uncharged: deque[WorkItem] = field(default_factory=deque)
    _waiting: list[tuple[float, int, WorkItem]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)
    _exhausted: bool = False

    @property
    def in_progress(self) -> int:
        """Cells that were taken, and neither settled nor put back."""
        return self.started - self.settled - self.waiting

    @property
    def is_finished(self) -> bool:
        """Whether no cell is new, waits for a retry, or is in progress and could be put back."""
        return self._exhausted and not self.waiting and not self.in_progress

    def take(self) -> WorkItem | None:
        """Return the next cell, or None when there is none at the moment."""
        if self.is_closed:
            return None
        if not self.waiting:
            return self._new()
        if self.prefers_new():
            return self._new() or self._due()
        return self._due() or self._new()

    def next_due(self) -> float | None:
        """Return when the next retry is due and within the budget, in seconds of the clock."""
        if self._uncharged:
            return self.clock()
        if not self._waiting:
            return None
        return max(self._waiting[0][0], self.budget.next_at(self.clock()))

    def put_back(self, item: WorkItem, due: float, *, is_charged: bool) -> None:
        """Put back a cell in progress for a retry at `due` (seconds of the clock).

        If the try was not charged to the cell, it comes again as soon as a worker is free.
        """
        self.waiting += 1
        if is_charged:
            heappush(self._waiting, (due, next(self._order), item))
        else:
            self._uncharged.append(item)

    def settle(self, cells: int = 1) -> None:
        """Record that so many cells in progress are settled."""
        self.settled += cells

    def _due(self) -> WorkItem | None:
        if self._uncharged:
            self.waiting -= 1
            return self._uncharged.popleft()
        if self._waiting:
            now = self.clock()
            if self._waiting[0][0] <= now and self.budget.next_at(now) <= now:
                self.budget.spend()
                self.waiting -= 1
                return heappop(self._waiting)[2]
        return None

    def _new(self) -> WorkItem | None:
        if self._exhausted or self.waiting >= self.max_waiting:
            return None
        cell = next(self.cells, None)
        if cell is None:
            self._exhausted = True
            self.on_exhausted()
            return None
        self.started += 1
        return WorkItem(cell)
