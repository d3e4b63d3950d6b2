"""How old a day is when its figures are final, as far as the runs tell."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["ASSUMED", "AgeChange", "Settling", "settling"]

_DAYS: Final = 14
"""Days that figures are taken to change; as much as `--lookback` in the documentation."""

_FEW: Final = 100
"""Fewer than one of so many restated cells of an age is a correction, and no sign of change."""


@dataclass(frozen=True, slots=True)
class Settling:
    """Answers fetched at least `days` days after the last day of their window are final.

    `is_measured` says that the runs show it; otherwise it is an assumption.
    """

    days: int
    is_measured: bool


ASSUMED: Final = Settling(_DAYS, is_measured=False)
"""For runs that have no answers in common."""


class AgeChange(NamedTuple):
    """Of `cells` answers fetched at an age in days, how many a later answer `changed`."""

    age: int
    cells: int
    changed: int


def settling(ages: Iterable[AgeChange]) -> Settling:
    """Return the age from which on answers did not change: one that was compared, and at least 0.

    If the oldest answers that were compared changed, or none were compared that are young enough,
    the age is assumed.
    """
    compared = sorted(ages)
    changed = [one.age for one in compared if _FEW * one.changed >= one.cells > 0]
    if not changed:
        youngest = compared[0].age if compared else _DAYS + 1
        return Settling(max(0, youngest), is_measured=True) if youngest <= _DAYS else ASSUMED
    settled = next((one.age for one in compared if one.age > changed[-1]), None)
    if settled is None:
        return Settling(max(_DAYS, changed[-1] + 1), is_measured=False)
    return Settling(max(0, settled), is_measured=True)
