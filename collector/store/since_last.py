"""`--since-last`: the days of each company that no run beside the run directory covers."""

from array import array
from collections.abc import Iterator, MutableSequence, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from collector.core.cell import Window
from collector.core.errors import InputError
from collector.plan import Companies, DateRange, Plan, WindowSize, cut_windows
from collector.plan.company_table import place_finder
from collector.settings import PlanSettings, RunSettings
from collector.store.answered_days import AnsweredDays
from collector.store.files import parts_in
from collector.store.identity import describe_service, service_differences
from collector.store.lines import parse_result
from collector.store.recorded_run import RecordedRun, find_run
from collector.store.repair import damaged_spans

__all__ = ["Begun", "begin_since_last"]

_DAILY: Final = WindowSize("days", 1)

_REMARKS: Final = 5
"""Runs beside this one that a warning names; there may be hundreds."""


class Begun(NamedTuple):
    """The plan in which each company begins with its own first day, and remarks for the user."""

    plan: Plan
    remarks: Sequence[str] = ()


def begin_since_last(plan: Plan, settings: RunSettings | PlanSettings, output: Path) -> Begun:
    """Let each company of a plan begin with the first day that it needs.

    A run that was begun in `output` has recorded these days, and they count whatever is beside it
    by now; a company that has been added begins with the first day of all. Else, with
    `--since-last`, a company begins with the first of the days of `plan` that no run beside
    `output` has an answer for, or with the last, and `--lookback` before that. Without
    `--since-last`, and without days on record, the plan stays as it is.

    Changes nothing. Reads the lines of only as many runs as are needed, and keeps one bit for each
    company and day. A run that cannot be read covers nothing, and there is a remark.
    """
    recorded = _recorded(output, is_asked=settings.since_last)
    if recorded is None or recorded.windows[0].from_date is None:
        return _since_siblings(plan, settings, output) if settings.since_last else Begun(plan)
    windows: Sequence[Window] = plan.windows
    if settings.since_last:
        windows = _continued(recorded.windows, plan.windows)
    elif windows[: len(recorded.windows)] != recorded.windows:
        # Another plan; what opens the directory says so.
        return Begun(plan)
    return Begun(Plan(plan.companies, windows, _as_recorded(recorded, plan.companies)))


def _recorded(output: Path, *, is_asked: bool) -> Plan | None:
    """Return the plan of a run directory, if there is a run, and its first days matter."""
    try:
        run = find_run(output)
        if is_asked or run.manifest.plan.has_first_days:
            return run.plan().plan
    except InputError:
        # There is no run, or what repairs it says what is wrong.
        return None
    return None


def _continued(recorded: Sequence[Window], new: Sequence[Window]) -> Sequence[Window]:
    """Return the days from the first recorded one to the last of both."""
    lasts = [windows[-1].until_date or date.min for windows in (recorded, new)]
    return cut_windows(DateRange(recorded[0].from_date or date.min, max(lasts)), _DAILY)


def _as_recorded(recorded: Plan, companies: Companies) -> Sequence[int]:
    """Return the first window of each company; the first of all for one that was added."""
    firsts = array("I", bytes(4 * len(companies)))
    if recorded.first_windows:
        find = place_finder(companies.ids)
        for company_id, first in zip(recorded.companies.ids, recorded.first_windows, strict=True):
            if (place := find(company_id)) is not None:
                firsts[place] = first
    return firsts


def _since_siblings(plan: Plan, settings: RunSettings | PlanSettings, output: Path) -> Begun:
    service, remarks = describe_service(settings), list[str]()
    runs = [run for run in _siblings(output, remarks) if _counts(run, service, remarks)]
    firsts = _first_uncovered(plan, runs, remarks)
    lookback = settings.lookback or 0
    for place, first in enumerate(firsts):
        firsts[place] = max(0, first - lookback)
    lowest = min(firsts)
    begun = Plan(plan.companies, plan.windows[lowest:], [first - lowest for first in firsts])
    if len(remarks) > _REMARKS:
        more = len(remarks) - _REMARKS
        remarks[_REMARKS:] = [f"and {more:,} more runs beside {output} do not count"]
    # After the count of runs that do not count: these do.
    remarks += islice((twice for run in runs for twice in run.stored_twice()), _REMARKS)
    return Begun(begun, remarks)


def _siblings(output: Path, remarks: list[str]) -> Iterator[RecordedRun]:
    """Yield the runs beside a run directory."""
    try:
        # `.` and `..` have no parent by name.
        own = output.resolve()
        beside = sorted(path for path in own.parent.iterdir() if path.is_dir())
        directories = [path for path in beside if path.resolve() != own]
    except (OSError, ValueError):  # What makes the directory says what is wrong.
        return
    for directory in directories:
        try:
            if any(files.manifest.exists() for files in parts_in(directory)):
                yield find_run(directory)
        except OSError as error:
            remarks.append(_not_counted(f"{directory}: cannot be read: {error.strerror}"))
        except InputError as error:
            remarks.append(_not_counted(str(error)))


def _counts(run: RecordedRun, service: dict[str, str], remarks: list[str]) -> bool:
    """Tell whether the answers of a run are such as the new run would have."""
    dates = run.manifest.dates
    if dates is not None and dates.is_ignored:
        remarks.append(_not_counted(f"{run.directory}: its answers are of other days than it says"))
        return False
    if differences := service_differences(run.manifest.service, service):
        why = f"{run.directory}: is of another service: {'; '.join(differences)}"
        remarks.append(_not_counted(why))
        return False
    return True


def _not_counted(why: str) -> str:
    return f"{why}; its days count as not collected"


def _first_uncovered(
    plan: Plan, runs: list[RecordedRun], remarks: list[str]
) -> MutableSequence[int]:
    """Return, for each company, the place of the first window that no run covers, or the last.

    A run is read only if it has planned a day that some company still lacks: with a lookback, most
    days are in many runs.
    """
    answered = AnsweredDays(plan.companies.ids)
    days = [window.from_date or date.min for window in plan.windows]
    firsts = array("I", [len(days) - 1]) * len(plan.companies)
    unread, undecided = list(runs), (1 << len(plan.companies)) - 1
    begin = days[0]
    while undecided:
        uncovered = answered.uncovered(DateRange(begin, days[-1]))
        gap = next((each for each in uncovered if each.companies & undecided), None)
        if gap is None:
            break
        begin = gap.days.from_date
        if (run := _with_day(unread, begin)) is not None:
            unread.remove(run)
            _read(run, answered, remarks)
            continue
        first = (begin - days[0]).days
        for place in gap._replace(companies=gap.companies & undecided).places():
            firsts[place] = first
        undecided &= ~gap.companies
    return firsts


def _with_day(runs: Sequence[RecordedRun], day: date) -> RecordedRun | None:
    """Return the run that has planned a day and reaches furthest; None if none has."""
    text = day.isoformat()
    planned = [
        run
        for run in runs
        if (run.manifest.plan.from_date or "9") <= text <= (run.manifest.plan.until_date or "")
    ]
    return max(planned, key=lambda run: run.manifest.plan.until_date or "", default=None)


def _read(run: RecordedRun, answered: AnsweredDays, remarks: list[str]) -> None:
    def take(line: bytes) -> bool:
        result = parse_result(line)
        if result is not None:
            answered.add(result)
        return result is not None

    for path in run.statistics():
        try:
            damaged_spans(path, take)
        except OSError as error:
            remarks.append(_not_counted(f"{path}: cannot be read: {error.strerror}"))
