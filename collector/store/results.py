"""The lines of results of a run: the cells that they are of, and what else they show."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from collector.core.cell import SERVER_DEFAULT, CellState
from collector.core.errors import StoppedError
from collector.plan import CellSet, Part
from collector.store.files import PartFiles
from collector.store.ledger import Ledger
from collector.store.lines import parse_result
from collector.store.own_lines import OwnLines
from collector.store.repair import ByteRange, damaged_spans
from collector.store.surveyed import Elsewhere, HandedOver

__all__ = ["Found", "Results"]

_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 9000
"""Years outside of these are damage, and would break arithmetic with time zones."""

_LOOK_UP_EVERY: Final = 256
"""Lines that are read between two checks whether the run is to stop."""

_SEVERAL: Final = 2
"""Maximum number of companies with empty answers that are recorded."""


class Found(NamedTuple):
    """What lines have shown beside the done cells; see `Checkpoint`."""

    kept: int
    empty: int
    newest: datetime | None
    empty_companies: tuple[str, ...]


class Results:
    """The done cells, filled from the lines of results.

    `kept` counts those of the part by state. `newest` is the time of the last answer of a run
    without dates, in the lines read so far and in the records of other shards.
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
        self._newest: datetime | None = None
        self._others_newest: datetime | None = None
        self._empty_cells = empty
        self.empty_companies: set[str] = set()
        self._elsewhere = elsewhere
        self._is_elsewhere = False
        self._own = OwnLines(part)
        self._own_files: PartFiles | None = None
        self._is_identified = False
        self.has_surveyed = False
        """Whether cells were taken over from the process that distributes the shards."""

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
        self.has_surveyed = bool(others)
        self.ledger = Ledger(self._part.plan, done)
        self._empty = self.handed.answered.get(CellState.EMPTY, 0)
        self._kept = self._empty + self.handed.answered.get(CellState.DATA, 0)
        return [own]

    def read(self, parts: Sequence[PartFiles]) -> dict[PartFiles, list[ByteRange]]:
        """Read the lines of parts; return the damage. Raises `OSError` and `StoppedError`."""
        return {other: damaged_spans(other.statistics, self.taker(other)) for other in parts}

    def taker(self, files: PartFiles) -> Callable[[bytes], bool]:
        """Return the function that records the lines of a file.

        It skips lines of other shards, unless the file is the own one.
        """
        is_own = files == self._own_files or not self._is_identified
        elsewhere = self._elsewhere
        self._is_elsewhere = elsewhere is not None and not elsewhere.is_all and elsewhere.has(files)
        return self.take if is_own or not self._own.can_tell else self._take_own

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
        return max(filter(None, (self._newest, self._others_newest)), default=None)

    def found(self) -> Found:
        """Return what all lines have shown."""
        return Found(self._kept, self._empty, self._newest, tuple(sorted(self.empty_companies)))

    def restore(self, found: Found) -> None:
        """Continue after lines that have shown this."""
        self._kept, self._empty, self._newest, companies = found
        self.empty_companies = set(companies)

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
        if index is not None and (self._is_whole or index in self._part):
            self._kept += 1
            if result.statistics.is_empty:
                self._empty += 1
                if len(self.empty_companies) < _SEVERAL:
                    self.empty_companies.add(result.company_id)
                if self._empty_cells is not None:
                    self._empty_cells.add(index)
            if self._is_elsewhere and self._elsewhere is not None:
                self._elsewhere.add(index, is_empty=result.statistics.is_empty)
        return True

    def _date(self, fetched_at: datetime) -> bool:
        """Record the time of an answer; return False if its year is impossible."""
        if not _FIRST_YEAR <= fetched_at.year <= _LAST_YEAR:
            return False
        if self._newest is None or fetched_at > self._newest:
            self._newest = fetched_at
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
