"""How the runs went: over time, and in the end."""

from dataclasses import dataclass
from datetime import date, datetime

from collector.report.model import Tile

__all__ = ["Behaviour", "Interval", "RunFacts"]


@dataclass(frozen=True, slots=True)
class Interval:
    """What a run did in an interval: rates in requests per second, latencies in seconds.

    `allowed` is the rate in force at its end. Latencies are None when nothing was answered.
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
    """How a run went over time; empty for runs of versions without samples.

    `is_joined` says that an interval joins several samples: then its latencies are means.
    """

    directory: str
    intervals: tuple[Interval, ...]
    is_joined: bool = False


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the manifest says of a run: its last attempt, and all attempts together.

    `exit_code` and `ended_at` are None when the last attempt was killed or is running. `cells` are
    those of its own plan, by its own lines: another run may have answers that it lacks. `shards`
    are how many shards the last attempt has begun, and how many there are; None without shards.
    `requests`, `refused` and `retried` are of all attempts; unless `is_counted`, an attempt was
    killed or is running, and the three are lower bounds from its samples. `requests_per_second` and
    the latencies are of the last attempt, `limit_found` is the newest of all. `verdict` and `until`
    are what is known of the dates (see `collector.store.manifest.DatesRecord`). With first days,
    companies have all windows or fewer, from a day of their own on.
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
    is_running: bool
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
    has_first_days: bool = False
