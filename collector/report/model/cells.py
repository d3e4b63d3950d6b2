"""What was planned, and what has come of it."""

from dataclasses import dataclass
from datetime import date

__all__ = ["Company", "CompanyGap", "CompanyGroup", "CoverageMap", "Tile", "WindowSpan"]


@dataclass(frozen=True, slots=True)
class Company:
    """A company: its id, and the name that the companies file gives it, if any."""

    id: str
    name: str | None


@dataclass(frozen=True, slots=True)
class WindowSpan:
    """`windows` neighbouring windows as one column; the dates are None for the server's default.

    `days` is how long its windows are together, which is less than from one date to the other if
    there are days between them; None if one of them is the server's default.
    """

    from_date: date | None
    until_date: date | None
    windows: int
    days: int | None


@dataclass(frozen=True, slots=True)
class CompanyGroup:
    """`companies` neighbours of the companies file as one row, from `first` to `last`."""

    first: Company
    last: Company
    companies: int


@dataclass(frozen=True, slots=True)
class Tile:
    """How many cells of a group and a span are in each state; their sum is what was planned.

    All four are 0 where nothing was planned (several runs of different plans).
    """

    data: int
    empty: int
    failed: int
    missing: int


@dataclass(frozen=True, slots=True)
class CompanyGap:
    """A company that lacks answers: how many of its cells failed, how many are missing."""

    company: Company
    failed: int
    missing: int
    planned: int


@dataclass(frozen=True, slots=True)
class CoverageMap:
    """The heat map: `tiles[row][column]` belongs to `groups[row]` and `spans[column]`.

    `total` sums all tiles. `gaps` are the companies that lack most answers, at most 50 of
    `companies_with_gaps`. A cell that any of the runs has answered is answered. `is_known` is False
    if the list of companies of some run could not be read, or was edited: then cells may be missing
    that nobody knows of, and those are counted that have an answer or an error line.
    """

    groups: tuple[CompanyGroup, ...]
    spans: tuple[WindowSpan, ...]
    tiles: tuple[tuple[Tile, ...], ...]
    total: Tile
    gaps: tuple[CompanyGap, ...]
    companies_with_gaps: int
    is_known: bool
