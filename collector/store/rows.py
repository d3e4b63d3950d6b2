"""The lines of a run as rows, a few thousand at a time."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from collector.core.errors import InputError
from collector.store.lines import parse_results
from collector.store.recorded_run import RecordedRun
from collector.store.repair import ByteRange, left_out, lost_lines, pass_lines

__all__ = ["BITS", "WINDOW", "Cells", "Row", "RowReader", "bytes_of"]

BITS: Final = 31
"""Bits of the number of a company, and of a window."""

WINDOW: Final = (1 << BITS) - 1
"""The bits of the number of a cell that are the number of its window."""

Days = tuple[str | None, str | None]
"""The days of a window, ISO, or None for the server's default."""

Row = tuple[int, datetime, bytes]
"""The number of a cell, the moment its answer was fetched, and the line."""


_Key = TypeVar("_Key")


class _Numbers(dict[_Key, int]):
    """Gives each key the next number when it is first looked up."""

    def __missing__(self, key: _Key) -> int:
        number = self[key] = len(self)
        return number


class Cells:
    """Numbers for companies and windows, as they are first looked up.

    The number of a cell is that of its company, and `BITS` bits for its window.
    """

    def __init__(self) -> None:
        self.companies: Final = _Numbers[str]()
        self.windows: Final = _Numbers[Days]()
        self._days: list[Days] = []

    def days(self, window: int) -> Days:
        """Return the days of the window that has this number."""
        if window >= len(self._days):
            self._days = list(self.windows)
        return self._days[window]


class RowReader:
    """Reads the lines of a run in the order of its files.

    `place` says how far it is, and can be compared with that of a reader of another run with the
    same `cells`: the number of files, the highest company of the last batch, and the first day of
    its last line. For a run requests some companies after the other, and of these one window after
    the other.
    """

    def __init__(self, run: RecordedRun, cells: Cells) -> None:
        self.place: tuple[int, int, str] = (0, 0, "")
        self._run = run
        self._cells = cells
        self._counts: list[int] = []
        self._damaged: list[tuple[Path, list[ByteRange]]] = []

    @property
    def count(self) -> int:
        """The number of good lines that were read so far."""
        return sum(self._counts)

    def batches(self) -> Iterator[list[Row]]:
        """Yield the rows of about 1 MiB of lines. Raises `InputError` if a file is unreadable."""
        companies, windows = self._cells.companies, self._cells.windows
        rows: list[Row] = []

        def take(lines: list[bytes]) -> list[bool]:
            good: list[bool] = []
            for some, results in parse_results(lines):
                rows.extend(
                    [
                        (
                            companies[result.company_id] << BITS
                            | windows[result.from_date, result.until_date],
                            result.fetched_at,
                            line,
                        )
                        for line, result in zip(some, results, strict=True)
                        if result is not None
                    ]
                )
                good += [result is not None for result in results]
            return good

        for path in self._run.statistics():
            self._counts.append(0)
            damaged: list[ByteRange] = []
            self._damaged.append((path, damaged))
            try:
                for _ in pass_lines(path, take, damaged):
                    self._counts[-1] += len(rows)
                    if rows:
                        first_day, _ = self._cells.days(rows[-1][0] & WINDOW)
                        highest, _, _ = max(rows)
                        self.place = len(self._counts), highest >> BITS, first_day or ""
                    yield rows
                    rows = []
            except OSError as error:
                raise InputError(f"{path}: cannot be read: {error.strerror}") from error

    def remarks(self) -> list[str]:
        """Return texts about what was left out of the files, after the last batch."""
        is_growing = self._run.held_by is not None
        return [
            remark
            for path, damaged in self._damaged
            for remark in left_out(path, damaged, is_growing=is_growing)
        ]

    def lost(self, doubled: int) -> list[str]:
        """Return texts about lines that were removed, see `RecordedRun.lost`."""
        return self._run.lost(self._counts, doubled)

    @property
    def is_damaged(self) -> bool:
        """Whether damaged lines were left out."""
        return any(lost_lines(damaged) for _, damaged in self._damaged)


def bytes_of(rows: Iterable[Row]) -> int:
    """Return the bytes of the lines of rows."""
    return sum(len(line) for _, _, line in rows)
