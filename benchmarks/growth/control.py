"""A fixed piece of work that runs beside a command, and shows how slow the machine is just then."""

import time
from statistics import fmean
from typing import Final

import orjson

__all__ = ["Control"]

_LINES: Final = 4000
_REFERENCE: Final = 40
"""How often the work is done before the first command; the least counts."""

_LINE: Final = orjson.dumps(
    {
        "company_id": "1234567",
        "from_date": "2026-01-01",
        "until_date": "2026-01-01",
        "statistics": {"total": 900, "sended": 700, "pending": 50, "actions": {"RECEIVED": 500}},
    }
)


class Control:
    """Does the work, which resembles that of the commands: lines are decoded, and put in a table.

    A virtual machine is slower while its neighbours work, for minutes or for parts of a second, and
    the CPU time of a process grows with that. The CPU time of the work grows by the same share.
    """

    def __init__(self) -> None:
        self._least = min(_seconds() for _ in range(_REFERENCE))
        self._samples: list[float] = []

    def sample(self) -> None:
        """Do the work once."""
        self._samples.append(_seconds())

    def slowness(self) -> float:
        """Return how much more CPU time the samples since the last call took than the reference."""
        slowness = fmean(self._samples) / self._least
        self._samples.clear()
        return slowness


def _seconds() -> float:
    """Return the CPU time of the work."""
    began = time.thread_time()
    table = dict[tuple[str, int], bytes]()
    for number in range(_LINES):
        line = orjson.loads(_LINE)
        table[line["company_id"], number] = orjson.dumps(line["statistics"])
    return time.thread_time() - began
