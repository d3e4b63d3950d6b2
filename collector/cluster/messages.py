"""What the process that was started and the shards on the workers say to each other."""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from collector import __version__
from collector.cluster.token_feed import HandedToken
from collector.core.secrets import Secret
from collector.pace import Share
from collector.run.result import End
from collector.run.run import ShardContext
from collector.settings import RunSettings
from collector.store.files import CLUSTER_LOCK
from collector.telemetry.histogram import CompanyLatencies, LatencyHistogram

__all__ = ["Orders", "Result", "ShardStatus", "Site", "Task", "name_of_plan"]


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What all shards are told, twice a second; `beat` counts, to show that somebody is there.

    Rates are requests a second, times seconds from now; None stands for no end. A token without an
    end cannot be renewed. `exit_code` ends the shards in order, `at_once` without waiting for
    what is in flight. The rate is shared by so many `senders`.
    """

    beat: int
    senders: int
    ceiling: float | None
    start: float
    limit: float | None
    token: str
    token_number: int
    renew_in: float | None
    ends_in: float | None
    exit_code: int | None = None
    why: str | None = None
    at_once: bool = False

    def __repr__(self) -> str:
        """Leave the token out."""
        return f"Orders(beat={self.beat}, exit_code={self.exit_code})"

    @property
    def share(self) -> Share:
        """The share of each shard."""
        return Share(_or_inf(self.ceiling), self.start, self.limit)

    @property
    def handed_token(self) -> HandedToken:
        """The token, as it comes."""
        return HandedToken(
            self.token_number, Secret(self.token), _or_inf(self.renew_in), _or_inf(self.ends_in)
        )

    @property
    def is_renewable(self) -> bool:
        """Whether there can be another token."""
        return self.ends_in is not None

    def encoded(self) -> bytes:
        """Return the message as it is sent."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, message: bytes) -> "Orders":
        """Read a message."""
        return msgspec.msgpack.decode(message, type=cls)


class ShardStatus(msgspec.Struct, kw_only=True):
    """What a shard has done so far: the counts of its `Tally`, and how its gate stands.

    `wants` is the number of the token that a newer one is needed for. A shard whose worker died
    begins anew in another: that is another `life`. Its `rate` is that of one of so many `senders`,
    as far as it has heard.
    """

    shard: int
    life: str
    planned: int
    kept: dict[str, int]
    cells: dict[str, int]
    failure_kinds: dict[str, int]
    requests: int
    in_flight: int
    retries: int
    retrying: int
    refused: int
    resent: int
    held_up: int
    statuses: dict[int, int]
    broken: dict[str, int]
    rate: float
    senders: int
    limit: float | None
    open_cause: str | None
    closed_for: float
    wants: int | None = None

    def encoded(self) -> bytes:
        """Return the message as it is sent."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, message: bytes) -> "ShardStatus":
        """Read a message."""
        return msgspec.msgpack.decode(message, type=cls)


@dataclass(frozen=True, slots=True)
class Site:
    """The run directory, what stands in the lock of whoever hands out shards, and the version.

    A worker that does not find the same has another file system, or another collector.
    """

    directory: Path
    lock: bytes
    version: str

    def trouble(self) -> str | None:
        """Say what is different here; None if nothing is."""
        if self.version != __version__:
            return f"has collector {__version__}, this is {self.version}; install the same there"
        try:
            is_same = (self.directory / CLUSTER_LOCK).read_bytes() == self.lock
        except OSError:
            is_same = False
        if is_same:
            return None
        return (
            f"does not see {self.directory}; --output must be on a file system that all its "
            "machines share"
        )


@dataclass(frozen=True, slots=True)
class Task:
    """One shard, as it is handed to a worker. `settings` name it; there are no secrets among them.

    `channel` is the name under which orders come, and reports go; `site` what a worker must find.
    """

    settings: RunSettings
    site: Site
    context: ShardContext
    channel: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a shard; without a report if it was not even begun."""

    end: End
    remarks: tuple[str, ...] = ()
    report: ShardStatus | None = None
    latencies: LatencyHistogram = field(default_factory=LatencyHistogram)
    company_latencies: CompanyLatencies = field(default_factory=CompanyLatencies)


def name_of_plan(channel: str) -> str:
    """Return the name under which the plan lies on the scheduler."""
    return f"{channel}-plan"


def _or_inf(value: float | None) -> float:
    return float("inf") if value is None else value
