"""Messages between the process that the user started and the shards on the workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from collector.cluster.site import Site
from collector.core.cell import CellState
from collector.http.network import Network
from collector.http.token import Token
from collector.pace import PaceView, Share
from collector.plan import Plan, Shard
from collector.run.result import End
from collector.settings import RunSettings
from collector.store.manifest import DatesRecord
from collector.store.surveyed import Surveyed
from collector.telemetry.histogram import CompanyLatencies, LatencyHistogram
from collector.telemetry.stats import Counts

__all__ = ["Common", "Orders", "Result", "ShardStatus", "Task", "name_of_common"]


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """The orders to all shards.

    * `version`: grows with each change, apart from the times of the token.
    * `share`: the share of the rate of each shard that runs.
    * `token`, `token_number`: the newest token; the number grows with each new one. In a message
      its times are seconds from now. One that does not end cannot be renewed.
    * `end`: stop the shards gracefully, for this reason.
    * `at_once`: stop without waiting for requests in flight.
    """

    share: Share
    token: Token
    token_number: int = 1
    version: int = 0
    end: End | None = None
    at_once: bool = False

    def encoded(self, now: float) -> bytes:
        """Return the message as MessagePack; `now` is monotonic seconds, as those of the token."""
        sent = msgspec.structs.replace(self, token=self.token.moved(-now))
        return msgspec.msgpack.encode(sent)


class ShardStatus(msgspec.Struct, kw_only=True):
    """The status of a shard: its counts, and the rate of its gate.

    * `shard`: its number.
    * `incarnation`: identifies one execution. A shard whose worker died has another one.
    * `pace`: the rate in force, and the limit found last, for this shard alone.
    * `senders`: how many share the rate, by the last orders that it has received.
    * `stale_token`: the number of a token that has to be replaced; None if there is none.
    """

    shard: int
    incarnation: str
    counts: Counts
    pace: PaceView
    senders: int
    stale_token: int | None = None

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
    * `settings`: those of the run, without what concerns all shards together.
    * `network`: how the service is reached, as the process that the user started has read it.
    * `dates`: what is known about the dates.
    * `surveyed`: the answers that no shard has to read; None if each reads them.
    * `answered`: how many of those each shard has, by their state.
    """

    plan: Plan
    settings: RunSettings
    network: Network
    dates: DatesRecord | None = None
    surveyed: Surveyed | None = None
    answered: Sequence[Mapping[CellState, int]] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One shard, as it is sent to a worker. It contains no secrets.

    * `shard`: which one.
    * `site`: what the worker must find.
    * `channel`: the name of the Dask variable with orders, and of the topic with their versions.
    * `statuses`: the topic for statuses.
    """

    shard: Shard
    site: Site
    channel: str
    statuses: str

    @property
    def key(self) -> str:
        """The name of the task on the Dask cluster."""
        return f"{self.channel}-{self.shard.number}"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a shard; without a status if it has not read its files."""

    end: End
    remarks: tuple[str, ...] = ()
    status: ShardStatus | None = None
    latencies: LatencyHistogram = field(default_factory=LatencyHistogram)
    company_latencies: CompanyLatencies = field(default_factory=CompanyLatencies)


def name_of_common(channel: str) -> str:
    """Return the name of the Dask variable with what is sent once."""
    return f"{channel}-common"
