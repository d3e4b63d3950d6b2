"""Several runs as nights: what each has answered, what was restated, and days that none covers."""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from collector.core.cell import SERVER_DEFAULT, CellState, Window
from collector.plan import Companies, DateRange
from collector.store.answered_days import AnsweredDays, Uncovered
from collector.store.changes import fingerprint
from collector.store.coverage import coverage_of
from collector.store.lines import ResultLine
from collector.store.recorded_run import RecordedRun

__all__ = ["DayGap", "Night", "Nights", "read_nights"]


class DayGap(NamedTuple):
    """Consecutive days of a company that no run has an answer for."""

    company_id: str
    days: DateRange


@dataclass(frozen=True, slots=True)
class Night:
    """One run; `days` are None if it asked for the server's default window.

    `restated` counts its cells for which a later run has other figures; the others are as in
    `Coverage`.
    """

    run: RecordedRun
    days: DateRange | None
    counts: Mapping[CellState, int]
    restated: int
    remarks: Sequence[str]
    is_intact: bool


@dataclass(frozen=True, slots=True)
class Nights:
    """Runs in the order in which they first began, and what they leave open.

    `companies` are those of the newest run, and `days` all days from the first to the last that any
    run has planned; None if no run has dates. `uncovered` are those of them without an answer.
    """

    nights: Sequence[Night]
    companies: Companies
    days: DateRange | None
    uncovered: Sequence[Uncovered]

    def gap_days(self, night: Night | None = None) -> int:
        """Count the days of companies without an answer in any run, among those of one night."""
        days = self.days if night is None else night.days
        if days is None:
            return 0
        return sum(
            _common_days(days, uncovered.days) * uncovered.companies.bit_count()
            for uncovered in self.uncovered
        )

    def gaps(self) -> Iterator[DayGap]:
        """Yield the gaps by company, in the order of the list."""
        size = (len(self.companies) + 7) // 8
        # Not bits of the numbers: to shift one takes the time of all its companies.
        uncovered = [(days, bits.to_bytes(size, "little")) for days, bits in self.uncovered]
        for place, company_id in enumerate(self.companies.ids):
            found: DateRange | None = None
            for days, companies in uncovered:
                if not companies[place >> 3] >> (place & 7) & 1:
                    continue
                if found is not None and (days.from_date - found.until_date).days == 1:
                    found = DateRange(found.from_date, days.until_date)
                    continue
                if found is not None:
                    yield DayGap(company_id, found)
                found = days
            if found is not None:
                yield DayGap(company_id, found)


def read_nights(runs: Sequence[RecordedRun]) -> Nights:
    """Read runs of one service, of which there is at least one. Changes nothing.

    Each line is read once. Takes the memory of `read_coverage` for one run at a time; in addition a
    bit for each company and window, and 8 bytes for each company and window of which several runs
    are yet to be compared. Raises `InputError` as `read_coverage` does.
    """
    runs = sorted(runs, key=_first_began_at)
    companies = runs[-1].plan().plan.companies
    answered = AnsweredDays(companies.ids)
    restated = _Restated(runs)

    def observe(line: ResultLine) -> None:
        answered.add(line)
        restated.compare(line)

    nights: list[Night] = []
    for run in reversed(runs):
        restated.begin(run)
        coverage = coverage_of(run, observe)
        windows = coverage.plan.windows
        nights.insert(
            0,
            Night(
                run=run,
                days=_range(windows),
                counts=coverage.counts(),
                restated=restated.count,
                remarks=coverage.remarks,
                is_intact=coverage.is_intact,
            ),
        )
    planned = [night.days for night in nights if night.days is not None]
    if not planned:
        return Nights(nights, companies, None, ())
    days = DateRange(
        min(each.from_date for each in planned), max(each.until_date for each in planned)
    )
    return Nights(nights, companies, days, list(answered.uncovered(days)))


class _Restated:
    """Compares the answers of runs, which come from the newest run to the oldest.

    For each cell of a window that several runs have it keeps the fingerprint of the answer that
    came last, or `_CHANGED`, until the oldest of these runs was read.
    """

    def __init__(self, runs: Sequence[RecordedRun]) -> None:
        self.count = 0
        """The cells of the run being read that a later run answered differently."""
        self._places: dict[str, int] = {}
        self._runs_left = Counter(window for run in runs for window in run.windows())
        self._columns: dict[tuple[str | None, str | None], array[int]] = {}
        self._ended: Sequence[Window] = ()

    def begin(self, run: RecordedRun) -> None:
        """Begin the next older run."""
        for window in self._ended:
            if not self._runs_left[window]:
                self._columns.pop(_days(window), None)
        self._ended = run.windows()
        self._runs_left.subtract(self._ended)
        for window in self._ended:
            # Two answers of the server's default window are of other days.
            if self._runs_left[window] and window != SERVER_DEFAULT:
                self._columns.setdefault(_days(window), array("q"))
        self.count = 0

    def compare(self, line: ResultLine) -> None:
        """Compare an answer with that of the next later run that has one."""
        column = self._columns.get((line.from_date, line.until_date))
        if column is None:
            return
        place = self._places.setdefault(line.company_id, len(self._places))
        if place >= len(column):
            column.frombytes(bytes(column.itemsize * (len(self._places) - len(column))))
        later, answer = column[place], fingerprint(line.statistics)
        if later and later != answer:
            self.count += 1
            answer = _CHANGED
        column[place] = answer


_CHANGED: Final = -1
"""Stands for a cell that two runs answered differently. No hash of Python is -1."""


def _first_began_at(run: RecordedRun) -> str:
    # Timestamps of one format are ordered as texts.
    attempts = run.manifest.attempts
    return str(attempts[0]["started_at"]) if attempts else ""


def _range(windows: Sequence[Window]) -> DateRange | None:
    first, last = windows[0].from_date, windows[-1].until_date
    return None if first is None or last is None else DateRange(first, last)


def _common_days(one: DateRange, other: DateRange) -> int:
    first, last = max(one.from_date, other.from_date), min(one.until_date, other.until_date)
    return max(0, (last - first).days + 1)


def _days(window: Window) -> tuple[str | None, str | None]:
    first, last = window
    return (
        None if first is None else first.isoformat(),
        None if last is None else last.isoformat(),
    )
