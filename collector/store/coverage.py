"""The state of every planned cell of a run directory, read from its lines alone."""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from collector.core.cell import CellState, Window
from collector.core.errors import InputError
from collector.core.outcome import FEWEST_ALIKE, Counters, FailureKind
from collector.core.text import counted
from collector.plan import Plan
from collector.store.cell_states import CellStates
from collector.store.files import COMPANIES, files_are
from collector.store.ledger import Ledger
from collector.store.lines import ResultLine, parse_error, parse_result
from collector.store.manifest import Manifest
from collector.store.recorded_run import RecordedRun, find_run
from collector.store.repair import (
    ByteRange,
    LostRest,
    damaged_spans,
    rest_is_lost,
    total_bytes,
)

__all__ = ["Coverage", "Gap", "coverage_of", "read_coverage"]

Observer = Callable[[ResultLine, bool], object]
"""Called with each answer, and whether it counts: it is the first one of a planned cell."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Consecutive windows of a company without an answer; missing ones have no `kind`."""

    company_id: str
    first: Window
    last: Window
    windows: int
    kind: FailureKind | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """The state of every cell, and warnings about the answers.

    `held_by` names the process that works on the run now. `is_intact` is False when the list of
    companies was edited: some may be missing from it. `is_spoilt` is True when there are lines
    that cover other days than they state. `compressed` are the files that must be decompressed
    before the run can be resumed. A cell is failed when an attempt gave it up and no attempt got an
    answer.
    """

    directory: Path
    plan: Plan
    manifest: Manifest
    held_by: str | None
    remarks: list[str]
    is_intact: bool
    is_spoilt: bool
    compressed: list[Path]
    empty_everywhere: list[str]
    same_everywhere: list[str]
    _states: CellStates

    def counts(self) -> dict[CellState, int]:
        """Count the cells by state."""
        return self._states.counts()

    def failed_by_kind(self) -> dict[FailureKind, int]:
        """Count the failed cells by the kind of their last failure."""
        failed = self._states.failed
        return {kind: failed[kind] for kind in FailureKind if failed[kind]}

    def incomplete_companies(self) -> int:
        """Count the companies that lack an answer for some window."""
        return sum(1 for _ in self._incomplete())

    def gaps(self) -> Iterator[Gap]:
        """Yield the gaps by company; consecutive windows of one kind are one gap."""
        for company in self._incomplete():
            company_id = self.plan.companies.ids[company]
            span = self.plan.span(company)
            windows = self.plan.windows[-len(span) :]
            for cells, kind in self._states.gaps(span):
                first, last = windows[cells[0] - span.start], windows[cells[-1] - span.start]
                yield Gap(company_id, first, last, len(cells), kind)

    def _incomplete(self) -> Iterator[int]:
        for company in range(len(self.plan.companies)):
            span = self.plan.span(company)
            if self._states.answered.count(span.start, span.stop) < len(span):
                yield company


def read_coverage(directory: Path) -> Coverage:
    """Read the state of a run. Changes nothing, and may be called while the run is in progress.

    Takes two bits of memory per cell (up to four more near cells that have failed) and about 100
    bytes per company. Raises `InputError` when there is no run in the directory, or its files
    cannot be read.
    """
    return coverage_of(find_run(directory))


def coverage_of(run: RecordedRun, observe: Observer | None = None) -> Coverage:
    """Do the same for a run that was found; `observe` is called with each answer."""
    try:
        return _coverage_of(run, observe)
    except OSError as error:
        raise InputError(
            f"{error.filename or run.directory}: cannot be read: {error.strerror}"
        ) from error


def _coverage_of(run: RecordedRun, observe: Observer | None) -> Coverage:
    plan, is_intact = run.plan()
    answers = _Answers(plan, observe)
    damage = []
    lines: list[int] = []
    for path in run.statistics():
        damage += _damage(path, damaged_spans(path, answers.take))
        lines.append(answers.lines - sum(lines))
    for path in run.errors():
        damage += _damage(path, damaged_spans(path, answers.take_error))
    # In a run that is in progress, an incomplete line is being written.
    remarks = [*([] if run.held_by else damage), *answers.ledger.remarks()]
    remarks += [*run.lost(lines, answers.ledger.doubled), *run.stored_twice()]
    compressed = run.compressed()
    if compressed:
        are = files_are(compressed)
        remarks.append(f"{are} compressed; decompress them before you resume the run")
    if not is_intact:
        remarks.insert(0, f"{COMPANIES} was edited: companies may be gone from it")
    return Coverage(
        directory=run.directory,
        plan=plan,
        manifest=run.manifest,
        held_by=run.held_by,
        remarks=remarks,
        is_intact=is_intact,
        is_spoilt=run.is_spoilt(),
        compressed=compressed,
        empty_everywhere=answers.empty_everywhere(),
        same_everywhere=answers.same_everywhere(),
        _states=answers.states,
    )


class _Answers:
    """The state of each cell, filled from the lines of a run."""

    def __init__(self, plan: Plan, observe: Observer | None) -> None:
        self.ledger = Ledger(plan)
        self.states = CellStates(len(plan), self.ledger.done)
        self.lines = 0
        self._plan = plan
        self._observe = observe
        self._first_answer = array("q", bytes(8 * len(plan.companies)))
        self._differs = bytearray(len(plan.companies))

    def take(self, line: bytes) -> bool:
        """Record a line of results; return False if it is damaged."""
        result = parse_result(line)
        if result is None:
            return False
        self.lines += 1
        index = self.ledger.place(result)
        if self._observe is not None:
            self._observe(result, index is not None)
        if index is None:
            return True
        if result.statistics.is_empty:
            self.states.empty.add(index)
        company, _ = self._plan.places(index)
        answer = _fingerprint(result.statistics)
        if not self._first_answer[company]:
            self._first_answer[company] = answer
        elif self._first_answer[company] != answer:
            self._differs[company] = 1
        return True

    def take_error(self, line: bytes) -> bool:
        """Record a line of errors, after all results; return False if it is damaged."""
        error = parse_error(line)
        if error is None:
            return False
        index = self.ledger.find(error)
        if index is not None:
            self.states.fail(index, error.kind)
        return True

    def empty_everywhere(self) -> list[str]:
        """Return the companies whose windows are all answered, and empty."""
        ids = self._plan.companies.ids
        return [ids[company] for company, _, empty, planned in self._counts() if empty == planned]

    def same_everywhere(self) -> list[str]:
        """Return the companies with seven or more answers, all of them equal and not empty."""
        return [
            self._plan.companies.ids[company]
            for company, answered, empty, _ in self._counts()
            if not self._differs[company] and answered >= FEWEST_ALIKE and not empty
        ]

    def _counts(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield each company and the number of its cells: answered, empty, and planned."""
        answered, empty = self.states.answered.count, self.states.empty.count
        for company in range(len(self._plan.companies)):
            span = self._plan.span(company)
            ends = span.start, span.stop
            yield company, answered(*ends), empty(*ends), len(span)


def _fingerprint(counts: Counters) -> int:
    """Return a number that is equal for equal counters, whatever the order of actions; never 0."""
    return hash((counts.numbers(), frozenset(counts.actions.items()))) or 1


def _damage(path: Path, damaged: list[ByteRange]) -> list[str]:
    remarks = []
    if size := total_bytes(damaged):
        remarks.append(f"{path.name}: {counted(size, 'byte is', 'bytes are')} damaged")
    if damaged and isinstance(damaged[-1], LostRest):
        remarks.append(f"{path.name}: {rest_is_lost(damaged[-1])}")
    return remarks
