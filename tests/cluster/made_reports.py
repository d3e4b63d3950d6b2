"""Reports and results of shards as tests need them."""

from typing import Any

from collector.cluster.messages import Result, ShardStatus
from collector.core.errors import ExitCode
from collector.run.result import End
from collector.telemetry.histogram import CompanyLatencies, LatencyHistogram


def report(shard: int = 0, *, incarnation: str = "a", **more: Any) -> ShardStatus:  # noqa: ANN401 - see ShardStatus
    """Make a report of a shard that has done nothing yet, but for what is said."""
    nothing: dict[str, Any] = {
        **dict.fromkeys(("kept", "cells", "companies", "failure_kinds", "statuses", "broken")),
        **dict.fromkeys(("requests", "in_flight", "retries", "retrying", "good", "refused"), 0),
        **dict.fromkeys(("resent", "held_up"), 0),
        "planned": 10,
        "rate": 5.0,
        "senders": 1,
        "limit": None,
        "open_cause": None,
        "next_probe_in": 0.0,
    }
    given = {name: {} if value is None else value for name, value in nothing.items()}
    given |= {"limit": None, "open_cause": None, "last_error": None}
    return ShardStatus(shard=shard, incarnation=incarnation, **(given | more))


def result(of: ShardStatus, code: ExitCode = ExitCode.COMPLETE, *, seconds: float = 0.1) -> Result:
    """Make the result of a shard with one answer of so many seconds."""
    latencies, by_company = LatencyHistogram(), CompanyLatencies()
    latencies.add(seconds)
    return Result(End(code), (), of, latencies, by_company)
