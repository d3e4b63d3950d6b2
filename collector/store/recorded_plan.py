"""The plan that a run directory was made for, and how another one differs from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Self

from collector.models import Window
from collector.plan import Companies, DateRange, Plan, WindowSize, cut_windows, read_companies
from collector.quoting import escaped
from collector.store.manifest import Manifest, PlanRecord

__all__ = ["RecordedPlan"]

_LISTED: Final = 5
"""Companies that a message names; more would hide the rest of it."""


@dataclass(frozen=True, slots=True)
class RecordedPlan:
    """What a run directory says that it is for: its companies, its windows and the service."""

    plan: Plan
    window: WindowSize
    service: dict[str, str]

    @classmethod
    def read(cls, manifest: Manifest, companies: Path) -> Self:
        """Put the plan together again from the manifest and the list of companies beside it.

        Raises `InputError` when the list cannot be read, and `ValueError` for a damaged manifest.
        """
        record = manifest.plan
        window = WindowSize.parse(record.window)
        windows = cut_windows(_date_range(record), window)
        return cls(Plan(read_companies(companies), windows), window, manifest.service)

    def differences(self, plan: Plan, service: dict[str, str]) -> list[str]:
        """Say in words why lines of this plan and of another cannot stand in one directory.

        There is none when the other one is the same, or has grown: more companies, or more
        windows at the end.
        """
        return [
            *_service_differences(self.service, service),
            *_company_differences(self.plan.companies, plan.companies),
            *_window_differences(self.plan.windows, plan.windows),
        ]


def _date_range(record: PlanRecord) -> DateRange | None:
    if record.from_date is None or record.until_date is None:
        return None
    return DateRange(date.fromisoformat(record.from_date), date.fromisoformat(record.until_date))


def _service_differences(old: dict[str, str], new: dict[str, str]) -> list[str]:
    return [
        f"--{name} was {old.get(name, 'not given')} and is now {value}"
        for name, value in new.items()
        if old.get(name) != value
    ]


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
