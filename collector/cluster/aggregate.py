"""The counts and the rate of all shards as those of one run."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from collector.cluster.messages import Result, ShardStatus
from collector.core.cell import CellState
from collector.core.outcome import FailureKind
from collector.pace import Cause, PaceView
from collector.telemetry.stats import RunStats

__all__ = ["ClusterPace", "ClusterStats"]

_ANSWERED: Final = (CellState.DATA, CellState.EMPTY)


class ClusterStats(RunStats):
    """Statistics of all shards, by their statuses, and of what this process has sent (`own`).

    A shard whose worker died starts again in another one, as a new incarnation. Cells are those of
    the last incarnation of each shard. What it finds on disk of earlier incarnations belongs to
    this attempt too, except for what was there before the first one. Requests are those of all
    incarnations, because the server has received them.
    """

    def __init__(self, planned: int) -> None:
        super().__init__(planned, is_known=False)
        self.own = RunStats(0)
        self._statuses: dict[int, dict[str, ShardStatus]] = {}
        self._before: Sequence[dict[CellState, int]] = ()

    def found_by_shard(self, before: Sequence[dict[CellState, int]]) -> None:
        """Set how many of these cells belong to each shard."""
        self._before = before

    def take(self, status: ShardStatus) -> None:
        """Replace the status of a shard by its newest one."""
        self._statuses.setdefault(status.shard, {})[status.incarnation] = status
        self.add_up()

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

    def add_up(self) -> None:
        """Add up the newest statuses, and what this process has sent."""
        by_shard = [list(statuses.values()) for statuses in self._statuses.values()]
        newest = [statuses[-1] for statuses in by_shard]
        self.cells = Counter()
        for status in newest:
            self.cells.update(self._new_of(status))
            for state, company_ids in status.companies.items():
                for company_id in company_ids:
                    self.seen(CellState(state), company_id)
        self.failure_kinds = _kinds(status.failure_kinds for status in newest)
        self.retrying = sum(status.retrying for status in newest)
        self.in_flight = self.own.in_flight + sum(status.in_flight for status in newest)
        every = [status for statuses in by_shard for status in statuses]
        self.broken = _kinds(status.broken for status in every) + self.own.broken
        self.statuses = self.own.statuses.copy()
        for status in every:
            self.statuses.update(status.statuses)
        self.retries = sum(status.retries for status in every)
        self.good = self.own.good + sum(status.good for status in every)
        self.refused = self.own.refused + sum(status.refused for status in every)
        self.resent = sum(status.resent for status in every)
        self.held_up = sum(status.held_up for status in every)
        self.requests_reported(self.own.requests + sum(status.requests for status in every))

    def _new_of(self, status: ShardStatus) -> dict[CellState, int]:
        """Return the cells of a shard whose line was written by this attempt."""
        cells = {CellState(state): n for state, n in status.cells.items()}
        before = self._before[status.shard] if status.shard < len(self._before) else {}
        for state in _ANSWERED:
            there = cells.get(state, 0) + status.kept.get(state.value, 0)
            # Below zero until the shard has read what is on disk.
            cells[state] = max(0, there - before.get(state, 0))
        return cells


class ClusterPace:
    """The rate of all shards together, in requests per second.

    `rate` is in force until a shard has reported its own. After the last shard has ended, the rate
    stays as it was.
    """

    def __init__(self, ceiling: float, rate: float) -> None:
        self.limit: float | None = None
        """The server's limit as it was found last."""
        self._ceiling = ceiling
        self._rate = rate
        self._running: list[ShardStatus] = []

    def take(self, running: Iterable[ShardStatus]) -> None:
        """Replace the statuses by the newest ones of the shards that run."""
        self._running = list(running)
        if self._running:
            # Not their sum: when a shard has ended, the others send its part before they report it.
            rates = [status.rate * status.senders for status in self._running]
            self._rate = sum(rates) / len(rates)

    def view(self) -> PaceView:
        """Return the rate of all shards together at this moment.

        The circuit counts as open if it is so for every shard that runs.
        """
        is_open = bool(self._running) and all(status.open_cause for status in self._running)
        first = min(self._running, key=lambda status: status.next_probe_in) if is_open else None
        if first is None or first.open_cause is None:
            return PaceView(self._rate, self._ceiling, self.limit)
        return PaceView(
            self._rate,
            self._ceiling,
            self.limit,
            Cause[first.open_cause],
            first.next_probe_in,
            first.last_error,
        )


def _kinds(counts: Iterable[dict[str, int]]) -> Counter[FailureKind]:
    total: Counter[FailureKind] = Counter()
    for each in counts:
        total.update({FailureKind(kind): n for kind, n in each.items()})
    return total
