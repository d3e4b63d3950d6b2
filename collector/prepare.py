"""From options to a plan: everything that can be refused is refused here, before anything moves."""

from datetime import datetime
from pathlib import Path

from collector.plan import Companies, Plan, cut_windows, read_companies, select_range, today_in
from collector.settings import Selection

__all__ = ["default_output", "prepare_plan"]


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
