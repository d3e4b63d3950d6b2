"""The state of every planned cell of a run directory, read from its lines alone."""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from collector.core.cell import CellState, Window
from collector.core.errors import InputError
from collector.core.outcome import FEWEST_ALIKE, Counters, FailureKind
from collector.core.text import counted
from collector.plan import Plan
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

Observer = Callable[[ResultLine], object]
"""Called with each answer that counts: the first of each cell."""

_MISSING: Final = 0
_DATA: Final = 1
_EMPTY: Final = 2
_KINDS: Final = tuple(FailureKind)
_FIRST_KIND: Final = 3
"""The state of a failed cell is this number plus the position of its kind."""


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
    """The state of every cell, one byte each, and warnings about the answers.

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
    _states: bytearray

    def counts(self) -> dict[CellState, int]:
        """Count the cells by state."""
        data, empty, missing = (self._states.count(state) for state in (_DATA, _EMPTY, _MISSING))
        return {
            CellState.DATA: data,
            CellState.EMPTY: empty,
            CellState.FAILED: len(self._states) - data - empty - missing,
            CellState.MISSING: missing,
        }

    def failed_by_kind(self) -> dict[FailureKind, int]:
        """Count the failed cells by the kind of their last failure."""
        counts = {kind: self._states.count(_FIRST_KIND + i) for i, kind in enumerate(_KINDS)}
        return {kind: count for kind, count in counts.items() if count}

    def incomplete_companies(self) -> int:
        """Count the companies that lack an answer for some window."""
        return sum(1 for _ in self._incomplete())

    def gaps(self) -> Iterator[Gap]:
        """Yield the gaps by company; consecutive windows of one kind are one gap."""
        for company, states in self._incomplete():
            company_id = self.plan.companies.ids[company]
            windows = self.plan.windows[-len(states) :]
            position = 0
            for state, group in groupby(states):
                first, position = position, position + len(list(group))
                if state not in {_DATA, _EMPTY}:
                    yield Gap(
                        company_id,
                        windows[first],
                        windows[position - 1],
                        position - first,
                        None if state == _MISSING else _KINDS[state - _FIRST_KIND],
                    )

    def _incomplete(self) -> Iterator[tuple[int, bytes]]:
        for company, states in _by_company(self._states, self.plan):
            if states.count(_DATA) + states.count(_EMPTY) < len(states):
                yield company, states


def read_coverage(directory: Path) -> Coverage:
    """Read the state of a run. Changes nothing, and may be called while the run is in progress.

    Takes one byte of memory per cell and about 100 per company. Raises `InputError` when there is
    no run in the directory, or its files cannot be read.
    """
    return coverage_of(find_run(directory))


def coverage_of(run: RecordedRun, observe: Observer | None = None) -> Coverage:
    """Do the same for a run that was found; `observe` is called with each answer that counts."""
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
    remarks += [*run.lost(lines), *run.stored_twice()]
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
        self.states = bytearray(len(plan))
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
        if index is None:
            return True
        self.states[index] = _EMPTY if result.statistics.is_empty else _DATA
        company, _ = self._plan.places(index)
        if self._observe is not None:
            self._observe(result)
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
        if index is not None and self.states[index] not in {_DATA, _EMPTY}:
            self.states[index] = _FIRST_KIND + _KINDS.index(error.kind)
        return True

    def empty_everywhere(self) -> list[str]:
        """Return the companies whose windows are all answered, and empty."""
        return [
            self._plan.companies.ids[company]
            for company, states in _by_company(self.states, self._plan)
            if states.count(_EMPTY) == len(states)
        ]

    def same_everywhere(self) -> list[str]:
        """Return the companies with seven or more answers, all of them equal and not empty."""
        return [
            self._plan.companies.ids[company]
            for company, states in _by_company(self.states, self._plan)
            if not self._differs[company]
            and states.count(_DATA) >= FEWEST_ALIKE
            and not states.count(_EMPTY)
        ]


def _fingerprint(counts: Counters) -> int:
    """Return a number that is equal for equal counters, whatever the order of actions; never 0."""
    return hash((counts.numbers(), frozenset(counts.actions.items()))) or 1


def _by_company(states: bytearray, plan: Plan) -> Iterator[tuple[int, bytes]]:
    view = memoryview(states)
    for company in range(len(plan.companies)):
        span = plan.span(company)
        yield company, bytes(view[span.start : span.stop])


def _damage(path: Path, damaged: list[ByteRange]) -> list[str]:
    remarks = []
    if size := total_bytes(damaged):
        remarks.append(f"{path.name}: {counted(size, 'byte is', 'bytes are')} damaged")
    if damaged and isinstance(damaged[-1], LostRest):
        remarks.append(f"{path.name}: {rest_is_lost(damaged[-1])}")
    return remarks
