"""Several runs as nights: what each has answered, what was restated, and days that none covers."""

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from collector.core.cell import SERVER_DEFAULT, CellState, Window
from collector.core.errors import InputError
from collector.plan import Companies, DateRange, zone_named
from collector.plan.company_table import place_finder
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

    `companies` are those of any run, and first those of the newest; `left` counts the others, which
    have left the list. `days` are those from the first to the last that any run has planned, as far
    as they are over; None if there are none. `uncovered` are the gaps: days without an answer of a
    company, from the first that a run has planned for it to the last of `days`; for one that has
    left, to its own last.
    """

    nights: Sequence[Night]
    companies: Companies
    left: int
    days: DateRange | None
    uncovered: Sequence[Uncovered]

    def gap_days(self, night: Night | None = None) -> int:
        """Count the days of companies without an answer in any run, among those of one night."""
        days = self.days if night is None else night.days
        if days is None:
            return 0
        # They are in order, and each night has few of all the days.
        first = bisect_left(self.uncovered, days.from_date, key=lambda gap: gap.days.until_date)
        after = bisect_right(self.uncovered, days.until_date, key=lambda gap: gap.days.from_date)
        return sum(
            _common_days(days, uncovered.days) * uncovered.companies.bit_count()
            for uncovered in self.uncovered[first:after]
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


def read_nights(runs: Sequence[RecordedRun], now: datetime) -> Nights:
    """Read runs of one service, of which there is at least one. Changes nothing.

    Days are those of the time zone that the newest run has recorded. A day that is not over at
    `now` is no gap: no run can have the whole of it.

    Each line is read once, and each plan twice. Takes the memory of `read_coverage` for one run at
    a time; in addition 8 bytes for each company, a bit for each company and window, and 8 bytes for
    each company and window of which several runs are yet to be compared. Raises `InputError` as
    `read_coverage` does, and for a time zone that this machine does not know.
    """
    runs = sorted(runs, key=_first_began_at)
    expected = _expected(runs)
    companies = expected.companies
    zone = _zone(runs[-1])
    answered = AnsweredDays(companies.ids, zone)
    restated = _Restated(runs)

    def observe(line: ResultLine, counts: bool) -> None:  # noqa: FBT001 - see `Observer`
        answered.add(line)
        if counts:
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
    left = len(companies) - expected.listed
    planned = [night.days for night in nights if night.days is not None]
    first = min((each.from_date for each in planned), default=date.max)
    last = max((each.until_date for each in planned), default=date.min)
    last = min(last, now.astimezone(zone).date() - timedelta(1))
    if last < first:
        return Nights(nights, companies, left, None, ())
    days = DateRange(first, last)
    expected.excuse(answered, days)
    return Nights(nights, companies, left, days, list(answered.uncovered(days)))


class _Expected(NamedTuple):
    """The companies of all runs, and the first and the last day that any has planned for each.

    The first `listed` are those of the newest run. Days are ordinals; a company of runs without
    dates has none: its first is after its last.
    """

    companies: Companies
    listed: int
    firsts: MutableSequence[int]
    lasts: MutableSequence[int]

    def excuse(self, answered: AnsweredDays, days: DateRange) -> None:
        """Let no answer be expected on the other days of a range.

        A company of the newest run is expected until the last day.
        """
        begin, end = days.from_date.toordinal(), days.until_date.toordinal()
        for place, (first, last) in enumerate(zip(self.firsts, self.lasts, strict=True)):
            if first > last:
                answered.cover(place, days)
                continue
            if first > begin:
                answered.cover(place, DateRange(days.from_date, date.fromordinal(first - 1)))
            if last < end and place >= self.listed:
                answered.cover(place, DateRange(date.fromordinal(last + 1), days.until_date))


def _expected(runs: Sequence[RecordedRun]) -> _Expected:
    """Read the plans of runs, which come from the oldest to the newest."""
    newest = runs[-1].plan().plan.companies
    find, more, names = place_finder(newest.ids), dict[str, int](), dict[str, str]()
    firsts, lasts = (array("I", [day]) * len(newest) for day in (_NEVER, 0))
    for run in reversed(runs):
        plan = run.plan().plan
        for places, windows in plan.groups():
            days = _range(windows)
            for company_id in (plan.companies.ids[place] for place in places):
                place = find(company_id)
                if place is None:
                    place = more.setdefault(company_id, len(firsts))
                if place == len(firsts):
                    firsts.append(_NEVER)
                    lasts.append(0)
                    if company_id in plan.companies.names:
                        names[company_id] = plan.companies.names[company_id]
                if days is not None:
                    firsts[place] = min(firsts[place], days.from_date.toordinal())
                    lasts[place] = max(lasts[place], days.until_date.toordinal())
    companies = Companies((*newest.ids, *more), {**newest.names, **names}) if more else newest
    return _Expected(companies, len(newest), firsts, lasts)


_NEVER: Final = date.max.toordinal()


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


def _zone(run: RecordedRun) -> ZoneInfo | None:
    """Return the time zone of a run; None is that of this machine."""
    settings = run.manifest.attempts[-1]["settings"] if run.manifest.attempts else {}
    recorded = settings.get("timezone")
    try:
        return zone_named(None if recorded is None else str(recorded))
    except InputError as error:
        raise InputError(f"{run.directory}: has recorded a time zone: {error}") from error


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
