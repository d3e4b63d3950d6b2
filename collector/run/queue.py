"""Which cell is asked for next: retries that are due, new cells from the plan."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Final

import msgspec

from collector.core.cell import Cell
from collector.pace import RetryBudget

__all__ = ["WAITING_PER_WORKER", "WorkItem", "WorkQueue"]

WAITING_PER_WORKER: Final = 16
"""Cells that may wait for their retry, for each worker. Beyond that no new cell is begun: in an
outage the plan is not used up, and memory stays bounded."""


class WorkItem(msgspec.Struct):
    """A cell on its way.

    `tries` is how many of its tries have counted, `throttled_tries` how many were refused because
    of the rate and have not, `requests` how many requests were sent.
    """

    cell: Cell
    tries: int = 0
    throttled_tries: int = 0
    requests: int = 0


@dataclass(slots=True)
class WorkQueue:
    """Decides which job comes next; `clock` gives seconds.

    A due retry goes before a new cell, if the budget for retries can pay for it; while
    `prefers_new` says so, a new cell goes first. A try that was not charged to its cell needs no
    budget. `on_exhausted` is called once the last cell has been begun.
    """

    cells: Iterator[Cell]
    max_waiting: int
    clock: Callable[[], float]
    budget: RetryBudget
    prefers_new: Callable[[], bool]
    on_exhausted: Callable[[], None] = lambda: None
    in_work: int = 0
    is_closed: bool = False
    """Whether no job is given any more, although some may be left."""
    _again: deque[WorkItem] = field(default_factory=deque)
    _waiting: list[tuple[float, int, WorkItem]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)
    _exhausted: bool = False

    @property
    def waiting(self) -> int:
        """How many jobs wait for their next try."""
        return len(self._waiting) + len(self._again)

    @property
    def is_finished(self) -> bool:
        """Whether no job is left, none is waiting, and none is in work that could come back."""
        return self._exhausted and not self.waiting and not self.in_work

    def take(self) -> WorkItem | None:
        """Return the next job, or None when there is none right now."""
        if self.is_closed:
            return None
        if not self._waiting and not self._again:
            item = self._new()
        elif self.prefers_new():
            item = self._new() or self._due()
        else:
            item = self._due() or self._new()
        if item is not None:
            self.in_work += 1
        return item

    def next_due(self) -> float | None:
        """Return when the next waiting job is due and can be paid for, in the clock's seconds."""
        if self._again:
            return self.clock()
        if not self._waiting:
            return None
        return max(self._waiting[0][0], self.budget.next_at(self.clock()))

    def put_back(self, item: WorkItem, due: float, *, is_charged: bool) -> None:
        """Let a job in work wait for its next try; it occupies no worker meanwhile.

        One that was not charged to its cell comes again as soon as a worker is free.
        """
        self.in_work -= 1
        if is_charged:
            heappush(self._waiting, (due, next(self._order), item))
        else:
            self._again.append(item)

    def settle(self) -> None:
        """Take note that a job in work is over."""
        self.in_work -= 1

    def _due(self) -> WorkItem | None:
        if self._again:
            return self._again.popleft()
        if self._waiting:
            now = self.clock()
            if self._waiting[0][0] <= now and self.budget.next_at(now) <= now:
                self.budget.spend()
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
        return WorkItem(cell)
