from datetime import date

import pytest

from collector.report.coverage.model import Fill, State, fill_of, narrowed, state_of
from collector.report.model import Tile
from tests.report import sample
from tests.report.parts import total

_LARGE, _SMALL = sample.large(), sample.small()


@pytest.mark.parametrize(
    ("tile", "state"),
    [
        (Tile(0, 0, 0, 0), None),
        (Tile(3, 3, 0, 0), State.DATA),
        (Tile(3, 4, 0, 0), State.EMPTY),
        (Tile(900, 0, 1, 0), State.FAILED),
        (Tile(900, 0, 9, 1), State.MISSING),
    ],
)
def test_a_tile_is_marked_by_the_worst_of_its_cells(tile: Tile, state: State | None) -> None:
    """One missing cell among 900 is seen; where nothing was planned, nothing is."""
    assert state_of(tile) is state


@pytest.mark.parametrize(
    ("tile", "fill"),
    [
        (Tile(0, 0, 0, 0), None),
        (Tile(9, 0, 0, 0), Fill.DATA),
        (Tile(5, 5, 0, 0), Fill.DATA),
        (Tile(4, 5, 0, 0), Fill.EMPTY),
        (Tile(0, 5, 0, 0), Fill.EMPTY),
        (Tile(998, 0, 1, 1), Fill.DATA),
        (Tile(0, 991, 0, 9), Fill.EMPTY),
        (Tile(990, 0, 1, 9), Fill.FEW),
        (Tile(98, 0, 1, 1), Fill.FEW),
        (Tile(91, 0, 9, 0), Fill.FEW),
        (Tile(90, 0, 9, 1), Fill.MANY),
        (Tile(51, 0, 0, 49), Fill.MANY),
        (Tile(5, 0, 5, 0), Fill.MOST),
        (Tile(0, 0, 0, 1), Fill.MOST),
    ],
)
def test_a_tile_is_filled_by_the_share_that_lacks(tile: Tile, fill: Fill | None) -> None:
    """Two missing cells of a thousand do not paint a large run orange: 1 % is where it matters."""
    assert fill_of(tile, single=False) is fill


def test_a_tile_of_one_cell_is_filled_by_its_state() -> None:
    """There is no share to show."""
    cells = (Tile(1, 0, 0, 0), Tile(0, 1, 0, 0), Tile(0, 0, 1, 0), Tile(0, 0, 0, 1))
    fills = [fill_of(cell, single=True) for cell in cells]
    assert fills == [Fill.DATA, Fill.EMPTY, Fill.FAILED, Fill.MISSING]


def test_a_narrow_map_loses_no_cell() -> None:
    """Neighbouring columns are summed; a map that is narrow enough stays as it is."""
    narrow = narrowed(_LARGE.coverage, 36)
    assert [span.windows for span in narrow.spans] == [12, *[14] * 25, 3]
    assert [span.is_partial for span in narrow.spans] == [True, *[False] * 25, True]
    assert total([tile for row in narrow.tiles for tile in row]) == _LARGE.coverage.total
    assert (narrow.spans[0].from_date, narrow.spans[-1].until_date) == (
        date(2025, 1, 1),
        date(2025, 12, 31),
    )
    assert narrowed(_SMALL.coverage, 36) is _SMALL.coverage
