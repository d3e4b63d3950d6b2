"""Comparison of two runs: cells that were restated, that are new, and that are gone."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import Connection
from typing import Final

from collector.core.outcome import COUNTERS
from collector.plan import CellIndex
from collector.store.changes import AnsweredCell, Change, Changes, changes_between, read_cell
from collector.store.files import COMPANIES
from collector.store.lines import answer_at
from collector.store.newest import NewestLines
from collector.store.recorded_run import RecordedRun, find_runs

__all__ = ["Comparison", "Movement", "Restated", "Totals", "WindowCount", "compare"]


@dataclass(frozen=True, slots=True)
class Restated:
    """A cell whose answer has changed."""

    old: AnsweredCell
    new: AnsweredCell
    changes: Changes


@dataclass(slots=True)
class Movement:
    """The total increase and decrease of a count over all cells; both are 0 or more."""

    rose: int = 0
    fell: int = 0


@dataclass(slots=True)
class WindowCount:
    """The number of cells of a window that are in both runs, and of those that were restated."""

    cells: int = 0
    restated: int = 0


@dataclass(slots=True)
class Totals:
    """The totals of a comparison: cells, changes of counts, and windows by their ISO days.

    `counters` has every counter, `actions` those that differ in some cell. `gone_planned` counts
    the gone cells that are in the plan of the new run: they failed there, or are missing.
    """

    both: int = 0
    restated: int = 0
    new: int = 0
    gone: int = 0
    gone_planned: int = 0
    counters: dict[str, Movement] = field(
        default_factory=lambda: {name: Movement() for name in COUNTERS}
    )
    actions: dict[str, Movement] = field(default_factory=dict)
    windows: dict[tuple[str | None, str | None], WindowCount] = field(default_factory=dict)

    @property
    def unchanged(self) -> int:
        """The number of cells of both runs that were not restated."""
        return self.both - self.restated

    def windows_in_order(self) -> list[tuple[tuple[str | None, str | None], WindowCount]]:
        """Return the windows and their counts: the server's default, then the oldest first."""
        return sorted(self.windows.items(), key=lambda item: [day or "" for day in item[0]])


class Comparison:
    """The cells of an old run compared with those of a new one.

    The totals are in memory. The cells are on the disk and can be iterated, ordered by company and
    window, while the database is open. `remarks` are warnings for the user; `lacks_lines` says that
    damaged lines were left out.
    """

    def __init__(
        self, old: RecordedRun, new: RecordedRun, lines: NewestLines, remarks: Iterable[str]
    ) -> None:
        """Count the lines of both runs. Raises `InputError` if a plan is unreadable."""
        (old_plan, _), (self.new_plan, is_intact) = old.plan(), new.plan()
        self.old: Final = old
        self.new: Final = new
        self.remarks: Final = [*remarks, *_remarks(new, is_intact=is_intact)]
        self._lines = lines
        self._names = {**old_plan.companies.names, **self.new_plan.companies.names}
        self._find = CellIndex(self.new_plan).find
        self.lacks_lines: Final = lines.lacks_lines
        self.totals: Final = self._count()
        self.remarks.extend(_doubts(self.totals))

    def name(self, cell: AnsweredCell) -> str | None:
        """Return the name of a cell's company, if it has one; the new run takes precedence."""
        return self._names.get(cell.company_id)

    def is_planned(self, cell: AnsweredCell) -> bool:
        """Tell whether a cell is in the plan of the new run."""
        return self._find(cell.company_id, cell.from_date, cell.until_date) is not None

    def restated(self) -> Iterator[Restated]:
        """Yield the cells whose answer has changed."""
        for _, old, new in self._lines.cells():
            if old is not None and new is not None and (cell := _restated(old, new)):
                yield cell

    def only_new(self) -> Iterator[AnsweredCell]:
        """Yield the cells that have an answer in the new run only."""
        return (read_cell(new) for _, old, new in self._lines.cells() if old is None and new)

    def gone(self) -> Iterator[AnsweredCell]:
        """Yield the cells that have an answer in the old run only."""
        return (read_cell(old) for _, old, new in self._lines.cells() if new is None and old)

    def _count(self) -> Totals:
        totals = Totals()
        for days, cells in self._lines.equal().items():
            totals.both += cells
            totals.windows[days] = WindowCount(cells)
        for days, old, new in self._lines.cells():
            if old is None:
                totals.new += 1
            elif new is None:
                totals.gone += 1
                totals.gone_planned += self.is_planned(read_cell(old))
            else:
                totals.both += 1
                window = totals.windows.setdefault(days, WindowCount())
                window.cells += 1
                if cell := _restated(old, new):
                    totals.restated += 1
                    window.restated += 1
                    _add(cell.changes.counters, totals.counters)
                    _add(cell.changes.actions, totals.actions)
        return totals


def _restated(old: bytes, new: bytes) -> Restated | None:
    """Return a cell of two lines if its answer has changed."""
    if old[answer_at(old) :] == new[answer_at(new) :]:
        return None
    one, other = read_cell(old), read_cell(new)
    changes = changes_between(one.statistics, other.statistics)
    return changes and Restated(one, other, changes)


def compare(database: Connection, old: Path, new: Path) -> Comparison:
    """Compare two run directories by means of an empty scratch database.

    Of several lines of a cell in one run the newest counts. Takes about 450 bytes of memory per
    company, and two bits per cell. Raises `InputError` when a directory holds no readable run, or
    the runs are of different services.
    """
    old_run, new_run = find_runs([old, new])
    lines = NewestLines(database)
    of_old, of_new = lines.read_both(old_run, new_run)
    remarks = [*old_run.stored_twice(), *of_old, *new_run.stored_twice(), *of_new]
    return Comparison(old_run, new_run, lines, remarks)


def _remarks(new: RecordedRun, *, is_intact: bool) -> Iterator[str]:
    if not is_intact:
        yield (
            f"{new.directory / COMPANIES} was edited: what is gone may have been planned all the "
            "same"
        )
    if new.held_by:
        yield f"{new.directory}: {new.held_by} is running; what is gone may still come"


def _doubts(totals: Totals) -> Iterator[str]:
    if not totals.both and totals.new and totals.gone:
        yield (
            "no cell is in both runs: their windows are cut otherwise, or of other days; compare "
            "runs that have windows in common, such as days"
        )
    if (None, None) in totals.windows:
        yield (
            "windows without dates are the server's last days, which are others each night: that "
            "they differ does not mean that they were restated"
        )


def _add(changes: Mapping[str, Change], movements: dict[str, Movement]) -> None:
    for name, change in changes.items():
        movement = movements.get(name) or movements.setdefault(name, Movement())
        if (difference := change.difference) > 0:
            movement.rose += difference
        else:
            movement.fell -= difference
