"""The counts of all shards as those of one run."""

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
    """A tally of what shards report, beside what this process itself has sent (`own`).

    Cells are as the last life of each shard tells; what it finds on the disk of the lives before it
    is of this attempt too, but for what was there `before` the first. Requests are those of all its
    lives: what one has sent that died with its worker, the server has seen.
    """

    def __init__(self, planned: int) -> None:
        super().__init__(planned)
        self.own = RunStats(0)
        self._lives: dict[int, dict[str, ShardStatus]] = {}
        self._before: Sequence[dict[CellState, int]] = ()

    def found_before(self, kept: Counter[CellState]) -> None:
        """Take what earlier attempts have answered."""
        self.kept = kept

    def found_by_shard(self, before: Sequence[dict[CellState, int]]) -> None:
        """Take how much of that is of each shard."""
        self._before = before

    def take(self, report: ShardStatus) -> None:
        """Take the newest report of a shard in the place of the one before it."""
        self._lives.setdefault(report.shard, {})[report.life] = report
        self.add_up()

    def finish(self, result: Result) -> None:
        """Take what came of a shard."""
        if result.report is not None:
            self.take(result.report)
        self.latencies.add_all(result.latencies)
        self.company_latencies.add_all(result.company_latencies)

    def found_on_disk(self, counts: dict[CellState, int]) -> None:
        """Take the answered cells as they are on the disk: some shards may not have told of all."""
        for state in _ANSWERED:
            self.cells[state] = max(0, counts[state] - self.kept[state])

    def add_up(self) -> None:
        """Count anew: the reports, and what this process has sent."""
        lives = [list(lives.values()) for lives in self._lives.values()]
        newest = [of_shard[-1] for of_shard in lives]
        self.cells = Counter()
        for report in newest:
            self.cells.update(self._new_of(report))
        self.failure_kinds = _kinds(report.failure_kinds for report in newest)
        self.retrying = sum(report.retrying for report in newest)
        self.in_flight = sum(report.in_flight for report in newest)
        reports = [report for of_shard in lives for report in of_shard]
        self.broken = _kinds(report.broken for report in reports) + self.own.broken
        self.statuses = self.own.statuses.copy()
        for report in reports:
            self.statuses.update(report.statuses)
        self.retries = sum(report.retries for report in reports)
        self.refused = sum(report.refused for report in reports)
        self.resent = sum(report.resent for report in reports)
        self.held_up = sum(report.held_up for report in reports)
        self.requests_reported(self.own.requests + sum(report.requests for report in reports))

    def _new_of(self, report: ShardStatus) -> dict[CellState, int]:
        """Return the cells of a shard that have their line by this attempt."""
        cells = {CellState(state): n for state, n in report.cells.items()}
        before = self._before[report.shard] if report.shard < len(self._before) else {}
        for state in _ANSWERED:
            there = cells.get(state, 0) + report.kept.get(state.value, 0)
            # Until it has read what is there, it knows of nothing.
            cells[state] = max(0, there - before.get(state, 0))
        return cells


class ClusterPace:
    """The rate of all shards together, in requests per second.

    `rate` is in force until a shard has reported its own. The rate stays as it was when all shards
    have ended.
    """

    def __init__(self, ceiling: float, rate: float) -> None:
        self.limit: float | None = None
        """The server's limit as it was found last."""
        self._ceiling = ceiling
        self._rate = rate
        self._reports: list[ShardStatus] = []

    def take(self, at_work: Iterable[ShardStatus]) -> None:
        """Take the newest reports of the shards at work."""
        self._reports = list(at_work)
        if self._reports:
            # Not their sum: when one has ended, the others have its part before they say so.
            rates = [report.rate * report.senders for report in self._reports]
            self._rate = sum(rates) / len(rates)

    def view(self) -> PaceView:
        """Return the rate of all shards together at this moment.

        The circuit counts as open if it is so for every shard that runs.
        """
        causes = [report.open_cause for report in self._reports]
        known = [Cause[cause] for cause in causes if cause is not None]
        open_cause = known[0] if known and len(known) == len(causes) else None
        closed_for = min((report.closed_for for report in self._reports), default=0.0)
        return PaceView(self._rate, self._ceiling, self.limit, open_cause, closed_for)


def _kinds(counts: Iterable[dict[str, int]]) -> Counter[FailureKind]:
    total: Counter[FailureKind] = Counter()
    for each in counts:
        total.update({FailureKind(kind): n for kind, n in each.items()})
    return total
