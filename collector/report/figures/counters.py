"""The counters and actions that are drawn: what each is called, its colour, where it is found."""

from collections.abc import Callable
from typing import Final, NamedTuple

from collector.report.language import Text
from collector.report.model import Delivery
from collector.report.texts import delivery as texts

__all__ = ["COUNTERS", "FAILS", "PENDING", "PRESSED", "RECEIVED", "SENDED", "TOTAL", "Counter"]


class Counter(NamedTuple):
    """Something that is counted; `colour` names an entry of the palette."""

    name: Text
    colour: str
    of: Callable[[Delivery], int]


def _as_spelled(name: str) -> Text:
    return Text(name, name)


TOTAL: Final = Counter(_as_spelled("total"), "total", lambda sums: sums.total)
SENDED: Final = Counter(_as_spelled("sended"), "sended", lambda sums: sums.sended)
PENDING: Final = Counter(_as_spelled("pending"), "pending", lambda sums: sums.pending)
FAILS: Final = Counter(_as_spelled("fails"), "fails", lambda sums: sums.fails)
COUNTERS: Final = (TOTAL, SENDED, PENDING, FAILS)
"""All that are counted beside actions, as the API orders them."""

RECEIVED: Final = Counter(texts.RECEIVED, "received", lambda sums: sums.received)
PRESSED: Final = Counter(texts.PRESSED, "pressed", lambda sums: sums.pressed)
