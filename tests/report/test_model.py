from collector.report.model import Tile


def test_tiles_add_up_state_by_state() -> None:
    """No tile at all is one of nothing planned."""
    both = Tile.sum((Tile(1, 2, 3, 4), Tile(10, 20, 30, 40)))
    assert both == Tile(11, 22, 33, 44)
    assert (both.answered, both.lacking, both.planned) == (33, 77, 110)
    assert Tile.sum(()) == Tile(0, 0, 0, 0)
