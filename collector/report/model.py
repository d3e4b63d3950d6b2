"""Values that several features of the page share, and the conventions of all its values.

Values are aggregated, so that only drawing is left. Days are dates, both ends of a window included;
`None` stands for the server's default window. Moments are aware datetimes in UTC. Texts that come
from data (ids, names, actions, messages, paths) are raw: code that puts them into a page escapes
them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Self

__all__ = ["Company", "Tile", "WindowSpan"]


@dataclass(frozen=True, slots=True)
class Company:
    """A company: its id, and its name in the companies file, if any."""

    id: str
    name: str | None


@dataclass(frozen=True, slots=True)
class WindowSpan:
    """`windows` neighbouring windows as one column; the dates are None for the server's default.

    `days` is the length of its windows together, which is less than from one date to the other if
    there are days between them; None for the server's default. `is_partial` says that it has only
    some days of its week, month or window, because no run was asked for the others: its sums are
    not to be compared with those of others.
    """

    from_date: date | None
    until_date: date | None
    windows: int
    days: int | None
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    """How many of some planned cells are in each state.

    All four are 0 where nothing was planned (several runs of different plans).
    """

    data: int
    empty: int
    failed: int
    missing: int

    @classmethod
    def sum(cls, tiles: Iterable[Self]) -> Self:
        """Add up tiles."""
        counts = [(tile.data, tile.empty, tile.failed, tile.missing) for tile in tiles]
        return cls(*(sum(column) for column in zip((0, 0, 0, 0), *counts, strict=True)))

    @property
    def answered(self) -> int:
        """Cells with an answer."""
        return self.data + self.empty

    @property
    def lacking(self) -> int:
        """Cells without an answer."""
        return self.failed + self.missing

    @property
    def lacks_many(self) -> bool:
        """Whether 1 % or more lack an answer: then sums over the cells are visibly too low."""
        return self.lacking > 0 and 100 * self.lacking >= self.planned

    @property
    def planned(self) -> int:
        """All cells."""
        return self.answered + self.lacking
