"""How the runs went."""

from dataclasses import dataclass
from datetime import date, datetime

from collector.report.model.cells import Tile

__all__ = ["Behaviour", "Interval", "RunFacts"]


@dataclass(frozen=True, slots=True)
class Interval:
    """What a run did in some seconds: rates in requests a second, latencies in seconds.

    `allowed` is the rate in force at the end of it. Latencies are None when nothing was answered.
    """

    ended_at: datetime
    seconds: float
    sent: float
    refused: float
    retried: float
    allowed: float
    latency_p50: float | None
    latency_p90: float | None
    latency_p99: float | None


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a run went over time; empty for runs of before that was written down."""

    directory: str
    intervals: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the manifest says of a run, its last attempt and all attempts together.

    `exit_code` and `ended_at` are None when the last attempt was killed or is at work. `cells` are
    those of its own plan, by its own lines: what it lacks another run may have answered.
    `shards` are those that the last attempt is of, and how many there are; None without shards.
    `requests`, `refused` and `retried` are of all attempts; of one that was killed or is at work
    only what its samples tell, so that they are the least that there were
    unless `is_counted`. `requests_per_second` and the latencies are of the last attempt,
    `limit_found` is what was found last. `verdict` and `until` are what is known of the dates (see
    `collector.store.manifest.DatesRecord`).
    """

    directory: str
    from_date: date | None
    until_date: date | None
    companies: int
    windows: int
    attempts: int
    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    shards: tuple[int, int] | None
    is_at_work: bool
    cells: Tile
    is_counted: bool
    requests: int
    refused: int
    retried: int
    requests_per_second: float | None
    limit_found: float | None
    latency_p50: float | None
    latency_p99: float | None
    verdict: str | None
    until: str | None
    remarks: tuple[str, ...]
