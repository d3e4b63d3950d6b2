"""The differences between the plan of a run directory and another one."""

from collections.abc import Sequence
from itertools import repeat
from typing import Final

from collector.core.cell import Window
from collector.core.text import escaped
from collector.plan import Companies, Plan

__all__ = ["plan_differences"]

_LISTED: Final = 5
"""Companies that a message names; more would make it unreadable."""


def plan_differences(old: Plan, new: Plan) -> list[str]:
    """Return the reasons, as texts, why lines of two plans cannot be in one directory.

    There are none when the new plan is the same, or has grown: more companies, or more windows at
    the end.
    """
    return [
        *_company_differences(old.companies, new.companies),
        *(_window_differences(old.windows, new.windows) or _first_day_differences(old, new)),
    ]


def _company_differences(old: Companies, new: Companies) -> list[str]:
    # Without a set of both, for usually no company is gone.
    present = set(new.ids)
    gone = [company_id for company_id in old.ids if company_id not in present]
    if not gone:
        return []
    listed = ", ".join(escaped(company_id) for company_id in gone[:_LISTED])
    more = f" and {len(gone) - _LISTED:,} more" if len(gone) > _LISTED else ""
    are = "is" if len(gone) == 1 else "are"
    return [f"{len(gone):,} of its companies {are} not in the file now: {listed}{more}"]


def _window_differences(old: Sequence[Window], new: Sequence[Window]) -> list[str]:
    if tuple(new[: len(old)]) == tuple(old):
        return []
    if old[0].from_date != new[0].from_date:
        return [f"it began {_first_day(old)}, and now would begin {_first_day(new)}"]
    for before, after in zip(old, new, strict=False):
        if before != after:
            return [f"its window {before} would become {after}"]
    return [f"it ended on {old[-1].until_date}, and now would end on {new[-1].until_date}"]


def _first_day_differences(old: Plan, new: Plan) -> list[str]:
    if not new.first_windows or new.first_windows == old.first_windows:
        return []
    begun = old.first_windows or repeat(0)
    firsts = dict(zip(new.companies.ids, new.first_windows, strict=True))
    later = [
        company_id
        for company_id, first in zip(old.companies.ids, begun, strict=False)
        if firsts.get(company_id, first) > first
    ]
    if not later:
        return []
    return [f"{len(later):,} of its companies would begin later, such as {escaped(later[0])}"]


def _first_day(windows: Sequence[Window]) -> str:
    first = windows[0].from_date
    return "with the server's default window" if first is None else f"on {first}"
