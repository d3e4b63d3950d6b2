"""The plan that a run directory was made for, and how another one differs from it."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from collector.cells import Window
from collector.errors import InputError
from collector.plan import Companies, DateRange, Plan, WindowSize, cut_windows
from collector.quoting import escaped
from collector.store.company_list import read_company_list
from collector.store.manifest import PlanRecord

__all__ = ["Recorded", "plan_differences", "recorded_plan", "service_differences"]

_LISTED: Final = 5
"""Companies that a message names; more would hide the rest of it."""

_BEFORE_IT_WAS_AN_OPTION: Final = {"date-format": "YYYY-MM-DD"}
"""What manifests of then do not say."""


class Recorded(NamedTuple):
    """The plan that a run directory was made for; `is_intact` is False if its list was edited."""

    plan: Plan
    is_intact: bool


def recorded_plan(record: PlanRecord, path: Path) -> Recorded:
    """Put a plan together again from the manifest's record and the list of companies beside it.

    Raises `InputError` when the list cannot be read, and `ValueError` for a damaged record.
    """
    try:
        windows = cut_windows(_date_range(record), WindowSize.parse(record.window))
    except InputError as error:
        # It is about the record here, not about what was given on the command line.
        raise ValueError(str(error)) from error
    companies, is_intact = read_company_list(path)
    return Recorded(Plan(companies, windows), is_intact)


def plan_differences(old: Plan, new: Plan) -> list[str]:
    """Say in words why lines of two plans cannot stand in one directory.

    There is no reason when the new one is the same, or has grown: more companies, or more windows
    at the end.
    """
    return [
        *_company_differences(old.companies, new.companies),
        *_window_differences(old.windows, new.windows),
    ]


def service_differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Say in words how two services differ, each given as options and their values."""
    old, new = ({**_BEFORE_IT_WAS_AN_OPTION, **service} for service in (old, new))
    return [
        f"--{name} was {old.get(name, 'not given')} and is now {new.get(name, 'not given')}"
        for name in {**new, **old}
        if old.get(name) != new.get(name)
    ]


def _date_range(record: PlanRecord) -> DateRange | None:
    if record.from_date is None or record.until_date is None:
        return None
    return DateRange(date.fromisoformat(record.from_date), date.fromisoformat(record.until_date))


def _company_differences(old: Companies, new: Companies) -> list[str]:
    # Ids that are not in the new list, without building a set of both: usually none is gone.
    present = set(new.ids)
    gone = [company_id for company_id in old.ids if company_id not in present]
    if not gone:
        return []
    listed = ", ".join(escaped(company_id) for company_id in gone[:_LISTED])
    more = f" and {len(gone) - _LISTED:,} more" if len(gone) > _LISTED else ""
    return [f"{len(gone):,} of its companies are not in the file now: {listed}{more}"]


def _window_differences(old: Sequence[Window], new: Sequence[Window]) -> list[str]:
    if tuple(new[: len(old)]) == tuple(old):
        return []
    if old[0].from_date != new[0].from_date:
        return [f"it began {_first_day(old)}, and now would begin {_first_day(new)}"]
    for before, after in zip(old, new, strict=False):
        if before != after:
            return [f"its window {before} would become {after}"]
    return [f"it ended on {old[-1].until_date}, and now would end on {new[-1].until_date}"]


def _first_day(windows: Sequence[Window]) -> str:
    first = windows[0].from_date
    return "with the server's default window" if first is None else f"on {first}"
