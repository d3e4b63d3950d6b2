"""From options to a plan: all input is checked here, before anything is sent or written."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from collector.core.cell import Window
from collector.core.errors import InputError
from collector.plan import (
    WHOLE,
    Companies,
    Plan,
    WindowSize,
    cut_windows,
    extend_back,
    read_companies,
    select_range,
    size_of,
    today_in,
    zone_named,
)
from collector.plan.date_params import DateQuery
from collector.settings import CheckSettings, RunSettings, Selection, SinceLast

__all__ = [
    "date_query",
    "default_output",
    "duplicate_remarks",
    "prepare_plan",
    "prepare_windows",
    "window_size",
]


def prepare_plan(companies: Path, selection: Selection, now: datetime) -> tuple[Plan, Companies]:
    """Return the plan, and the companies that were read, for warnings about duplicates.

    Raises `InputError` for anything wrong in the options or in the file.
    """
    windows = prepare_windows(selection, now)
    read = read_companies(companies, columns=selection.columns)
    return Plan(read, windows), read


def prepare_windows(selection: Selection, now: datetime) -> Sequence[Window]:
    """Return the windows that are selected. Raises `InputError` for options that make none.

    With `--since-last` they are all that may be collected: `collector.store.since_last` chooses.
    """
    today = today_in(selection.timezone, now)
    if isinstance(selection, SinceLast) and selection.since_last:
        _check_since_last(selection)
        return cut_windows(select_range(None, None, selection.at_most, today), selection.window)
    date_range = select_range(selection.from_date, selection.until_date, selection.last, today)
    return cut_windows(*extend_back(date_range, selection.window, selection.lookback))


_DAILY: Final = WindowSize("days", 1)


def _check_since_last(selection: SinceLast) -> None:
    """Raise `InputError` for options that contradict `--since-last`."""
    given = {
        "--from": selection.from_date,
        "--until": selection.until_date,
        "--last": selection.last,
    }
    for option, value in given.items():
        if value is not None:
            raise InputError(
                f"--since-last cannot be combined with {option}: it chooses the days itself, until "
                "yesterday; give one of them"
            )
    if selection.window != _DAILY:
        raise InputError(
            f"--since-last collects day by day, and --window is {selection.window}: give "
            "--window 1d"
        )
    lookback = selection.lookback or 0
    if lookback >= selection.at_most:
        raise InputError(
            f"--lookback {selection.lookback} reaches further back than --at-most "
            f"{selection.at_most} allows: give --at-most {lookback + 1}d or more, or a shorter "
            "--lookback"
        )


def duplicate_remarks(companies: Companies) -> list[str]:
    """Return a text for each duplicate that was dropped; 10 at most, and how many more."""
    duplicates = companies.duplicates
    remarks = [
        f"{companies.source}:{duplicate.line}: company {duplicate.id} "
        f"is in line {duplicate.first_line} already; dropped"
        for duplicate in duplicates[:_SHOWN]
    ]
    if len(duplicates) > _SHOWN:
        remarks.append(f"and {len(duplicates) - _SHOWN} more duplicates dropped")
    return remarks


_SHOWN: Final = 10


def window_size(selection: Selection, plan: Plan) -> WindowSize:
    """Return the size by which the days of a plan, from first to last, are cut into its windows.

    It is that of the selection, except for a `whole` range with a lookback: the range is then one
    of several windows of its own length.
    """
    if selection.lookback is None or selection.window != WHOLE:
        return selection.window
    return size_of(plan.windows[0]) or selection.window


def default_output(selection: Selection, now: datetime) -> Path:
    """Return `output/<today>`, today being that of `--timezone`."""
    return Path("output") / today_in(selection.timezone, now).isoformat()


def date_query(settings: RunSettings | CheckSettings) -> DateQuery:
    """Return how windows are put into queries. Raises `InputError` for an unknown time zone."""
    return DateQuery(
        settings.from_param,
        settings.until_param,
        settings.date_format,
        settings.until_exclusive,
        zone_named(settings.timezone),
    )
