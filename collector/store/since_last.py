"""`--since-last`: the days of each company that no run beside the run directory covers."""

from array import array
from bisect import insort
from collections import deque
from collections.abc import Iterator, MutableSequence, Sequence
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from collector.core.cell import Window
from collector.core.errors import InputError
from collector.core.text import counted
from collector.plan import Companies, DateRange, Plan, WindowSize, cut_windows, zone_named
from collector.plan.company_table import place_finder
from collector.settings import PlanSettings, RunSettings
from collector.store.answered_days import AnsweredDays
from collector.store.files import parts_in
from collector.store.identity import describe_service, service_differences
from collector.store.lines import parse_result
from collector.store.recorded_run import RecordedRun, find_run
from collector.store.repair import damaged_spans, left_out

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

    With `--since-last` a company begins with the first of the days of `plan` that no run beside
    `output` has an answer for, or with the last, and `--lookback` before that. A run that was begun
    in `output` has recorded these days, and they count whatever is beside it by now; a company that
    has been added begins in the same way, but not before the first day of that run. Without
    `--since-last`, and without days on record, the plan stays as it is.

    Raises `InputError` if a run in `output` has other windows than days, or would get days before
    those of `plan`.

    Changes nothing. Reads the lines of only as many runs as are needed, and keeps one bit for each
    company and day. A run that cannot be read covers nothing, and there is a remark.
    """
    recorded = _recorded(output, is_asked=settings.since_last)
    if recorded is not None and settings.since_last:
        _check_daily(recorded.windows, output)
    if recorded is None or recorded.windows[0].from_date is None:
        return _since_siblings(plan, settings, output) if settings.since_last else Begun(plan)
    if settings.since_last:
        _check_bound(recorded.windows, plan.windows, output)
        return _grown(recorded, plan, settings, output)
    if plan.windows[: len(recorded.windows)] != recorded.windows:
        # Another plan; what opens the directory says so.
        return Begun(plan)
    firsts, _ = _as_recorded(recorded, plan.companies)
    return Begun(Plan(plan.companies, plan.windows, firsts))


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


def _check_daily(recorded: Sequence[Window], output: Path) -> None:
    """Raise `InputError` if a run has other windows than single days."""
    for window in recorded:
        if window.from_date is None or window.from_date != window.until_date:
            raise InputError(
                f"{output}: its run has the window {window}, and --since-last collects day by day: "
                "give another --output, or the options of that run"
            )


def _check_bound(recorded: Sequence[Window], new: Sequence[Window], output: Path) -> None:
    """Raise `InputError` if a run would get days that lie before those that may be collected."""
    last, bound, end = recorded[-1].until_date, new[0].from_date, new[-1].until_date
    if last is None or bound is None or end is None:
        return
    if (days := (end - last).days) > len(new):
        raise InputError(
            f"{output}: its run ends with {last}, and --at-most {len(new)}d reaches back to "
            f"{bound} only: give another --output, or --at-most {days}d or more"
        )


def _as_recorded(
    recorded: Plan, companies: Companies
) -> tuple[MutableSequence[int], Sequence[int]]:
    """Return the first window of each company, and the places of those that were added.

    For these it is the first window of all.
    """
    firsts, added = array("I", bytes(4 * len(companies))), bytearray(b"\1" * len(companies))
    find = place_finder(companies.ids)
    for number, company_id in enumerate(recorded.companies.ids):
        if (place := find(company_id)) is not None:
            added[place] = 0
            firsts[place] = recorded.first_windows[number] if recorded.first_windows else 0
    return firsts, [place for place, is_added in enumerate(added) if is_added]


def _grown(recorded: Plan, plan: Plan, settings: RunSettings | PlanSettings, output: Path) -> Begun:
    """Return a plan whose companies begin as recorded; those that were added, as without a run."""
    windows = _continued(recorded.windows, plan.windows)
    firsts, added = _as_recorded(recorded, plan.companies)
    remarks: list[str] = []
    if added:
        ids = tuple(plan.companies.ids[place] for place in added)
        chosen, remarks = _chosen_firsts(Plan(Companies(ids), windows), settings, output)
        for place, first in zip(added, chosen, strict=True):
            firsts[place] = first
        begin, reach = windows[0].from_date, plan.windows[0].from_date
        if not min(chosen) and begin is not None and reach is not None and reach < begin:
            remarks.append(
                f"{output}: companies were added, and the run begins with {begin}; their days "
                f"before that, from {reach} on, are collected by a run with another --output"
            )
    return Begun(Plan(plan.companies, windows, firsts), remarks)


def _since_siblings(plan: Plan, settings: RunSettings | PlanSettings, output: Path) -> Begun:
    firsts, remarks = _chosen_firsts(plan, settings, output)
    lowest = min(firsts)
    begun = Plan(plan.companies, plan.windows[lowest:], [first - lowest for first in firsts])
    return Begun(begun, remarks)


def _chosen_firsts(
    plan: Plan, settings: RunSettings | PlanSettings, output: Path
) -> tuple[Sequence[int], list[str]]:
    """Return the first window of each company by the runs beside a directory, and remarks."""
    service, remarks = describe_service(settings), list[str]()
    runs = [run for run in _siblings(output, remarks) if _counts(run, service, remarks)]
    firsts = _first_uncovered(plan, runs, zone_named(settings.timezone), remarks)
    lookback = settings.lookback or 0
    for place, first in enumerate(firsts):
        firsts[place] = max(0, first - lookback)
    remarks += (twice for run in runs for twice in run.stored_twice())
    if len(remarks) > _REMARKS:
        more = len(remarks) - _REMARKS
        remarks[_REMARKS:] = [f"and {counted(more, 'more warning')} about runs beside {output}"]
    return firsts, remarks


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
            parts = parts_in(directory)
            if any(files.manifest.exists() for files in parts):
                yield find_run(directory)
            elif any(files.has_statistics() for files in parts):
                remarks.append(_not_counted(f"{directory}: has answers, and no run.json"))
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
    plan: Plan, runs: list[RecordedRun], zone: ZoneInfo | None, remarks: list[str]
) -> MutableSequence[int]:
    """Return, for each company, the place of the first window that no run covers, or the last.

    A run is read only if it has planned a day that some company still lacks: with a lookback, most
    days are in many runs.
    """
    answered = AnsweredDays(plan.companies.ids, zone)
    days = [window.from_date or date.min for window in plan.windows]
    firsts = array("I", [len(days) - 1]) * len(plan.companies)
    unread, begun = deque(sorted(runs, key=_first_day)), list[RecordedRun]()
    undecided = (1 << len(plan.companies)) - 1
    begin = days[0]
    while undecided:
        uncovered = answered.uncovered(DateRange(begin, days[-1]))
        gap = next((each for each in uncovered if each.companies & undecided), None)
        if gap is None:
            break
        begin = gap.days.from_date
        while unread and _first_day(unread[0]) <= begin.isoformat():
            insort(begun, unread.popleft(), key=_last_day)
        # That reaches furthest.
        if begun and _last_day(begun[-1]) >= begin.isoformat():
            _read(begun.pop(), answered, remarks)
            continue
        first = (begin - days[0]).days
        for place in gap._replace(companies=gap.companies & undecided).places():
            firsts[place] = first
        undecided &= ~gap.companies
    return firsts


def _first_day(run: RecordedRun) -> str:
    """Return the first day that a run has planned; of one without dates, a text after any day."""
    return run.manifest.plan.from_date or "9"


def _last_day(run: RecordedRun) -> str:
    return run.manifest.plan.until_date or ""


def _read(run: RecordedRun, answered: AnsweredDays, remarks: list[str]) -> None:
    lines: list[int] = []

    def take(line: bytes) -> bool:
        result = parse_result(line)
        if result is None:
            return False
        lines[-1] += 1
        answered.add(result)
        return True

    for path in run.statistics():
        lines.append(0)
        try:
            damaged = damaged_spans(path, take)
        except OSError as error:
            remarks.append(_not_counted(f"{path}: cannot be read: {error.strerror}"))
            return
        except InputError as error:
            remarks.append(_not_counted(str(error)))
            return
        remarks += map(_not_counted, left_out(path, damaged, is_growing=run.held_by is not None))
    remarks += map(_not_counted, run.lost(lines))
