"""What moved between answers of one cell."""

from dataclasses import dataclass
from datetime import date

from collector.report.model.cells import Company

__all__ = ["CountMovement", "RestatedCell", "RestatedWindow", "Restatements"]


@dataclass(frozen=True, slots=True)
class CountMovement:
    """By how much a count rose and fell over all restated cells; both are 0 or more.

    `name` is a counter (`total`, ...) or, if `is_action`, an action.
    """

    name: str
    is_action: bool
    rose: int
    fell: int


@dataclass(frozen=True, slots=True)
class RestatedWindow:
    """Of the `cells` of a window that were answered in more than one run, how many moved."""

    from_date: date | None
    until_date: date | None
    cells: int
    restated: int


@dataclass(frozen=True, slots=True)
class RestatedCell:
    """A cell that moved, and by how much over all its answers, counter by counter."""

    company: Company
    from_date: date
    until_date: date
    movements: tuple[CountMovement, ...]


@dataclass(frozen=True, slots=True)
class Restatements:
    """What became of cells that were answered more than once, from one answer to the next.

    `windows` are the newest 60 of the `all_windows` with such cells, the oldest first; `highest` is
    the one of all of them with the highest share of restated cells, None if there are no such
    cells. `examples` are the 20 cells that moved most, by the sum of what rose and fell.
    """

    cells: int
    restated: int
    windows: tuple[RestatedWindow, ...]
    all_windows: int
    highest: RestatedWindow | None
    movements: tuple[CountMovement, ...]
    examples: tuple[RestatedCell, ...]
