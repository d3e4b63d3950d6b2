"""From options to a plan: all input is checked here, before anything is sent or written."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from collector.core.cell import Window
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
from collector.settings import CheckSettings, RunSettings, Selection

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
    """Return the windows that are selected. Raises `InputError` for options that make none."""
    date_range = select_range(
        selection.from_date,
        selection.until_date,
        selection.last,
        today_in(selection.timezone, now),
    )
    return cut_windows(*extend_back(date_range, selection.window, selection.lookback))


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
