"""Into how many shards a run is cut, and what each of those at work may send. Pure decisions."""

from collections.abc import Collection, Iterable
from math import ceil
from typing import Final

from collector.pace import Share
from collector.plan import MOST_SHARDS, Shard

__all__ = ["number_of_shards", "share_of_each"]

_SHARDS_A_WORKER: Final = 16
"""So the last ones, which leave some workers idle, are a small part of the run."""

_FEWEST_CELLS: Final = 1000
"""A shard of fewer is done in no time, and to begin it takes a tenth of a second."""


def number_of_shards(cells: int, workers: int, found: Iterable[Shard] = ()) -> int:
    """Return into how many shards a run of so many cells is cut.

    Shards that were `found` in its directory are gone on with: of another number they would have to
    be read by each.
    """
    totals = [shard.total for shard in found if not shard.is_whole]
    if totals:
        return max(totals, key=totals.count)
    wanted = min(_SHARDS_A_WORKER * workers, ceil(cells / _FEWEST_CELLS))
    return max(1, min(MOST_SHARDS, max(workers, wanted)))


def share_of_each(rate: float, at_work: int, limits: Collection[float | None]) -> Share:
    """Return the share of each shard at work, of the rate and of the limit that was found.

    `limits` has what those at work have found for themselves (requests a second), None if one has
    not. What one has found alone is not the limit of all, so it is shared when half of them know
    theirs; the others are taken to be like these.
    """
    known = [limit for limit in limits if limit is not None]
    limit = None
    if known and 2 * len(known) >= at_work:
        limit = sum(known) / len(known) * at_work
    return Share.of(rate, max(1, at_work), limit)
