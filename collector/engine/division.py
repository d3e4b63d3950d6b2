"""Into how many shards a run is cut, and what each of those at work may send. Pure decisions."""

from collections.abc import Collection, Iterable
from math import ceil, inf
from typing import Final

from collector.pace import Share
from collector.plan import MOST_SHARDS, Shard

__all__ = ["SharedLimit", "number_of_shards", "share_of_each"]

_SHARDS_A_WORKER: Final = 16
"""So the last ones, which leave some workers idle, are a small part of the run."""

_FEWEST_CELLS: Final = 1000
"""A shard of fewer is done in no time, and to begin it takes a tenth of a second."""

_FEWEST_SHARDS: Final = 2
"""A single one would be the run without shards, whose log is that of the whole."""

_SETTLING_SECONDS: Final = 3.0
"""How long it takes at most until shards have heard of a new share, and said so."""


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
