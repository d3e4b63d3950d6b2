"""Into how many shards a run is cut, and what each of those at work may send. Pure decisions."""

from collections.abc import Collection, Iterable
from enum import Enum, auto
from math import ceil, inf
from typing import Final

from collector.pace import Share
from collector.plan import MOST_SHARDS, Shard

__all__ = [
    "SharedLimit",
    "WorkerAbsence",
    "WorkerNews",
    "number_of_shards",
    "share_of_each",
    "workers_within",
]

_SHARDS_A_WORKER: Final = 16
"""So the last ones, which leave some workers idle, are a small part of the run."""

_FEWEST_CELLS: Final = 1000
"""A shard of fewer is done in no time, and to begin it takes a tenth of a second."""

_FEWEST_SHARDS: Final = 2
"""A single one would be the run without shards, whose log is that of the whole."""

_SETTLING_SECONDS: Final = 3.0
"""How long it takes at most until shards have heard of a new share, and said so."""


_WORKERS_SECONDS: Final = 60.0
"""How long it may take until there are workers: schedulers of machines start them one by one."""

_FEWEST_SECONDS: Final = 10.0
"""A worker that died may be replaced, and that takes seconds; `--max-outage` may say less."""

_NOTICED_SECONDS: Final = 3.0
"""Nobody is told of what is over sooner."""


def number_of_shards(cells: int, workers: int, found: Iterable[Shard] = ()) -> int:
    """Return into how many shards a run of so many cells is cut.

    Shards that were `found` in its directory are gone on with: of another number they would have to
    be read by each.
    """
    totals = [shard.total for shard in found if not shard.is_whole]
    if totals:
        return max(totals, key=totals.count)
    wanted = min(_SHARDS_A_WORKER * workers, ceil(cells / _FEWEST_CELLS))
    return max(_FEWEST_SHARDS, min(MOST_SHARDS, max(workers, wanted)))


def share_of_each(rate: float, at_work: int, limit: float | None = None) -> Share:
    """Return the share of each shard at work, of the rate and of the limit that was found."""
    return Share.of(rate, max(1, at_work), limit)


class SharedLimit:
    """The limit of all shards at work together (requests a second), from what each has found.

    What one has found alone is not the limit of all, so it counts when half of them know theirs;
    the others are taken to be like these. It stays when fewer are at work: these are to share what
    the others had, and until they do, what they say of themselves is their old share.
    """

    def __init__(self) -> None:
        self.limit: float | None = None
        self._at_work = 0
        self._settled_at = -inf

    def take(self, limits: Collection[float | None], at_work: int, now: float) -> float | None:
        """Take what those at work have found for themselves, None if one has not; return it.

        `now` is in seconds.
        """
        if at_work < self._at_work:
            self._settled_at = now + _SETTLING_SECONDS
        self._at_work = at_work
        known = [limit for limit in limits if limit is not None]
        if now >= self._settled_at and known and 2 * len(known) >= at_work:
            self.limit = sum(known) / len(known) * at_work
        return self.limit


def workers_within(max_outage: float) -> float:
    """Return how many seconds a run waits for workers when there are none.

    A minute, or `max_outage` if that is less, but ten seconds at least.
    """
    return max(_FEWEST_SECONDS, min(_WORKERS_SECONDS, max_outage))


class WorkerNews(Enum):
    """What there is to tell about workers."""

    GONE = auto()
    BACK = auto()
    OVER = auto()
    """There was none for as long as is waited for."""


class WorkerAbsence:
    """How long there have been no workers at all, and what is to be told of it, each thing once.

    It is waited for `patience` seconds.
    """

    def __init__(self, patience: float) -> None:
        self.is_empty = False
        """Whether there was no worker when it was looked last."""
        self._patience = patience
        self._since = 0.0
        self._told: WorkerNews | None = None

    def take(self, workers: int, now: float) -> WorkerNews | None:
        """Take how many workers there are now (seconds); return what is to be told, if anything."""
        told, news = self._told, None
        if workers:
            news = None if told is None else WorkerNews.BACK
            self.is_empty, self._told = False, None
            return news
        if not self.is_empty:
            self.is_empty, self._since = True, now
        if now - self._since >= self._patience:
            news = WorkerNews.OVER
        elif now - self._since >= _NOTICED_SECONDS:
            news = WorkerNews.GONE
        if news is told:
            return None
        self._told = news
        return news
