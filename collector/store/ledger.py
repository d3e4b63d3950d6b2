"""The cells of lines; lines of no planned cell and duplicates are counted."""

from typing import Final

from collector.core.text import counted, days_text, escaped
from collector.plan import CellIndex, CellSet, Plan
from collector.store.lines import ErrorLine, ResultLine

__all__ = ["Ledger"]


class Ledger:
    """The cells that lines of results were found for, in `done`, and counts of odd lines.

    Takes one bit of memory per cell, and 16 to 32 bytes per company.
    """

    def __init__(self, plan: Plan, done: CellSet | None = None) -> None:
        """Begin with the cells of `done`, whose lines were read before; with none by default."""
        self.done: Final = CellSet(len(plan)) if done is None else done
        self.unplanned = 0
        self.doubled = 0
        self._first_unplanned = ""
        self._first_doubled = ""
        self._find = CellIndex(plan).find
        self._add = self.done.add

    def place(self, line: ResultLine) -> int | None:
        """Return the index of the cell of its first line; None for other and unplanned lines."""
        index = self._find(line.company_id, line.from_date, line.until_date)
        if index is not None and self._add(index):
            return index
        self._count_odd(line, index)
        return None

    def _count_odd(self, line: ResultLine, index: int | None) -> None:
        if index is None:
            self._first_unplanned = self._first_unplanned or _cell(line)
            self.unplanned += 1
        else:
            self._first_doubled = self._first_doubled or _cell(line)
            self.doubled += 1

    def find(self, line: ErrorLine) -> int | None:
        """Return the index of the cell of a line; None if it is not in the plan."""
        return self._find(line.company_id, line.from_date, line.until_date)

    def remarks(self) -> list[str]:
        """Return what is odd about the lines, as texts for the user."""
        remarks = []
        if self.unplanned:
            remarks.append(
                f"{counted(self.unplanned, 'of the lines belongs', 'of the lines belong')} to no "
                f"cell of the plan; the first is of {self._first_unplanned}"
            )
        if self.doubled:
            one, many = "of the lines is of a cell that has", "of the lines are of cells that have"
            remarks.append(
                f"{counted(self.doubled, one, many)} a line already; "
                f"the first is of {self._first_doubled}"
            )
        return remarks


def _cell(line: ResultLine) -> str:
    return f"company {escaped(line.company_id)}, {days_text(line.from_date, line.until_date)}"
