"""The counts and the rate of all shards as those of one run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from collector.cluster.messages import Result, ShardStatus
from collector.core.cell import CellState
from collector.pace import PaceView
from collector.telemetry.stats import Counts, RunStats

__all__ = ["ClusterStats", "pace_of_all"]

_ANSWERED: Final = (CellState.DATA, CellState.EMPTY)

_OF_ALL: Final = ("good", "refused", "retries", "resent", "held_up", "statuses", "broken")
"""What counts of every incarnation of a shard, beside the requests."""

_OF_THE_LAST: Final = ("in_flight", "retrying", "cells", "failure_kinds")

_NOTHING: Final = Counts()


class ClusterStats(RunStats):
    """Statistics of all shards, by their statuses, and of what this process has sent.

    A shard whose worker died starts again in another one, as a new incarnation. Cells are those of
    the last incarnation of each shard. What it finds on disk of earlier incarnations belongs to
    this attempt too, except for what was there before the first one. Requests are those of all
    incarnations, because the server has received them.

    A status changes the sums by its difference from the previous one of its shard: what it takes
    does not grow with the number of shards.
    """

    def __init__(self, planned: int) -> None:
        super().__init__(planned, is_known=False)
        # By shard and incarnation, in the order of their first status.
        self._taken: dict[int, dict[str, Counts]] = {}
        self._before: Sequence[dict[CellState, int]] = ()

    def found_by_shard(self, before: Sequence[dict[CellState, int]]) -> None:
        """Set how many of these cells belong to each shard, before the first status."""
        self._before = before

    def take(self, status: ShardStatus) -> None:
        """Replace the status of a shard by its newest one."""
        incarnations = self._taken.setdefault(status.shard, {})
        newest = next(reversed(incarnations.values()), _NOTHING)
        previous = incarnations.get(status.incarnation, _NOTHING)
        counts = replace(status.counts, cells=self._new_of(status))
        incarnations[status.incarnation] = counts
        self.request_sent(counts.requests - previous.requests)
        self._replace(_OF_ALL, previous, counts)
        # A worker that Dask has given up may still report an earlier incarnation.
        if previous is newest or previous is _NOTHING:
            self._replace(_OF_THE_LAST, newest, counts)
        for state, company_ids in counts.companies.items():
            for company_id in company_ids:
                self.seen(state, company_id)

    def finish(self, result: Result) -> None:
        """Add the result of a shard that has ended."""
        if result.status is not None:
            self.take(result.status)
        self.latencies.add_all(result.latencies)
        self.company_latencies.add_all(result.company_latencies)

    def found_on_disk(self, counts: dict[CellState, int]) -> None:
        """Set the answered cells as they are on disk.

        Statuses of some shards may be missing, and another process may have removed lines.
        """
        self.kept &= Counter(counts)  # the lower number of each
        for state in _ANSWERED:
            self.cells[state] = counts[state] - self.kept[state]

    def _replace(self, names: Sequence[str], old: Counts, new: Counts) -> None:
        """Take the counts of these names of `old` out, and add those of `new`."""
        for name in names:
            before, now = getattr(old, name), getattr(new, name)
            if now == before:
                continue
            total = getattr(self, name)
            if isinstance(total, Counter):
                for key in now.keys() | before.keys():
                    total[key] += now.get(key, 0) - before.get(key, 0)
                    if not total[key]:
                        del total[key]
            else:
                setattr(self, name, total + now - before)

    def _new_of(self, status: ShardStatus) -> dict[CellState, int]:
        """Return the cells of a shard whose line was written by this attempt, by their state."""
        kept, cells = status.counts.kept, status.counts.cells.copy()
        before = self._before[status.shard] if status.shard < len(self._before) else {}
        for state in _ANSWERED:
            there = cells.get(state, 0) + kept.get(state, 0)
            # Below zero until the shard has read what is on disk.
            cells[state] = max(0, there - before.get(state, 0))
        return cells


def pace_of_all(running: Sequence[ShardStatus], otherwise: PaceView) -> PaceView:
    """Return the rate of all shards together, by the newest status of each that runs.

    Rates are requests per second. The circuit counts as open if it is so for every shard that runs.
    Ceiling and limit, and without a status the rate, are those of `otherwise`.
    """
    if not running:
        return otherwise
    # Not their sum: when a shard has ended, the others send its part before they report it.
    rate = sum(status.pace.rate * status.senders for status in running) / len(running)
    first = min((status.pace for status in running), key=lambda pace: pace.next_probe_in)
    if not all(status.pace.open_cause for status in running):
        return otherwise._replace(rate=rate)
    return first._replace(rate=rate, ceiling=otherwise.ceiling, limit=otherwise.limit)
