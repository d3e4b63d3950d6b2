"""The counts and the rate of all shards as those of one run."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from collector.cluster.messages import Result, ShardStatus
from collector.core.cell import CellState
from collector.core.outcome import FailureKind
from collector.pace import Cause, PaceView
from collector.telemetry.stats import RunStats

__all__ = ["ClusterPace", "ClusterStats"]

_ANSWERED: Final = (CellState.DATA, CellState.EMPTY)


class _Sums:
    """Sums of numbers and of counts, in which the part of one shard is replaced by a newer one.

    That takes the same time however many shards there are. Keys whose sum is zero may be in
    `counts`.
    """

    def __init__(self, numbers: int, counts: int) -> None:
        self.numbers = [0] * numbers
        self.counts: list[Counter[Any]] = [Counter() for _ in range(counts)]

    def replace(self, old: "_Part | None", new: "_Part") -> None:
        """Take `old` out, if there is one, and add `new`."""
        for place, number in enumerate(new.numbers):
            self.numbers[place] += number - (old.numbers[place] if old is not None else 0)
        for place, total in enumerate(self.counts):
            before, now = {} if old is None else old.counts[place], new.counts[place]
            if now == before:
                continue
            for key, number in now.items():
                total[key] += number
            for key, number in before.items():
                total[key] -= number


class _Part(NamedTuple):
    """The part of one shard in `_Sums`."""

    numbers: tuple[int, ...]
    counts: tuple[Mapping[Any, int], ...]


class _Parts(NamedTuple):
    """What the newest status of one incarnation adds to the sums.

    `sent` counts for every incarnation of a shard, `newest` only for the last one.
    """

    sent: _Part
    newest: _Part


class ClusterStats(RunStats):
    """Statistics of all shards, by their statuses, and of what this process has sent (`own`).

    A shard whose worker died starts again in another one, as a new incarnation. Cells are those of
    the last incarnation of each shard. What it finds on disk of earlier incarnations belongs to
    this attempt too, except for what was there before the first one. Requests are those of all
    incarnations, because the server has received them.

    A status changes the sums by its difference from the previous one of its shard: what it takes
    does not grow with the number of shards.
    """

    def __init__(self, planned: int) -> None:
        super().__init__(planned, is_known=False)
        self.own = RunStats(0)
        # By shard and incarnation, in the order of their first status.
        self._parts: dict[int, dict[str, _Parts]] = {}
        self._before: Sequence[dict[CellState, int]] = ()
        # As `_sent_by` and `_newest_of` return them.
        self._sent = _Sums(6, 2)
        self._newest = _Sums(2, 2)

    def found_by_shard(self, before: Sequence[dict[CellState, int]]) -> None:
        """Set how many of these cells belong to each shard, before the first status."""
        self._before = before

    def take(self, status: ShardStatus) -> None:
        """Replace the status of a shard by its newest one."""
        incarnations = self._parts.setdefault(status.shard, {})
        newest = next(reversed(incarnations.values()), None)
        previous = incarnations.get(status.incarnation)
        parts = _Parts(_sent_by(status), self._newest_of(status))
        incarnations[status.incarnation] = parts
        self._sent.replace(previous and previous.sent, parts.sent)
        # A worker that Dask has given up may still report an earlier incarnation.
        if previous is newest or previous is None:
            self._newest.replace(newest and newest.newest, parts.newest)
        for state, company_ids in status.companies.items():
            for company_id in company_ids:
                self.seen(CellState(state), company_id)
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
        """Add what this process has sent to the sums of all shards."""
        own = self.own
        cells, failure_kinds = self._newest.counts
        statuses, broken = self._sent.counts
        in_flight, self.retrying = self._newest.numbers
        requests, good, refused, self.retries, self.resent, self.held_up = self._sent.numbers
        self.cells = _by_name(cells, CellState)
        self.failure_kinds = _by_name(failure_kinds, FailureKind)
        self.broken = _by_name(broken, FailureKind)
        self.broken.update(own.broken)
        self.statuses = statuses.copy()
        self.statuses.update(own.statuses)
        self.in_flight = own.in_flight + in_flight
        self.good = own.good + good
        self.refused = own.refused + refused
        self.requests_reported(own.requests + requests)

    def _newest_of(self, status: ShardStatus) -> _Part:
        """Return what counts of the last incarnation of a shard only."""
        numbers = status.in_flight, status.retrying
        return _Part(numbers, (self._new_of(status), status.failure_kinds))

    def _new_of(self, status: ShardStatus) -> dict[str, int]:
        """Return the cells of a shard whose line was written by this attempt, by their state."""
        cells = status.cells.copy()
        before = self._before[status.shard] if status.shard < len(self._before) else {}
        for state in _ANSWERED:
            there = cells.get(state, 0) + status.kept.get(state, 0)
            # Below zero until the shard has read what is on disk.
            cells[state] = max(0, there - before.get(state, 0))
        return cells


class ClusterPace:
    """The rate of all shards together, in requests per second.

    `rate` is in force until a shard has reported its own. After the last shard has ended, the rate
    is that of the last status.
    """

    def __init__(self, ceiling: float, rate: float) -> None:
        self.limit: float | None = None
        """The server's limit as it was found last."""
        self._ceiling = ceiling
        self._rate = rate
        self._statuses: Mapping[int, ShardStatus] = {}

    def take(self, newest: ShardStatus, running: Mapping[int, ShardStatus]) -> None:
        """Take a new status, and the newest of each shard that runs.

        `running` is read when `view` is called: it is the mapping that its owner keeps up to date.
        """
        self._statuses = running
        self._rate = newest.rate * newest.senders

    def view(self) -> PaceView:
        """Return the rate of all shards together at this moment.

        The circuit counts as open if it is so for every shard that runs.
        """
        running = list(self._statuses.values())
        # Not their sum: when a shard has ended, the others send its part before they report it.
        rates = [status.rate * status.senders for status in running] or [self._rate]
        rate = sum(rates) / len(rates)
        is_open = bool(running) and all(status.open_cause for status in running)
        first = min(running, key=lambda status: status.next_probe_in) if is_open else None
        if first is None or first.open_cause is None:
            return PaceView(rate, self._ceiling, self.limit)
        return PaceView(
            rate,
            self._ceiling,
            self.limit,
            Cause[first.open_cause],
            first.next_probe_in,
            first.last_error,
        )


def _sent_by(status: ShardStatus) -> _Part:
    """Return what counts of every incarnation of a shard."""
    numbers = (
        *(status.requests, status.good, status.refused),
        *(status.retries, status.resent, status.held_up),
    )
    return _Part(numbers, (status.statuses, status.broken))


_Name = TypeVar("_Name", CellState, FailureKind)


def _by_name(counts: Counter[str], names: Callable[[str], _Name]) -> Counter[_Name]:
    """Return the counts that are not zero, by name."""
    return Counter({names(name): number for name, number in counts.items() if number})
