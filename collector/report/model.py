"""What the page shows: plain values, aggregated already, so that drawing them is all that is left.

Days are dates, both ends of a window included; `None` stands for the server's default window.
Moments are aware datetimes in UTC. Texts that come from data (ids, names, actions, messages, paths)
are raw: whoever puts them into a page escapes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

__all__ = [
    "Behaviour",
    "Company",
    "CompanyGroup",
    "CompanyShare",
    "Coverage",
    "Delivery",
    "Gap",
    "Interval",
    "Movement",
    "Quality",
    "Report",
    "Restated",
    "RestatedCell",
    "RestatedWindow",
    "RunFacts",
    "Span",
    "SpanDelivery",
    "Tile",
]


@dataclass(frozen=True, slots=True)
class Company:
    """A company: its id, and the name that the companies file gives it, if any."""

    id: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Span:
    """`windows` neighbouring windows as one column; the dates are None for the server's default.

    `days` is how long its windows are together, which is less than from one date to the other if
    there are days between them; None if one of them is the server's default.
    """

    from_date: date | None
    until_date: date | None
    windows: int
    days: int | None


@dataclass(frozen=True, slots=True)
class CompanyGroup:
    """`companies` neighbours of the companies file as one row, from `first` to `last`."""

    first: Company
    last: Company
    companies: int


@dataclass(frozen=True, slots=True)
class Tile:
    """How many cells of a group and a span are in each state; their sum is what was planned.

    All four are 0 where nothing was planned (several runs of different plans).
    """

    data: int
    empty: int
    failed: int
    missing: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A company that lacks answers: how many of its cells failed, how many are missing."""

    company: Company
    failed: int
    missing: int
    planned: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """The heat map: `tiles[row][column]` belongs to `groups[row]` and `spans[column]`.

    `total` sums all tiles. `gaps` are the companies that lack most answers, at most 50 of
    `companies_with_gaps`. A cell that any of the runs has answered is answered. `is_known` is False
    if the list of companies of some run could not be read, or was edited: then cells may be missing
    that nobody knows of, and those are counted that have an answer or an error line.
    """

    groups: tuple[CompanyGroup, ...]
    spans: tuple[Span, ...]
    tiles: tuple[tuple[Tile, ...], ...]
    total: Tile
    gaps: tuple[Gap, ...]
    companies_with_gaps: int
    is_known: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """Sums of the API's counters, spelled as the API spells them, and of its actions by name.

    `total` should be `sended` + `pending` + `fails`. `received` is the action RECEIVED, `pressed`
    the action PRESS_ACTION; `actions` has all of them, these two included.
    """

    total: int = 0
    sended: int = 0
    pending: int = 0
    fails: int = 0
    actions: Mapping[str, int] = field(default_factory=dict)

    @property
    def received(self) -> int:
        """Notifications that arrived."""
        return self.actions.get("RECEIVED", 0)

    @property
    def pressed(self) -> int:
        """Notifications on which somebody pressed."""
        return self.actions.get("PRESS_ACTION", 0)


@dataclass(frozen=True, slots=True)
class SpanDelivery:
    """The sums of a span, over all companies; `answers` cells are in them.

    Without an answer the sums are 0, and say nothing.
    """

    span: Span
    delivery: Delivery
    answers: int


@dataclass(frozen=True, slots=True)
class CompanyShare:
    """A company with fails: `fails` of `total` over all its answers (0 < fails <= total)."""

    company: Company
    total: int
    fails: int


@dataclass(frozen=True, slots=True)
class Movement:
    """By how much a count rose and fell over all restated cells; both are 0 or more.

    `name` is a counter (`total`, ...) or, if `is_action`, an action.
    """

    name: str
    is_action: bool
    rose: int
    fell: int


@dataclass(frozen=True, slots=True)
class RestatedWindow:
    """Of the `cells` of a window that were answered in more than one run, how many moved."""

    from_date: date | None
    until_date: date | None
    cells: int
    restated: int


@dataclass(frozen=True, slots=True)
class RestatedCell:
    """A cell that moved, and by how much over all its answers, counter by counter."""

    company: Company
    from_date: date
    until_date: date
    movements: tuple[Movement, ...]


@dataclass(frozen=True, slots=True)
class Restated:
    """What became of cells that were answered more than once, from one answer to the next.

    `windows` are the newest 60 of the `all_windows` with such cells, the oldest first; `highest` is
    the one of all of them with the highest share of restated cells, None if there are no such
    cells. `examples` are the 20 cells that moved most, by the sum of what rose and fell.
    """

    cells: int
    restated: int
    windows: tuple[RestatedWindow, ...]
    all_windows: int
    highest: RestatedWindow | None
    movements: tuple[Movement, ...]
    examples: tuple[RestatedCell, ...]


@dataclass(frozen=True, slots=True)
class Interval:
    """What a run did in some seconds: rates in requests a second, latencies in seconds.

    `allowed` is the rate in force at the end of it. Latencies are None when nothing was answered.
    """

    ended_at: datetime
    seconds: float
    sent: float
    refused: float
    retried: float
    allowed: float
    latency_p50: float | None
    latency_p90: float | None
    latency_p99: float | None


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a run went over time; empty for runs of before that was written down."""

    directory: str
    intervals: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the manifest says of a run, its last attempt and all attempts together.

    `exit_code` and `ended_at` are None when the last attempt was killed or is at work. `cells` are
    those of its own plan, by its own lines: what it lacks another run may have answered.
    `requests`, `refused` and `retried` are of all attempts; of one that was killed or is at work
    only what its samples tell, so that they are the least that there were
    unless `is_counted`. `requests_per_second` and the latencies are of the last attempt,
    `limit_found` is what was found last. `verdict` and `until` are what is known of the dates (see
    `collector.store.manifest.DatesRecord`).
    """

    directory: str
    from_date: date | None
    until_date: date | None
    companies: int
    windows: int
    attempts: int
    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    is_at_work: bool
    cells: Tile
    is_counted: bool
    requests: int
    refused: int
    retried: int
    requests_per_second: float | None
    limit_found: float | None
    latency_p50: float | None
    latency_p99: float | None
    verdict: str | None
    until: str | None
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quality:
    """What in the data is odd. Lists hold at most 50 of what the count beside them says.

    `unbalanced`: cells whose total is not sended + pending + fails, with that difference in
    `unbalanced_examples` as (company, from, until, total, sum). `empty_everywhere`: companies with
    zeros in every answered window. `same_everywhere`: companies with two or more windows and the
    same answer, not an empty one, in each of them; `comparable` is how many have two or more
    answers that are not empty. `remarks`: what is odd in the files, in words.
    """

    unbalanced: int
    unbalanced_examples: tuple[tuple[Company, date | None, date | None, int, int], ...]
    empty_everywhere: int
    empty_examples: tuple[Company, ...]
    same_everywhere: int
    comparable: int
    same_examples: tuple[Company, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All that one page shows.

    `delivery` sums the newest answer of every cell; `over_time` splits it by spans, the oldest
    first, at most 120 of them. `overlap` says that windows have days in common, so that sums count
    days twice. `runs` and `behaviour` are ordered, the oldest first; `behaviour` has the newest 5.
    `failing` are at most 20 companies, by the lower end of the interval in which their share
    of fails lies with 95 % confidence (Wilson), so that one fail of one does not come first.
    `restated` is None for a single run.
    """

    made_at: datetime
    runs: tuple[RunFacts, ...]
    coverage: Coverage
    delivery: Delivery
    over_time: tuple[SpanDelivery, ...]
    overlap: bool
    failing: tuple[CompanyShare, ...]
    restated: Restated | None
    behaviour: tuple[Behaviour, ...]
    quality: Quality
