"""The answers of a run, by its lines and checkpoints: of which cells, and what else they show."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from collector.core.cell import SERVER_DEFAULT, CellState
from collector.core.errors import StoppedError
from collector.plan import AnsweredCells, CellSet, Part
from collector.store.checkpoint import Checkpoint
from collector.store.files import PartFiles
from collector.store.ledger import Ledger
from collector.store.lines import parse_result
from collector.store.own_lines import OwnLines
from collector.store.prefix import Prefix
from collector.store.repair import ByteRange, damaged_spans
from collector.store.surveyed import Elsewhere, HandedOver

__all__ = ["Results"]

_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 9000
"""Years outside of these are damage, and would break arithmetic with time zones."""

_LOOK_UP_EVERY: Final = 256
"""Lines that are read between two checks whether the run is to stop."""

_SEVERAL: Final = 2
"""Maximum number of companies with empty answers that are recorded."""


class Results:
    """The done cells, filled from checkpoints and from the lines that follow them.

    `kept` counts those of the part by state. `newest` is the time of the last answer of a run
    without dates, in the lines read so far and in the records of other shards. Of the file that is
    read last, which is that of the part, `prefix` are the bytes, of which a checkpoint has covered
    `restored`; `cells` are its cells, but None in a survey, and `newest_read` is its last answer.
    """

    def __init__(
        self,
        part: Part,
        is_stopped: Callable[[], bool],
        empty: CellSet | None = None,
        elsewhere: Elsewhere | None = None,
        handed: HandedOver | None = None,
    ) -> None:
        self.handed = handed
        self.ledger = Ledger(part.plan)
        self._kept = self._empty = 0
        self._part = part
        self._is_whole = part.shard.is_whole
        self._read = 0
        self._is_stopped = is_stopped
        # Only answers of the server's default window get outdated.
        self._has_age = part.plan.windows[0] == SERVER_DEFAULT
        self.newest_read: datetime | None = None
        self._others_newest: datetime | None = None
        self._empty_cells = empty
        self.empty_companies: set[str] = set()
        self._elsewhere = elsewhere
        self.cells: AnsweredCells | None = None
        self.prefix, self.restored = Prefix(), 0
        self._has_strays = False
        self._own = OwnLines(part)
        self._own_files: PartFiles | None = None
        self._is_identified = False

    def begin(
        self, own: PartFiles, parts: list[PartFiles], *, is_identified: bool
    ) -> list[PartFiles]:
        """Return the files of `parts` to read: only the own one if what was handed over is current.

        Each line is decoded unless the files are identified by a manifest. Raises `OSError`.
        """
        self._own_files, self._is_identified = own, is_identified
        if self._elsewhere is not None:
            self._elsewhere.begin(parts)
        others = [other for other in parts if other != own]
        if self.handed is None or (done := self.handed.done(others, self._part)) is None:
            return parts
        self.ledger = Ledger(self._part.plan, done)
        self._empty = self.handed.answered.get(CellState.EMPTY, 0)
        self._kept = self._empty + self.handed.answered.get(CellState.DATA, 0)
        return [own]

    def read(self, parts: Sequence[PartFiles]) -> dict[PartFiles, list[ByteRange]]:
        """Read the answers of parts, the own one last; return the damage.

        Lines that a checkpoint covers are not decoded. Raises `OSError` and `StoppedError`.
        """
        return {files: self._read_part(files) for files in parts}

    def _read_part(self, files: PartFiles) -> list[ByteRange]:
        is_own = files == self._own_files
        self.cells, self._has_strays = self._cells_of(files), False
        self._others_newest, self.newest_read = self.newest, None
        # A shard skips most lines of another file; a checkpoint of that has cells of all shards.
        self.prefix = self._restored(files) if self._is_whole or is_own else Prefix()
        self.restored = self.prefix.size
        decodes_all = is_own or not self._is_identified or not self._own.can_tell
        take = self.take if decodes_all else self._take_own
        return damaged_spans(files.statistics, take, self.prefix)

    def _cells_of(self, files: PartFiles) -> AnsweredCells | None:
        """Return what takes the cells of a file, beside the done cells of all files."""
        if self._elsewhere is not None:
            is_elsewhere = not self._elsewhere.is_all and self._elsewhere.has(files)
            return self._elsewhere if is_elsewhere else None
        if files != self._own_files:
            return None
        size = len(self._part.plan)
        return AnsweredCells(CellSet(size) if self.ledger.done else self.ledger.done, CellSet(size))

    def _restored(self, files: PartFiles) -> Prefix:
        """Record what the checkpoint of a part has; return the bytes that it is about.

        There are none if it does not hold, or a cell has a line elsewhere: only lines tell of that.
        """
        plan = self._part.plan
        found = Checkpoint.read(files, plan)
        if found is None:
            return Prefix()
        prefix = Prefix()
        with suppress(FileNotFoundError):
            prefix = Prefix.of(files.statistics, found.lines.size, is_stopped=self._is_stopped)
        cells = found.cells(plan) if prefix.record() == found.lines else None
        if cells is None or not self.ledger.done.is_disjoint(cells.done):
            return Prefix()
        self.ledger.done.update(cells.done)
        if self.cells is not None:
            self.cells.update(cells)
        self._kept += len(cells.done)
        self._empty += len(cells.empty)
        if self._empty_cells is not None:
            self._empty_cells.update(cells.empty)
        self.newest_read = found.newest
        index = cells.empty.first()
        while index is not None and len(self.empty_companies) < _SEVERAL:
            company, _ = plan.places(index)
            self.empty_companies.add(plan.companies.ids[company])
            index = cells.empty.first(plan.span(company).stop)
        return prefix

    def _take_own(self, line: bytes) -> bool:
        # Always decode the first line, because the run must know whether the server has answered.
        if self.ledger.done and self._own.is_other(line):
            self._look_up()
            return True
        return self.take(line)

    def _look_up(self) -> None:
        self._read += 1
        if self._read % _LOOK_UP_EVERY == 0 and self._is_stopped():
            raise StoppedError

    def others_newest(self, newest: datetime | None) -> None:
        """Record when other shards had their last answer."""
        self._others_newest = newest if self._has_age else None

    @property
    def newest(self) -> datetime | None:
        """When the last answer was fetched, of a run without dates; None otherwise."""
        return max(filter(None, (self.newest_read, self._others_newest)), default=None)

    @property
    def is_odd(self) -> bool:
        """Whether lines are of no planned cell, doubled, or, in the own file, of other shards."""
        return bool(self.ledger.unplanned or self.ledger.doubled or self._has_strays)

    def take(self, line: bytes) -> bool:
        """Record a line; return False if it is damaged. Raises `StoppedError` when told to stop."""
        self._look_up()
        return self.record(line)

    def record(self, line: bytes) -> bool:
        """Do the same without being stopped."""
        result = parse_result(line)
        if result is None or (self._has_age and not self._date(result.fetched_at)):
            return False
        index = self.ledger.place(result)
        if index is None:
            return True
        if not self._is_whole and index not in self._part:
            self._has_strays = True
            return True
        self._kept += 1
        if result.statistics.is_empty:
            self._empty += 1
            if len(self.empty_companies) < _SEVERAL:
                self.empty_companies.add(result.company_id)
            if self._empty_cells is not None:
                self._empty_cells.add(index)
        if self.cells is not None:
            self.cells.add(index, is_empty=result.statistics.is_empty)
        return True

    def _date(self, fetched_at: datetime) -> bool:
        """Record the time of an answer; return False if its year is impossible."""
        if not _FIRST_YEAR <= fetched_at.year <= _LAST_YEAR:
            return False
        if self.newest_read is None or fetched_at > self.newest_read:
            self.newest_read = fetched_at
        return True

    @property
    def kept(self) -> Counter[CellState]:
        """The done cells of the part, counted by state."""
        data = self._kept - self._empty
        return Counter({CellState.DATA: data, CellState.EMPTY: self._empty})

    @property
    def is_complete(self) -> bool:
        """Whether all cells of the part are done."""
        return self._kept == len(self._part)
