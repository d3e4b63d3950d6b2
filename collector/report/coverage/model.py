"""What was planned and what has an answer: the values, and how a map of them is read."""

from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from typing import Final

from collector.report.bins import cut
from collector.report.model import Company, Tile, WindowSpan

__all__ = [
    "CompanyGap",
    "CompanyGroup",
    "CoverageMap",
    "Fill",
    "State",
    "fill_of",
    "narrowed",
    "state_of",
]


@dataclass(frozen=True, slots=True)
class CompanyGroup:
    """`companies` neighbours of the companies file as one row, from `first` to `last`."""

    first: Company
    last: Company
    companies: int


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
    `companies_with_gaps`. A cell counts as answered if any of the runs has an answer; `older` are
    those of them that the newest run that planned them has not answered. `is_known` is False if the
    list of companies of a run cannot be read, or was edited: then only the cells with an answer or
    an error line are counted, and others may be missing.
    """

    groups: tuple[CompanyGroup, ...]
    spans: tuple[WindowSpan, ...]
    tiles: tuple[tuple[Tile, ...], ...]
    total: Tile
    gaps: tuple[CompanyGap, ...]
    companies_with_gaps: int
    is_known: bool
    older: int = 0

    @property
    def is_single(self) -> bool:
        """Whether each tile is one cell."""
        return all(group.companies == 1 for group in self.groups) and all(
            span.windows == 1 for span in self.spans
        )

    @property
    def by_group(self) -> dict[CompanyGroup, Tile]:
        """The cells of each row, over all windows."""
        return dict(zip(self.groups, map(Tile.sum, self.tiles), strict=True))

    @property
    def by_span(self) -> dict[WindowSpan, Tile]:
        """The cells of each column, over all companies."""
        columns = zip(*self.tiles, strict=True)
        return dict(zip(self.spans, map(Tile.sum, columns), strict=False))


class State(IntEnum):
    """The state of a cell, the worst last; the mark of a tile is the worst of its cells."""

    DATA = 0
    EMPTY = 1
    FAILED = 2
    MISSING = 3


class Fill(Enum):
    """The fill of a tile; the value names its colour in the palette.

    The fill of a single cell is its state. The fill of many cells is the share that is failed or
    missing if that is 1 % or more, else whether more than half of the answers are empty.
    """

    EMPTY = "empty"
    DATA = "data"
    FAILED = "failed"
    MISSING = "missing"
    FEW = "few"
    MANY = "many"
    MOST = "most"


_ONE_CELL: Final = {
    State.DATA: Fill.DATA,
    State.EMPTY: Fill.EMPTY,
    State.FAILED: Fill.FAILED,
    State.MISSING: Fill.MISSING,
}
_FROM: Final = ((50, Fill.MOST), (10, Fill.MANY))
"""Per cent of cells that are failed or missing, and the fill of a tile from that on."""


def state_of(tile: Tile) -> State | None:
    """Return the mark of a tile: one missing cell makes it missing. None: nothing planned."""
    if tile.missing:
        return State.MISSING
    if tile.failed:
        return State.FAILED
    if tile.empty > tile.data:
        return State.EMPTY
    return State.DATA if tile.data else None


def fill_of(tile: Tile, *, single: bool) -> Fill | None:
    """Return the fill of a tile, on a map of single cells or of many. None: nothing planned."""
    state = state_of(tile)
    if state is None:
        return None
    if single:
        return _ONE_CELL[state]
    if not tile.lacks_many:
        return Fill.EMPTY if tile.empty > tile.data else Fill.DATA
    found = (fill for limit, fill in _FROM if 100 * tile.lacking >= limit * tile.planned)
    return next(found, Fill.FEW)


def narrowed(coverage: CoverageMap, columns: int) -> CoverageMap:
    """Return the same coverage with at most so many columns, for a narrow screen."""
    if len(coverage.spans) <= columns:
        return coverage
    bins = cut(coverage.spans, columns)
    return replace(
        coverage,
        spans=tuple(one.span for one in bins),
        tiles=tuple(
            tuple(Tile.sum(row[one.members.start : one.members.stop]) for one in bins)
            for row in coverage.tiles
        ),
    )
