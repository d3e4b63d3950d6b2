"""From options to a plan: everything that can be refused is refused here, before anything moves."""

from datetime import datetime
from pathlib import Path

from collector.date_query import DateQuery
from collector.plan import (
    Companies,
    Plan,
    cut_windows,
    read_companies,
    select_range,
    today_in,
    zone_named,
)
from collector.settings import CheckSettings, RunSettings, Selection

__all__ = ["date_query", "default_output", "prepare_plan"]


def prepare_plan(companies: Path, selection: Selection, now: datetime) -> tuple[Plan, Companies]:
    """Read the companies and cut the windows; the companies come along for their warnings.

    Raises `InputError` for anything wrong in the options or in the file.
    """
    date_range = select_range(
        selection.from_date,
        selection.until_date,
        selection.last,
        today_in(selection.timezone, now),
    )
    windows = cut_windows(date_range, selection.window)
    read = read_companies(companies)
    return Plan(read, windows), read


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
