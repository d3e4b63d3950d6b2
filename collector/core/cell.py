"""Cells: what is to be collected, and their states.

They are separate from `collector.core.outcome`, which has the answers and imports their parser:
options and plan are checked without it.
"""

from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from collector.core.text import days_text

__all__ = ["GAP", "SERVER_DEFAULT", "Cell", "CellState", "Window"]


class Window(NamedTuple):
    """A range of days, both ends included; `SERVER_DEFAULT` when no dates are sent at all."""

    from_date: date | None
    until_date: date | None

    def __str__(self) -> str:
        """Show the window for people: see `days_text`."""
        return days_text(self.from_date, self.until_date)


SERVER_DEFAULT: Final = Window(None, None)
"""The window that the server chooses when it is sent no dates (the last 7 days)."""


class Cell(NamedTuple):
    """One company in one window: the unit of work, of resume and of coverage."""

    company_id: str
    window: Window


class CellState(StrEnum):
    """State of a planned cell: an answer, a permanent failure, or nothing yet."""

    DATA = "data"
    EMPTY = "empty"
    FAILED = "failed"
    MISSING = "missing"


GAP: Final = "gap"
"""A day of a company that none of several runs has an answer for."""
