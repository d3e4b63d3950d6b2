"""`python -m benchmarks.statuses`: what the statuses of shards cost the main process.

CPU seconds of one thread, without Dask and without network: statuses are decoded and counted as
`collector.cluster.run` does it, and the display reads the rate four times per second.
"""

import time
from typing import Final

from benchmarks.report import table
from collector.cluster.aggregate import ClusterPace, ClusterStats
from collector.cluster.messages import ShardStatus
from collector.cluster.scheduler import ShardScheduler

__all__ = ["cpu_per_second"]

_SHARDS: Final = (4, 50, 500)
_SECONDS: Final = 20
_PER_SECOND: Final = 2
"""Statuses of each shard."""

_VIEWS_PER_SECOND: Final = 4


def _status(shard: int, requests: int) -> bytes:
    """Return the status of a shard that has been running for a while, encoded."""
    return ShardStatus(
        shard=shard,
        incarnation=f"{shard:032x}",
        planned=100_000,
        kept={"data": 500, "empty": 20},
        cells={"data": requests - 20, "empty": 10, "failed": 5},
        failure_kinds={"http": 4, "schema": 1},
        companies={"failed": ["7", "9"], "empty": ["8"]},
        requests=requests,
        in_flight=8,
        retries=5,
        retrying=2,
        good=requests - 20,
        refused=3,
        resent=1,
        held_up=0,
        statuses={200: requests - 20, 429: 3, 500: 4, 502: 2},
        broken={"timeout": 2, "connection": 1},
        rate=20.0,
        senders=500,
        limit=21.0,
        open_cause=None,
        next_probe_in=0.0,
        last_error=None,
    ).encoded()


def cpu_per_second(shards: int) -> float:
    """Return the CPU seconds per second that the statuses of so many shards take."""
    stats, pace = ClusterStats(100_000 * shards), ClusterPace(10_000.0, 10.0)
    scheduler = ShardScheduler(shards, shards)
    stats.found_by_shard([{} for _ in range(shards)])
    while scheduler.start() is not None:
        pass
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
                pace.take(status, scheduler.statuses)
        for _ in range(_VIEWS_PER_SECOND // _PER_SECOND):
            pace.view()
    return (time.process_time() - started) / _SECONDS


def main() -> None:
    """Measure and print."""
    rows = [[f"{shards:,}", f"{100 * cpu_per_second(shards):.2f} %"] for shards in _SHARDS]
    print(table(["shards that run", "of one core"], rows))


if __name__ == "__main__":
    main()
