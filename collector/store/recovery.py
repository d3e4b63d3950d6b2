"""Recovery of a run directory: repair its files, and find the cells that are done."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from collector.core.cell import SERVER_DEFAULT, CellState
from collector.core.errors import InputError, StoppedError, StorageError
from collector.core.regular import remedy_for
from collector.plan import CellSet, Part, today_in
from collector.store.files import PartFiles, parts_in
from collector.store.foreign import refuse_what_is_not_ours
from collector.store.ledger import Ledger
from collector.store.lines import parse_result, timestamp
from collector.store.manifest import DatesRecord
from collector.store.recorded_plan import (
    EarlierAttempts,
    damaged_manifest,
    read_earlier_attempts,
)
from collector.store.repair import (
    ByteRange,
    damaged_spans,
    left_out,
    move_damage,
    repair,
    whole_of,
)

__all__ = ["Age", "Recovered", "recover", "survey"]

_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 9000
"""Years outside of these are damage, and would break arithmetic with time zones."""

_LOOK_UP_EVERY: Final = 256
"""Lines that are read between two checks whether the run is to stop."""

_STALE_HOURS: Final = 12
"""Hours after its last answer in which an unfinished run without dates can be continued."""


@dataclass(frozen=True, slots=True)
class Age:
    """The age of an answer in hours, and whether its day has ended in the run's time zone."""

    hours: float
    is_of_another_day: bool

    @classmethod
    def of(cls, moment: datetime, timezone: str | None) -> Self:
        """Return the age, by now, of an answer of that moment, for a run with that time zone."""
        now = datetime.now(UTC)
        hours = (now - moment).total_seconds() / 3600
        return cls(hours, today_in(timezone, moment) != today_in(timezone, now))


@dataclass(frozen=True, slots=True)
class Recovered:
    """What earlier attempts left: the cells that are done, and the entries of the attempts.

    `kept` counts, by state, the done cells of the part that is collected here; `is_complete` says
    that these are all of its cells, `has_lines` that there is any answer in the directory.
    `remarks` are warnings for the user. `dates` is the record of dates, if that `is_known`.
    """

    done: CellSet
    is_complete: bool
    has_lines: bool
    kept: Counter[CellState] = field(default_factory=Counter)
    remarks: tuple[str, ...] = ()
    attempts: tuple[dict[str, Any], ...] = ()
    dates: DatesRecord | None = None
    is_known: bool = True

    @property
    def is_settled(self) -> bool:
        """Whether no request is needed, neither for cells nor to verify the dates."""
        return self.is_complete and not self.is_doubted

    @property
    def is_doubted(self) -> bool:
        """Whether the dates must be verified again."""
        return self.dates is not None and self.dates.is_doubted


def recover(
    files: PartFiles,
    part: Part,
    service: dict[str, str],
    *,
    age: Callable[[datetime], Age],
    is_stopped: Callable[[], bool],
) -> Recovered:
    """Check that a run directory is for this plan, repair its files, and find the done cells.

    `files` are the files to write, `part` the cells to collect. A run without shards has the
    directory to itself, and reads and repairs the files of all parts. A shard repairs its own
    files. It also reads others that may have some of its cells, but not those of the other shards
    of the same number, which may be in progress.

    Nothing is changed before the plan is known to fit. Then damaged lines are moved aside, see
    `collector.store.repair`. The lines alone decide what is done; one bit is kept per cell. Blocks,
    for it reads all lines; raises `StoppedError` between lines when `is_stopped` returns true.
    `age` returns how long ago a line was fetched. Raises `InputError` when the directory is for
    another plan or other days, and `StorageError` when it cannot be read or repaired.
    """
    try:
        read = _read(files, part, service, _Results(part, is_stopped), age)
        # Nothing has been changed up to here.
        remarks = read.remarks
        if read.earlier.trouble == damaged_manifest(files):
            remarks += move_damage(files.manifest, whole_of(files.manifest))
        for other, spans in read.damaged.items():
            if other == files or files.shard.is_whole:
                remarks += repair(other, spans)
            else:
                remarks += left_out(other.statistics, spans)
        return read.recovered(remarks)
    except OSError as error:
        raise StorageError(
            f"{error.filename or files.directory}: cannot be read or repaired: {error.strerror}; "
            f"nothing is lost; {remedy_for(error)}"
        ) from error


def survey(  # noqa: PLR0913 - as `recover`, which says why
    files: PartFiles,
    part: Part,
    service: dict[str, str],
    *,
    age: Callable[[datetime], Age],
    is_stopped: Callable[[], bool],
    empty: CellSet,
) -> Recovered:
    """Do the same as `recover`, but leave the files as they are: the shards repair them.

    Done cells whose answer is empty are added to `empty`. Raises `OSError` when the directory
    cannot be read, and otherwise as `recover`.
    """
    read = _read(files, part, service, _Results(part, is_stopped, empty), age)
    for other, spans in read.damaged.items():
        read.remarks.extend(left_out(other.statistics, spans))
    return read.recovered(read.remarks)


@dataclass(frozen=True, slots=True)
class _Read:
    """The content of a directory, and where it is damaged."""

    earlier: EarlierAttempts
    results: "_Results"
    damaged: dict[PartFiles, list[ByteRange]]
    remarks: list[str]
    has_lines: bool

    def recovered(self, remarks: list[str]) -> Recovered:
        return Recovered(
            self.results.ledger.done,
            is_complete=self.results.is_complete,
            has_lines=self.has_lines,
            kept=self.results.kept,
            remarks=tuple(remarks),
            attempts=self.earlier.attempts,
            dates=self.earlier.dates,
            is_known=self.earlier.is_known,
        )


def _read(
    files: PartFiles,
    part: Part,
    service: dict[str, str],
    results: "_Results",
    age: Callable[[datetime], Age],
) -> _Read:
    """Read a directory, and check that it is of this plan and these days. Changes nothing."""
    parts = list(dict.fromkeys([*parts_in(files.directory), files]))
    earlier = read_earlier_attempts(files, parts, part.plan, service)
    results.others_newest(earlier.newest)
    damaged = {
        other: damaged_spans(other.statistics, results.take)
        for other in parts
        if files.has_for_itself(other)
    }
    remarks = results.ledger.remarks()
    if earlier.trouble:
        refuse_what_is_not_ours(files, earlier.trouble, results.ledger)
        if results.ledger.done:
            remarks.insert(0, f"{earlier.trouble}: its lines were taken for lines of this plan")
    _refuse_stale_default(files.directory, results, age)
    has_lines = any(other.has_answers() for other in parts)
    return _Read(earlier, results, damaged, remarks, has_lines)


class _Results:
    """The done cells, filled from the lines of results.

    `kept` counts those of the part by state. `newest` is the time of the last answer of a run
    without dates; at first the one that other shards have recorded.
    """

    def __init__(
        self, part: Part, is_stopped: Callable[[], bool], empty: CellSet | None = None
    ) -> None:
        self.ledger = Ledger(part.plan)
        self._kept = self._empty = 0
        self._part = part
        self._is_whole = part.shard.is_whole
        self._read = 0
        self._is_stopped = is_stopped
        # Only answers of the server's default window get outdated.
        self._has_age = part.plan.windows[0] == SERVER_DEFAULT
        self.newest: datetime | None = None
        self._empty_cells = empty

    def others_newest(self, newest: datetime | None) -> None:
        """Record when other shards had their last answer."""
        self.newest = newest if self._has_age else None

    def take(self, line: bytes) -> bool:
        self._read += 1
        if self._read % _LOOK_UP_EVERY == 0 and self._is_stopped():
            raise StoppedError
        result = parse_result(line)
        if result is None or (self._has_age and not self._date(result.fetched_at)):
            return False
        index = self.ledger.place(result)
        if index is not None and (self._is_whole or index in self._part):
            self._kept += 1
            self._empty += result.statistics.is_empty
            if self._empty_cells is not None and result.statistics.is_empty:
                self._empty_cells.add(index)
        return True

    def _date(self, fetched_at: datetime) -> bool:
        """Record the time of an answer; return False if its year is impossible."""
        if not _FIRST_YEAR <= fetched_at.year <= _LAST_YEAR:
            return False
        if self.newest is None or fetched_at > self.newest:
            self.newest = fetched_at
        return True

    @property
    def kept(self) -> Counter[CellState]:
        data = self._kept - self._empty
        return Counter({CellState.DATA: data, CellState.EMPTY: self._empty})

    @property
    def is_complete(self) -> bool:
        return self._kept == len(self._part)


def _refuse_stale_default(
    directory: Path, results: _Results, age: Callable[[datetime], Age]
) -> None:
    """Raise `InputError` if answers without dates are too old to count as today's.

    The server's default window moves with the day. A user who resumes an unfinished run within half
    a day wants that; to find everything "done already" on another day is an error.
    """
    if results.newest is None:
        return
    newest = age(results.newest)
    if newest.hours > _STALE_HOURS or (results.is_complete and newest.is_of_another_day):
        raise InputError(
            f"--output {directory}: holds a run without dates whose last answer is of "
            f"{timestamp(results.newest)}, and the server answers for other days now; give "
            "another --output"
        )
