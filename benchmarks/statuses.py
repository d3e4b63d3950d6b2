"""`python -m benchmarks.statuses`: what the statuses of shards cost the main process.

CPU seconds of one thread, without Dask and without network: statuses are decoded and counted as
`collector.cluster.run` does it, and the display reads the rate four times per second.
"""

import time
from collections import Counter
from math import inf
from typing import Final

import msgspec

from benchmarks.report import table
from collector.cluster.aggregate import ClusterStats
from collector.cluster.messages import ShardStatus
from collector.cluster.scheduler import ShardScheduler
from collector.core.cell import CellState
from collector.core.outcome import FailureKind
from collector.pace import PaceView
from collector.telemetry.stats import Counts

__all__ = ["cpu_per_second"]

_SHARDS: Final = (4, 50, 500)
_SECONDS: Final = 20
_PER_SECOND: Final = 2
"""Statuses of each shard."""

_VIEWS_PER_SECOND: Final = 4


def _status(shard: int, requests: int) -> bytes:
    """Return the status of a shard that has been running for a while, encoded."""
    counts = Counts(
        kept=Counter({CellState.DATA: 500, CellState.EMPTY: 20}),
        cells=Counter({CellState.DATA: requests - 20, CellState.EMPTY: 10, CellState.FAILED: 5}),
        failure_kinds=Counter({FailureKind.HTTP: 4, FailureKind.SCHEMA: 1}),
        companies={CellState.FAILED: {"7", "9"}, CellState.EMPTY: {"8"}},
        requests=requests,
        in_flight=8,
        retries=5,
        retrying=2,
        good=requests - 20,
        refused=3,
        resent=1,
        statuses=Counter({200: requests - 20, 429: 3, 500: 4, 502: 2}),
        broken=Counter({FailureKind.TIMEOUT: 2, FailureKind.CONNECTION: 1}),
    )
    pace, incarnation = PaceView(20.0, inf, 21.0), f"{shard:032x}"
    status = ShardStatus(
        shard=shard, incarnation=incarnation, counts=counts, pace=pace, senders=500
    )
    return msgspec.msgpack.encode(status)


def cpu_per_second(shards: int) -> float:
    """Return the CPU seconds per second that the statuses of so many shards take."""
    stats, scheduler = ClusterStats(100_000 * shards), ShardScheduler(PaceView(10.0, 10_000.0))
    scheduler.running.update(dict.fromkeys(range(shards)))
    stats.found_by_shard([{} for _ in range(shards)])
    rounds = [
        [_status(shard, 100 + 20 * number) for shard in range(shards)]
        for number in range(_SECONDS * _PER_SECOND)
    ]
    started = time.process_time()
    for messages in rounds:
        for message in messages:
            status = ShardStatus.decode(message)
            if scheduler.update(status):
                stats.take(status)
        for _ in range(_VIEWS_PER_SECOND // _PER_SECOND):
            _ = scheduler.pace
    return (time.process_time() - started) / _SECONDS


def main() -> None:
    """Measure and print."""
    rows = [[f"{shards:,}", f"{100 * cpu_per_second(shards):.2f} %"] for shards in _SHARDS]
    print(table(["shards that run", "of one core"], rows))


if __name__ == "__main__":
    main()
