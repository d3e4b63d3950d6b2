"""What a shard gets from the process that distributes the shards."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.core.cell import CellState
from collector.pace import Share
from collector.store.manifest import DatesRecord
from collector.store.surveyed import HandedOver, Surveyed

__all__ = ["ShardContext"]


@dataclass(frozen=True, slots=True)
class ShardContext:
    """What a shard gets from the process that distributes the shards.

    `share` is its part of the rate, `dates` the result of the verification of the dates; for
    `surveyed` and `answered` see `HandedOver`. Its tokens come from a `TokenProvider`.
    """

    share: Share
    dates: DatesRecord | None
    surveyed: Surveyed | None = None
    answered: Mapping[CellState, int] = field(default_factory=dict)

    @property
    def handed_over(self) -> HandedOver:
        """What the shard need not find out by itself."""
        return HandedOver(self.dates, self.surveyed, self.answered)
