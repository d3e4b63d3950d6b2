"""Decides how many shards a run has, and what each of those that run may send. Pure."""

from collections.abc import Collection, Iterable
from enum import Enum, auto
from math import ceil, inf
from typing import Final

from collector.plan import MOST_SHARDS, Shard

__all__ = [
    "SharedLimit",
    "WorkerEvent",
    "WorkerTimeout",
    "number_found",
    "number_of_shards",
    "workers_within",
]

_SHARDS_PER_WORKER: Final = 16
"""The last shards leave some workers idle; with 16 per worker they are a small part of the run."""

_FEWEST_CELLS: Final = 1000
"""Cells per shard. To start a shard takes 0.1 s, which is too long for fewer cells."""

_FEWEST_SHARDS: Final = 2
"""A single shard would be the run without shards, with its file names."""

_SETTLING_SECONDS: Final = 3.0
"""How long it takes, at most, until shards have received a new share and reported it."""

_WORKERS_SECONDS: Final = 60.0
"""How long workers may take to start: batch systems start them one by one."""

_FEWEST_SECONDS: Final = 10.0
"""To replace a dead worker takes seconds, even if `--max-outage` is shorter."""

_NOTICED_SECONDS: Final = 3.0
"""A shorter time without workers is not reported."""


def number_found(found: Iterable[Shard]) -> int | None:
    """Return the number of the shards that were found in a directory; None without any."""
    totals = [shard.total for shard in found if not shard.is_whole]
    return max(totals, key=totals.count) if totals else None


def number_of_shards(cells: int, workers: int, found: Iterable[Shard] = ()) -> int:
    """Return the number of shards for so many cells without an answer, and workers.

    If shards were `found` in the directory, their number stays: each continues its own files.
    """
    if (total := number_found(found)) is not None:
        return total
    wanted = min(_SHARDS_PER_WORKER * workers, ceil(cells / _FEWEST_CELLS))
    return max(_FEWEST_SHARDS, min(MOST_SHARDS, max(workers, wanted)))


class SharedLimit:
    """The limit of the server for all shards together, in requests per second.

    It is computed from what each shard has found once half of them have found a limit; the others
    count as their mean. It stays when fewer shards run: they take over the share of the others, and
    until they do so, they report their old share.
    """

    def __init__(self) -> None:
        self.limit: float | None = None
        self._running = 0
        self._settled_at = -inf

    def take(self, limits: Collection[float | None], running: int, now: float) -> float | None:
        """Return the limit of all, given what each shard that runs has found for itself.

        `limits` are requests per second, None for a shard that has found none; `running` is how
        many shards run; `now` is in seconds.
        """
        if running < self._running:
            self._settled_at = now + _SETTLING_SECONDS
        self._running = running
        known = [limit for limit in limits if limit is not None]
        if now >= self._settled_at and known and 2 * len(known) >= running:
            self.limit = sum(known) / len(known) * running
        return self.limit


def workers_within(max_outage: float) -> float:
    """Return how many seconds a run waits for workers when there are none.

    A minute, or `max_outage` if that is less, but ten seconds at least.
    """
    return max(_FEWEST_SECONDS, min(_WORKERS_SECONDS, max_outage))


class WorkerEvent(Enum):
    """An event to report about workers."""

    GONE = auto()
    BACK = auto()
    TIMED_OUT = auto()
    """There was no worker for too long."""


class WorkerTimeout:
    """Measure how long a cluster has had no workers, and report each event once.

    It times out after `patience` seconds.
    """

    def __init__(self, patience: float) -> None:
        self.is_empty = False
        """Whether there was no worker at the last update."""
        self._patience = patience
        self._since = 0.0
        self._reported: WorkerEvent | None = None

    def update(self, workers: int, now: float) -> WorkerEvent | None:
        """Take the number of workers at `now` (seconds); return the event to report, if any."""
        reported, event = self._reported, None
        if workers:
            event = None if reported is None else WorkerEvent.BACK
            self.is_empty, self._reported = False, None
            return event
        if not self.is_empty:
            self.is_empty, self._since = True, now
        if now - self._since >= self._patience:
            event = WorkerEvent.TIMED_OUT
        elif now - self._since >= _NOTICED_SECONDS:
            event = WorkerEvent.GONE
        if event is reported:
            return None
        self._reported = event
        return event
