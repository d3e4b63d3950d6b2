"""Shards: how the cells of a plan are divided among processes."""

import re
from array import array
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import repeat
from math import ceil
from typing import Final, NamedTuple
from zlib import crc32

from collector.core.text import quoted
from collector.plan.plan import Plan

__all__ = ["BLOCK", "MOST_SHARDS", "Part", "Shard", "blocks_in"]

MOST_SHARDS: Final = 10_000

_SHARD: Final = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")

BLOCK: Final = 8
"""Windows of a company that stay together. Seven equal windows of one company show that the server
has begun to ignore the dates; see `collector.dates.repetition`."""


class Shard(NamedTuple):
    """One of `total` shards, numbered from 0; 0/1 is the whole run."""

    number: int = 0
    total: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Parse `3/16`. Raises `ValueError` with a message that teaches."""
        match = _SHARD.fullmatch(text)
        if match is None:
            message = (
                f"{quoted(text)} is no shard; write its number, from 0, and how many there are: "
                "3/16"
            )
            raise ValueError(message)
        shard = cls(int(match[1]), int(match[2]))
        if not 1 <= shard.total <= MOST_SHARDS:
            message = f"{shard.total} shards cannot be; write 1 to {MOST_SHARDS:,} of them"
            raise ValueError(message)
        if shard.number >= shard.total:
            last = cls(shard.total - 1, shard.total)
            message = f"shards are numbered from 0: the last of {shard.total} is {last}"
            raise ValueError(message)
        return shard

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole run."""
        return self.total == 1

    @property
    def in_names(self) -> str:
        """Suffix of the names of its files: `-00003-of-00016`; empty for the whole run."""
        return "" if self.is_whole else f"-{self.number:05}-of-{self.total:05}"

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


def blocks_in(company_id: str, windows: int, total: int) -> Iterator[tuple[int, range]]:
    """Yield the blocks of a company's windows: the number of the shard of each, and its windows."""
    first = crc32(company_id.encode())
    for block in range(ceil(windows / BLOCK)):
        yield (block + first) % total, range(block * BLOCK, min((block + 1) * BLOCK, windows))


class Part:
    """The cells of a plan that belong to a shard; by default all of them.

    The windows that a company has are divided into consecutive blocks of 8, which go to the shards
    in turn; the first shard depends on the id alone (its CRC-32). So every cell belongs to one
    shard, the same on every machine, and stays there when companies are added to the plan, or
    windows at its end. Shards are about equal, with many companies and with many windows. Takes 2
    bytes per company, and nothing if the shard is the whole run.
    """

    def __init__(self, plan: Plan, shard: Shard = Shard()) -> None:  # noqa: B008 - a constant
        self.plan: Final = plan
        self.shard: Final = shard
        self._first_blocks = array("H")
        if not shard.is_whole:
            self._first_blocks.extend(
                (shard.number - crc32(company_id.encode())) % shard.total
                for company_id in plan.companies.ids
            )
        self._size = self._count()

    def __len__(self) -> int:
        """Count the cells."""
        return self._size

    def __contains__(self, index: int) -> bool:
        """Tell whether a cell of the plan belongs to the shard."""
        if self.shard.is_whole:
            return True
        company, _ = self.plan.places(index)
        block = (index - self.plan.span(company).start) // BLOCK
        return (block - self._first_blocks[company]) % self.shard.total == 0

    def spans(self, company: int) -> Iterator[range]:
        """Yield the ranges of indexes in the plan that belong to the shard, for one company."""
        span = self.plan.span(company)
        if self.shard.is_whole:
            yield span
            return
        for block in range(self._first_blocks[company], ceil(len(span) / BLOCK), self.shard.total):
            yield span[block * BLOCK : (block + 1) * BLOCK]

    def _count(self) -> int:
        if self.shard.is_whole:
            return len(self.plan)

        @cache
        def cells(first_block: int, width: int) -> int:
            blocks = range(first_block, ceil(width / BLOCK), self.shard.total)
            return sum(min(BLOCK, width - block * BLOCK) for block in blocks)

        windows = len(self.plan.windows)
        widths = (windows - first for first in self.plan.first_windows or repeat(0))
        kinds = Counter(zip(self._first_blocks, widths, strict=False))
        return sum(companies * cells(*kind) for kind, companies in kinds.items())
