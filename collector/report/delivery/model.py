"""What the API counted, in sums and over time, and how it changed between answers of one cell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from collector.report.delivery import texts
from collector.report.language import Text
from collector.report.model import Company, WindowSpan

__all__ = [
    "DRAWN_COUNTERS",
    "FAILS",
    "PENDING",
    "PRESSED",
    "RECEIVED",
    "SENDED",
    "TOTAL",
    "CompanyShare",
    "CountMovement",
    "Counter",
    "Delivery",
    "OtherActions",
    "RestatedCell",
    "RestatedWindow",
    "Restatements",
    "SpanDelivery",
    "comparable",
    "divisor",
    "shows_per_day",
]

_UNEVEN: Final = 1.15
"""Ratio of days up to which spans are compared without division: months stay below it."""


@dataclass(frozen=True, slots=True)
class OtherActions:
    """The actions that are not told apart: how many there are, and the sum of all of them."""

    count: int
    sum: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """Sums of the API's counters, spelled as the API spells them, and of its actions by name.

    `total` should be `sended` + `pending` + `fails`. `received` is the action RECEIVED, `pressed`
    the action PRESS_ACTION; `actions` has all of them, these two included, but for `others`.
    """

    total: int = 0
    sended: int = 0
    pending: int = 0
    fails: int = 0
    actions: Mapping[str, int] = field(default_factory=dict)
    others: OtherActions | None = None

    @property
    def received(self) -> int:
        """Notifications that arrived."""
        return self.actions.get("RECEIVED", 0)

    @property
    def pressed(self) -> int:
        """Notifications that were pressed."""
        return self.actions.get("PRESS_ACTION", 0)


@dataclass(frozen=True, slots=True)
class SpanDelivery:
    """The sums of a span, over all companies and its `answers` answered cells.

    Without an answer the sums are 0, and mean nothing.
    """

    span: WindowSpan
    delivery: Delivery
    answers: int


@dataclass(frozen=True, slots=True)
class CompanyShare:
    """A company with fails: `fails` of `total` over all its answers (0 < fails <= total)."""

    company: Company
    total: int
    fails: int


@dataclass(frozen=True, slots=True)
class CountMovement:
    """By how much a count rose and fell over all restated cells; both are 0 or more.

    `name` is a counter (`total`, ...) or, if `is_action`, an action.
    """

    name: str
    is_action: bool
    rose: int
    fell: int


@dataclass(frozen=True, slots=True)
class RestatedWindow:
    """A window with cells that were answered in more than one run, and how many were restated."""

    from_date: date | None
    until_date: date | None
    cells: int
    restated: int


@dataclass(frozen=True, slots=True)
class RestatedCell:
    """A restated cell, and by how much each count moved over all its answers."""

    company: Company
    from_date: date
    until_date: date
    movements: tuple[CountMovement, ...]


@dataclass(frozen=True, slots=True)
class Restatements:
    """How cells that were answered more than once changed from one answer to the next.

    `windows` are the newest 60 of the `all_windows` with such cells, the oldest first; `highest` is
    the one of all of them with the highest share of restated cells, None if there are no such
    cells. `examples` are the 20 cells that moved most, by the sum of what rose and fell.
    """

    cells: int
    restated: int
    windows: tuple[RestatedWindow, ...]
    all_windows: int
    highest: RestatedWindow | None
    movements: tuple[CountMovement, ...]
    examples: tuple[RestatedCell, ...]


class Counter(NamedTuple):
    """A counter or an action that is drawn; `colour` names an entry of the palette."""

    name: Text
    colour: str
    of: Callable[[Delivery], int]


def _as_spelled(name: str) -> Text:
    return Text(name, name)


TOTAL: Final = Counter(_as_spelled("total"), "total", lambda sums: sums.total)
SENDED: Final = Counter(_as_spelled("sended"), "sended", lambda sums: sums.sended)
PENDING: Final = Counter(_as_spelled("pending"), "pending", lambda sums: sums.pending)
FAILS: Final = Counter(_as_spelled("fails"), "fails", lambda sums: sums.fails)
DRAWN_COUNTERS: Final = (TOTAL, SENDED, PENDING, FAILS)
"""The counters that the page draws; it leaves `campaign` out."""

RECEIVED: Final = Counter(texts.RECEIVED, "received", lambda sums: sums.received)
PRESSED: Final = Counter(texts.PRESSED, "pressed", lambda sums: sums.pressed)


def comparable(sums: Sequence[SpanDelivery]) -> list[SpanDelivery]:
    """Return the spans with known days, without the server's default window.

    If the server's default window is all that there is, it is returned.
    """
    return [one for one in sums if one.span.days is not None] or list(sums)


def shows_per_day(sums: Sequence[SpanDelivery]) -> bool:
    """Tell whether spans differ so much in length that only counts per day can be compared."""
    days = [one.span.days for one in comparable(sums) if one.span.days is not None]
    return max(days, default=0) > _UNEVEN * min(days, default=0)


def divisor(one: SpanDelivery, *, per_day: bool) -> int:
    """Return the divisor of the sums of a span: its days, or 1 where sums are compared."""
    return (one.span.days or 1) if per_day else 1
