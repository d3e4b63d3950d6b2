"""What the API counted, in sums and over time, and how it changed between answers of one cell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import sqrt
from typing import Final, NamedTuple

from collector.report.delivery import texts
from collector.report.delivery.settling import ASSUMED, Settling
from collector.report.language import Text
from collector.report.model import Company, Tile, WindowSpan

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
    "lacks_many",
    "named",
    "shows_per_day",
    "whole",
    "wilson",
]

_UNEVEN: Final = 1.15
"""Ratio of days up to which spans are compared without division: months stay below it."""

_Z: Final = 1.96
"""Standard deviations of a normal distribution that 95 % lie within."""


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

    Without an answer the sums are 0, and mean nothing. Unless `is_settled`, some answers were
    fetched so early that their figures still change.
    """

    span: WindowSpan
    delivery: Delivery
    answers: int
    is_settled: bool = True


@dataclass(frozen=True, slots=True)
class CompanyShare:
    """A company with fails: `fails` of `total` over all its answers; both are above 0.

    An odd API may count more fails than notifications.
    """

    company: Company
    total: int
    fails: int

    @property
    def share(self) -> float:
        """The share of fails, from 0 on."""
        return self.fails / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """The interval in which the share lies with 95 % confidence (E. B. Wilson, 1927)."""
        return wilson(self.fails, self.total)


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
    `settling` is how old answers must be to be final.
    """

    cells: int
    restated: int
    windows: tuple[RestatedWindow, ...]
    all_windows: int
    highest: RestatedWindow | None
    movements: tuple[CountMovement, ...]
    examples: tuple[RestatedCell, ...]
    settling: Settling = ASSUMED


class Counter(NamedTuple):
    """A counter or an action that is drawn; `colour` names an entry of the palette."""

    name: Text
    colour: str
    of: Callable[[Delivery], int]

    def part(self, delivery: Delivery) -> tuple[int, int]:
        """Return the count, and the whole that its percentage is of: always `total`."""
        return self.of(delivery), delivery.total


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


def whole(sums: Sequence[SpanDelivery]) -> list[SpanDelivery]:
    """Return the comparable spans that are not partial: those that may be named the highest."""
    return [one for one in comparable(sums) if not one.span.is_partial]


def named(sums: Sequence[SpanDelivery], cells: Mapping[WindowSpan, Tile]) -> list[SpanDelivery]:
    """Return the spans of which one may be named the highest or the lowest.

    A partial span never is. Spans that lack answers or still change are left out as well if two
    others remain; otherwise those that change, or else those that lack answers, or else neither.
    `cells` are the planned cells of each span.
    """
    answered = [one for one in whole(sums) if one.answers]
    complete = [one for one in answered if not lacks_many(one, cells)]
    settled = [one for one in answered if one.is_settled]
    both = [one for one in complete if one.is_settled]
    return next((found for found in (both, settled, complete) if len(found) > 1), answered)


def lacks_many(one: SpanDelivery, cells: Mapping[WindowSpan, Tile]) -> bool:
    """Tell whether 1 % or more of the planned cells of a span lack an answer."""
    tile = cells.get(one.span)
    return tile is not None and tile.lacks_many


def shows_per_day(sums: Sequence[SpanDelivery]) -> bool:
    """Tell whether spans differ so much in length that only counts per day can be compared.

    A partial span is no reason: it is drawn as what it is.
    """
    days = [one.span.days for one in whole(sums) if one.span.days is not None]
    return max(days, default=0) > _UNEVEN * min(days, default=0)


def divisor(one: SpanDelivery, *, per_day: bool) -> int:
    """Return the divisor of the sums of a span: its days, or 1 where sums are compared."""
    return (one.span.days or 1) if per_day else 1


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Return the ends of the 95 % interval of a share by E. B. Wilson (1927), from 0 to 1.

    A part that is more than the whole has the interval of all.
    """
    share = min(1.0, part / whole)
    centre = share + _Z**2 / (2 * whole)
    half = _Z * sqrt((share * (1 - share) + _Z**2 / (4 * whole)) / whole)
    spread = 1 + _Z**2 / whole
    return max(0.0, (centre - half) / spread), min(1.0, (centre + half) / spread)
