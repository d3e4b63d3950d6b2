"""Which lines of other files are of cells of another shard; found without decoding them. Pure."""

from typing import Final
from zlib import crc32

from collector.core.cell import SERVER_DEFAULT
from collector.plan import Part
from collector.plan.shard import BLOCK

__all__ = ["OwnLines"]

_ID: Final = b'{"company_id":"'
_FROM: Final = b'","from_date":"'
_DAY: Final = len("2026-01-01")


class OwnLines:
    """Tells lines of cells of another shard from all other lines, in a quarter of the time.

    The shard of a cell depends on the id and the place of the window alone, see `Part`; both are
    read where the collector writes them. What is not written like that, and lines of windows that
    are not planned, count as own ones. So every line is decoded by one shard at least, and each
    damaged one is found.
    """

    def __init__(self, part: Part) -> None:
        plan = part.plan
        self._shard = part.shard
        self._blocks: dict[bytes, int] = {}
        # Without dates the time of every answer counts; with first days the place depends on them.
        if not (part.shard.is_whole or plan.first_windows or plan.windows[0] == SERVER_DEFAULT):
            for place, window in enumerate(plan.windows):
                if window.from_date is not None:
                    self._blocks[window.from_date.isoformat().encode()] = place // BLOCK

    @property
    def can_tell(self) -> bool:
        """Whether any line can be told from others."""
        return bool(self._blocks)

    def is_other(self, line: bytes) -> bool:
        """Tell whether a line is of a cell of another shard for sure."""
        if not line.startswith(_ID) or not line.endswith(b"}\n"):
            return False
        end = line.find(_FROM, len(_ID))
        company_id = line[len(_ID) : end]
        if end < 0 or b"\\" in company_id or b'"' in company_id:
            return False
        begin = end + len(_FROM)
        block = self._blocks.get(line[begin : begin + _DAY])
        number, total = self._shard
        return block is not None and (block + crc32(company_id)) % total != number
