"""Recovery of a run directory: repair its files, and find the cells that are done."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from collector.core.cell import CellState
from collector.core.errors import StorageError
from collector.core.regular import remedy_for
from collector.plan import CellSet, Part
from collector.store.age import Age, refuse_stale_default
from collector.store.checkpointer import Checkpointer
from collector.store.earlier_attempts import (
    EarlierAttempts,
    EarlierManifests,
    damaged_manifest,
)
from collector.store.files import Listing, PartFiles
from collector.store.foreign import refuse_what_is_not_ours
from collector.store.manifest import DatesRecord
from collector.store.prefix import Prefix
from collector.store.repair import (
    ByteRange,
    left_out,
    move_damage,
    repair,
    whole_of,
)
from collector.store.results import Results
from collector.store.surveyed import Elsewhere, HandedOver

__all__ = ["Recovered", "recover", "survey"]


@dataclass(frozen=True, slots=True)
class Recovered:
    """What earlier attempts left: the done cells, and the records of those attempts.

    The checkpointer, if there is one, adds the cells of this attempt to `done`, in the thread that
    syncs their lines. `before` is `done` as it was at the start; see `CellSet.packed`. `kept`
    counts, by state, the done cells of the part that this process collects. `is_complete` says
    whether all cells of the part are done, `has_lines` whether the directory has any answer.
    `empty_companies` has at most two companies that have a done cell with an empty answer.
    `remarks` are warnings for the user. `dates` is the record of the verification of the dates.
    `is_known` is False if the manifest could not be read. `manifests` can
    compare the plans of all parts once more; None if nothing was read. `checkpointer` writes
    checkpoints as the attempt adds lines. It is None if no checkpoints are written; then every
    start reads all lines.
    """

    done: CellSet
    is_complete: bool
    has_lines: bool
    kept: Counter[CellState] = field(default_factory=Counter)
    remarks: tuple[str, ...] = ()
    attempts: tuple[dict[str, Any], ...] = ()
    dates: DatesRecord | None = None
    is_known: bool = True
    empty_companies: frozenset[str] = frozenset()
    manifests: EarlierManifests | None = None
    checkpointer: Checkpointer | None = None
    before: bytes = b""

    @property
    def is_settled(self) -> bool:
        """Whether no request is needed, neither for cells nor to verify the dates."""
        return self.is_complete and not self.is_doubted

    @property
    def is_doubted(self) -> bool:
        """Whether the dates must be verified again."""
        return self.dates is not None and self.dates.is_doubted


def recover(  # noqa: PLR0913 - all but the first two are what it depends on
    files: PartFiles,
    part: Part,
    service: dict[str, str],
    *,
    age: Callable[[datetime], Age],
    is_stopped: Callable[[], bool],
    handed: HandedOver | None = None,
    listing: Listing | None = None,
) -> Recovered:
    """Check that a run directory is for this plan, repair its files, and find the done cells.

    `files` are the files to write, `part` the cells to collect. A run without shards has the
    directory to itself, and reads and repairs the files of all parts. A shard repairs its own
    files. It also reads other files that may have some of its cells. It does not read the files of
    the other shards of the same division (`i/16`), because these may be in progress. `handed` is
    what the process that distributes the shards has read. A shard does not read that again, unless
    a file has changed. That process has compared the plans of all parts, and checked the age of the
    answers. `listing` is of the directory since it was locked; None lists it.

    Nothing is changed before the plan is known to fit. Then damaged lines are moved aside, see
    `collector.store.repair`. Only the lines decide which cells are done. Memory: two bits per cell.
    Blocks while it reads all lines that no checkpoint covers. Raises `StoppedError` between lines
    when `is_stopped` returns true. `age` returns how long ago a line was fetched. Raises
    `InputError` when the directory is for another plan or other days, and `StorageError` when it
    cannot be read or repaired.
    """
    try:
        results = Results(part, is_stopped, handed=handed)
        listing = listing or Listing.of(files.directory)
        read = _read(files, part, service, results, age=age, listing=listing)
        # Nothing has been changed up to here.
        remarks = read.remarks
        if read.earlier.trouble == damaged_manifest(files):
            remarks += move_damage(files.manifest, whole_of(files.manifest))
        for other, spans in read.damaged.items():
            if other == files or files.shard.is_whole:
                remarks += repair(other, spans)
            else:
                remarks += left_out(other.statistics, spans)
        if read.damaged[files]:
            results.prefix = Prefix.of(files.statistics, is_stopped=is_stopped)
        checkpointer = None if results.is_odd else Checkpointer(files, part, results)
        found = read.recovered(remarks)
        return replace(found, checkpointer=checkpointer, before=found.done.packed())
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
    elsewhere: Elsewhere,
) -> Recovered:
    """Do the same as `recover`, but leave the files as they are: the shards repair them.

    Add the done cells whose answer is empty to `empty`. Also add to `elsewhere` the
    done cells in files that no shard of this run writes. Raises `OSError` when the directory cannot
    be read, and otherwise as `recover`.
    """
    results = Results(part, is_stopped, empty, elsewhere)
    listing = Listing.of(files.directory)
    read = _read(files, part, service, results, age=age, listing=listing)
    if elsewhere.is_all:
        elsewhere.done, elsewhere.empty = read.results.ledger.done, empty
    elsewhere.remarks.extend(read.remarks)
    for other, spans in read.damaged.items():
        remarks = left_out(other.statistics, spans)
        read.remarks.extend(remarks)
        if elsewhere.has(other):
            elsewhere.remarks.extend(remarks)
    return read.recovered(read.remarks)


@dataclass(frozen=True, slots=True)
class _Read:
    """The content of a directory, and where it is damaged."""

    earlier: EarlierAttempts
    manifests: EarlierManifests
    results: Results
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
            empty_companies=frozenset(self.results.empty_companies),
            manifests=self.manifests,
        )


def _read(  # noqa: PLR0913 - as `recover`, which says why
    files: PartFiles,
    part: Part,
    service: dict[str, str],
    results: Results,
    *,
    age: Callable[[datetime], Age],
    listing: Listing,
) -> _Read:
    """Read a directory, and check that it is of this plan and these days. Changes nothing."""
    parts = listing.parts(files)
    manifests = EarlierManifests(part.plan, service, results.handed)
    earlier = manifests.read(files, parts)
    results.others_newest(earlier.newest)
    # If no manifest shows that the files are of this plan, that is checked for each line.
    is_identified = not earlier.trouble
    to_read = results.begin(
        files, list(filter(files.has_for_itself, parts)), is_identified=is_identified
    )
    # The file of this part comes last: the run continues it.
    damaged = results.read(sorted(to_read, key=files.__eq__))
    remarks = results.ledger.remarks()
    if earlier.trouble:
        refuse_what_is_not_ours(files, earlier.trouble, results.ledger)
        if results.ledger.done:
            remarks.insert(0, f"{earlier.trouble}: the lines were read as lines of this plan")
    if results.handed is None and results.newest is not None:
        newest, is_complete = results.newest, results.is_complete
        refuse_stale_default(files.directory, newest, age(newest), is_complete=is_complete)
    has_lines = bool(results.ledger.done) or any(other.has_answers() for other in parts)
    return _Read(earlier, manifests, results, damaged, remarks, has_lines)
