"""What a shard gets from the process that distributes the shards."""

from dataclasses import dataclass

from collector.pace import Share
from collector.store.manifest import DatesRecord

__all__ = ["ShardContext"]


@dataclass(frozen=True, slots=True)
class ShardContext:
    """What a shard gets from the process that distributes the shards.

    `share` is its part of the rate, `dates` the result of the verification of the dates. Its tokens
    come from a `TokenProvider`.
    """

    share: Share
    dates: DatesRecord | None
