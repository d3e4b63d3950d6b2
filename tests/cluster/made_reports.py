"""Reports and results of shards as tests need them."""

from collections import Counter
from math import inf
from typing import Any

from collector.cluster.messages import Result, ShardStatus
from collector.cluster.scheduler import ShardScheduler
from collector.core.cell import CellState
from collector.core.errors import ExitCode
from collector.core.outcome import FailureKind
from collector.pace import PaceView
from collector.run.result import End
from collector.telemetry.histogram import CompanyLatencies, LatencyHistogram
from collector.telemetry.stats import Counts


def report(shard: int = 0, *, incarnation: str = "a", **more: Any) -> ShardStatus:  # noqa: ANN401 - see below
    """Make a report of a shard that has done nothing yet, but for what is said.

    That is of fields of the report, of its pace, or of its counts, by the values of their keys.
    """
    pace = {name: more.pop(name) for name in PaceView._fields if name in more}
    fields = {name: more.pop(name) for name in ("senders", "stale_token") if name in more}
    return ShardStatus(
        shard=shard,
        incarnation=incarnation,
        counts=Counts(**{name: _keyed(name, count) for name, count in more.items()}),
        pace=PaceView(5.0, inf)._replace(**pace),
        **({"senders": 1} | fields),
    )


def _keyed(name: str, count: Any) -> Any:  # noqa: ANN401 - a number, or a dictionary
    if name == "companies":
        return {CellState(state): set(ids) for state, ids in count.items()}
    if name == "statuses":
        return Counter(count)
    if name in {"kept", "cells"}:
        return Counter({CellState(state): number for state, number in count.items()})
    if name in {"failure_kinds", "broken"}:
        return Counter({FailureKind(kind): number for kind, number in count.items()})
    return count


def result(of: ShardStatus, code: ExitCode = ExitCode.COMPLETE, *, seconds: float = 0.1) -> Result:
    """Make the result of a shard with one answer of so many seconds."""
    latencies, by_company = LatencyHistogram(), CompanyLatencies()
    latencies.add(seconds)
    return Result(End(code), (), of, latencies, by_company)


def running_shards(shards: int, pace: PaceView = PaceView(5.0, inf)) -> ShardScheduler:  # noqa: B008 - it is a tuple
    """Make a scheduler of so many shards that all run."""
    scheduler = ShardScheduler(pace)
    scheduler.senders = shards
    scheduler.running.update(dict.fromkeys(range(shards)))
    return scheduler
