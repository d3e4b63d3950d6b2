"""Moments on an axis of time: full minutes, hours or days in UTC, as numbers in every language."""

from datetime import UTC, datetime
from typing import Final

__all__ = ["ticks"]

_STEPS: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3600 * hours for hours in (1, 2, 3, 6, 12)),
    *(86_400 * days for days in (1, 2, 7, 14, 28)),
)
"""Seconds between moments."""

_MINUTE: Final = 60
_DAY: Final = 86_400
_ROOM: Final = 84
"""Pixels per moment."""


def ticks(first: datetime, last: datetime, width: float) -> list[tuple[datetime, str]]:
    """Return the moments from `first` to `last` that fit into `width` pixels, and their labels.

    Both are aware. A label is a time of day, or a day where moments are days apart.
    """
    fitting = max(2, width // _ROOM)
    seconds = (last - first).total_seconds()
    step = next((one for one in _STEPS if seconds / one <= fitting), None)
    if step is None:
        step = _STEPS[-1] * -(-int(seconds) // int(_STEPS[-1] * fitting))
    written = "%Y-%m-%d" if step >= _DAY else "%H:%M" if step >= _MINUTE else "%H:%M:%S"
    begin = -(-first.timestamp() // step) * step
    found = []
    while begin <= last.timestamp():
        at = datetime.fromtimestamp(begin, UTC)
        found.append((at, f"{at:{written}}"))
        begin += step
    return found
