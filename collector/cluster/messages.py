"""Messages between the process that the user started and the shards on the workers."""

from dataclasses import dataclass, field

import msgspec

from collector.cluster.site import Site
from collector.cluster.token_feed import ReceivedToken
from collector.core.secrets import Secret
from collector.http.network import Network
from collector.pace import Share
from collector.plan import Plan
from collector.run.result import End
from collector.run.shard_context import ShardContext
from collector.settings import RunSettings
from collector.store.surveyed import Surveyed
from collector.telemetry.histogram import CompanyLatencies, LatencyHistogram

__all__ = ["Common", "Orders", "Result", "ShardStatus", "Task", "name_of_common"]


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """The orders to all shards.

    Rates are requests per second, times are seconds from now; None means no limit.

    * `version`: grows with each change, apart from the times, which are those of the moment.
    * `senders`: how many shards share the rate.
    * `ceiling`, `start`, `limit`: the share of each; see `collector.pace.Share`.
    * `token`, `token_number`: the newest token; the number grows with each new one.
    * `renew_in`, `ends_in`, `issued_ago`: the times of the token. One that does not end cannot be
      renewed. The issue of one that the user gave is not known.
    * `exit_code`, `why`: stop the shards gracefully.
    * `at_once`: stop without waiting for requests in flight.
    """

    version: int
    senders: int
    ceiling: float | None
    start: float
    limit: float | None
    token: str
    token_number: int
    renew_in: float | None
    ends_in: float | None
    issued_ago: float | None
    exit_code: int | None = None
    why: str | None = None
    at_once: bool = False

    def __repr__(self) -> str:
        """Leave the token out."""
        return f"Orders(version={self.version}, exit_code={self.exit_code})"

    @property
    def share(self) -> Share:
        """The share of the rate of each shard."""
        return Share(_or_inf(self.ceiling), self.start, self.limit)

    @property
    def received_token(self) -> ReceivedToken:
        """The token, with its number and times."""
        return ReceivedToken(
            self.token_number,
            Secret(self.token),
            _or_inf(self.renew_in),
            _or_inf(self.ends_in),
            _or_inf(self.issued_ago),
        )

    @property
    def is_renewable(self) -> bool:
        """Whether the token can be renewed."""
        return self.ends_in is not None

    def encoded(self) -> bytes:
        """Return the message as MessagePack."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, message: bytes) -> "Orders":
        """Decode a message."""
        return msgspec.msgpack.decode(message, type=cls)


class ShardStatus(msgspec.Struct, kw_only=True):
    """The status of a shard: the counts of its `RunStats`, and the rate of its gate.

    * `shard`: its number.
    * `incarnation`: identifies one execution. A shard whose worker died has another one.
    * `planned` to `broken`: as in `RunStats`, by the values of the enumerations.
    * `companies`: two companies at most with cells of a state, failed or empty.
    * `rate`, `limit`: in force, and found last, in requests per second, for this shard alone.
    * `senders`: how many share the rate, by the last orders that it has received.
    * `open_cause`, `next_probe_in`: why its circuit is open, and the seconds until the next probe.
    * `last_error`: the service and its last failure, while the circuit is open.
    * `stale_token`: the number of a token that has to be replaced; None if there is none.
    """

    shard: int
    incarnation: str
    planned: int
    kept: dict[str, int]
    cells: dict[str, int]
    companies: dict[str, list[str]]
    failure_kinds: dict[str, int]
    requests: int
    in_flight: int
    retries: int
    retrying: int
    good: int
    refused: int
    resent: int
    held_up: int
    statuses: dict[int, int]
    broken: dict[str, int]
    rate: float
    senders: int
    limit: float | None
    open_cause: str | None
    next_probe_in: float
    last_error: str | None
    stale_token: int | None = None

    def encoded(self) -> bytes:
        """Return the message as MessagePack."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, message: bytes) -> "ShardStatus":
        """Decode a message."""
        return msgspec.msgpack.decode(message, type=cls)


@dataclass(frozen=True, slots=True)
class Common:
    """What all shards need, sent once.

    The password of a proxy may be in it: it is stored where the token is, in the memory of the Dask
    scheduler, and deleted with it.

    * `plan`: the cells of the whole run.
    * `network`: how the service is reached, as the process that the user started has read it.
    * `surveyed`: the answers that no shard has to read; None if each reads them.
    """

    plan: Plan
    network: Network
    surveyed: Surveyed | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One shard, as it is sent to a worker. It contains no secrets.

    * `settings`: those of the run, with this shard.
    * `site`: what the worker must find.
    * `context`: the first share of the rate, and what is known about the dates.
    * `channel`: the name of the Dask variable with orders, and of the topic with their versions.
    * `statuses`: the topic for statuses.
    """

    settings: RunSettings
    site: Site
    context: ShardContext
    channel: str
    statuses: str

    @property
    def key(self) -> str:
        """The name of the task on the Dask cluster."""
        return f"{self.channel}-{self.settings.shard.number}"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a shard; without a status if the shard was not started."""

    end: End
    remarks: tuple[str, ...] = ()
    status: ShardStatus | None = None
    latencies: LatencyHistogram = field(default_factory=LatencyHistogram)
    company_latencies: CompanyLatencies = field(default_factory=CompanyLatencies)


def name_of_common(channel: str) -> str:
    """Return the name of the Dask variable with what is sent once."""
    return f"{channel}-common"


def _or_inf(value: float | None) -> float:
    return float("inf") if value is None else value
