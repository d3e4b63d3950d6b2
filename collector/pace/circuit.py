"""The circuit breaker: when it opens, and the single probe requests that leave while it is open.

`CircuitBreaker` tells an outage of the service from cells that are broken. `OpenCircuit` times the
probes, whether the server refuses everything or is down.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

__all__ = ["Cause", "CircuitBreaker", "OpenCircuit"]

_GROWTH: Final = 2.0
_COMPANIES_KNOWN: Final = 5


class Cause(Enum):
    """Why there is a blockade."""

    REFUSED = auto()
    """Because of the rate, as the server says: by 429, or with `Retry-After`."""
    UNAVAILABLE = auto()
    """By 503s that follow the rate, or seem to."""
    FAILING = auto()
    """Nearly everything fails."""

    @property
    def first(self) -> float:
        """Seconds before the first probe: a bucket fills again in no time, an outage lasts."""
        return 1.0 if self is Cause.FAILING else 0.2

    @property
    def longest(self) -> float:
        """Seconds between two probes, at most; what a quota of a minute leaves may end any time."""
        return 30.0 if self is Cause.FAILING else 15.0


@dataclass(slots=True)
class OpenCircuit:
    """When the next probe may leave. Time (seconds) is passed in.

    Probes go singly: while one is on its way no other leaves, or not before `lost_after` seconds.
    The time between them doubles. `interval` is the first one; `since` is when the refusal or
    failure came with which the blockade began.
    """

    cause: Cause
    since: float
    interval: float
    lost_after: float
    closed_until: float = field(init=False)
    """Until when nobody was let in for sure: a refusal came then, or a pause was asked for."""
    _not_before: float = field(init=False)
    companies: set[str] = field(default_factory=set)
    """Whose probes have brought nothing; a few are enough to know."""
    _probe_at: float | None = None

    def __post_init__(self) -> None:
        """Let the first probe wait for one interval."""
        self.closed_until = self.since
        self._not_before = self.since + self.interval

    @property
    def next_at(self) -> float:
        """When the next probe may leave."""
        if self._probe_at is None:
            return self._not_before
        return max(self._not_before, self._probe_at + self.lost_after)

    def pause_until(self, moment: float) -> None:
        """Let no probe leave before `moment`, as the server asks; a later one stays as it is."""
        self.closed_until = max(self.closed_until, moment)
        self._not_before = max(self._not_before, moment)

    def depart(self, now: float) -> None:
        """Take note that a probe leaves."""
        self._probe_at = now

    def is_probe(self, at: float) -> bool:
        """Say whether what left at `at` is the probe on its way."""
        return self._probe_at == at

    def probe_failed(self, now: float, company_id: str | None = None) -> None:
        """Take note that the probe brought nothing: the next one waits longer."""
        if company_id is not None and len(self.companies) < _COMPANIES_KNOWN:
            self.companies.add(company_id)
        self._probe_at = None
        self.interval = min(_GROWTH * self.interval, self.cause.longest)
        self.pause_until(now)
        self._not_before = max(self._not_before, now + self.interval)

    def probe_released(self) -> None:
        """Take note that the probe was not sent after all: another one may leave at once."""
        self._probe_at = None


_IN_A_ROW: Final = 8
_COMPANIES: Final = 3


class CircuitBreaker:
    """Counts failures in a row; an outage is 8 of them, of 3 companies or more.

    First tries only: a cell that has failed before may be broken itself, and at the end of a run
    only such cells are left. A connection that cannot be made says the same whoever tries. With a
    fifth of all requests failing by chance, 8 in a row come once in 400,000 requests.
    """

    def __init__(self, companies: int) -> None:
        self._companies_needed = min(_COMPANIES, companies)
        self._in_a_row = 0
        self._companies: set[str] = set()

    @property
    def is_doubtful(self) -> bool:
        """Whether it looks like an outage, but may still be a cell's own fault."""
        return self._in_a_row > 1

    def succeeded(self) -> None:
        """Take note that the service answers."""
        if self._in_a_row:
            self._in_a_row = 0
            self._companies.clear()

    def failed(self, company_id: str) -> bool:
        """Take note of a failure that is evidence; True when this is an outage."""
        self._in_a_row += 1
        if len(self._companies) < self._companies_needed:
            self._companies.add(company_id)
        return self._in_a_row >= _IN_A_ROW and len(self._companies) >= self._companies_needed
