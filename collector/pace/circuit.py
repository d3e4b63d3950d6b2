"""Circuit breaker: when it opens, and the single probe requests while it is open.

`CircuitBreaker` tells an outage of the service from cells that fail on their own. `OpenCircuit`
times the probe requests, whether the server throttles everything or is down.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from math import inf
from typing import Final

__all__ = ["Cause", "CircuitBreaker", "OpenCircuit"]

_GROWTH: Final = 2.0
_COMPANIES_KNOWN: Final = 5

_TAIL_PATIENCE: Final = 60.0
"""Seconds per company (5 at most) whose probes fail when no new cell is left. It may be an outage,
or these cells may be broken, and no other cell is left to tell."""

_REFUSED_COMPANIES: Final = 2
"""When more companies than these are throttled, the cause is the rate, even without new cells."""


class Cause(Enum):
    """Why the circuit is open."""

    REFUSED = auto()
    """The server throttles, and says so: by 429, or with `Retry-After`."""
    UNAVAILABLE = auto()
    """The server sends 503s that depend on the rate, or seem to."""
    FAILING = auto()
    """Nearly every request fails: an outage."""

    @property
    def first(self) -> float:
        """Seconds before the first probe: a token bucket refills quickly, an outage lasts."""
        return 1.0 if self is Cause.FAILING else 0.2

    @property
    def longest(self) -> float:
        """Seconds between two probes at most; a quota per minute may be renewed at any time."""
        return 30.0 if self is Cause.FAILING else 15.0


@dataclass(slots=True)
class OpenCircuit:
    """An open circuit: when the next probe request may be sent. Time (seconds) is passed in.

    Only one probe is in flight at a time, and the circuit is then half-open: the next follows its
    result, or `lost_after` seconds without one. The interval between probes doubles with each that
    fails; `interval` is the current one. `since` is the time of the response or failure that opened
    the circuit.
    """

    cause: Cause
    since: float
    interval: float
    lost_after: float
    refused_until: float = field(init=False)
    """Until when the server certainly accepted no request: a probe failed then, or the server had
    asked for a pause until then."""
    _not_before: float = field(init=False)
    companies: set[str] = field(default_factory=set)
    """Companies whose probes failed; 5 at most, which are enough to know."""
    _probe_at: float | None = None

    def __post_init__(self) -> None:
        """Delay the first probe by one interval."""
        self.refused_until = self.since
        self._not_before = self.since + self.interval

    @property
    def next_at(self) -> float:
        """When the next probe may be sent."""
        if self._probe_at is None:
            return self._not_before
        return max(self._not_before, self._probe_at + self.lost_after)

    @property
    def probe_ends_at(self) -> float:
        """When the probe in flight counts as lost; `-inf` if there is none."""
        return -inf if self._probe_at is None else self._probe_at + self.lost_after

    def pause_until(self, moment: float) -> None:
        """Send no probe before `moment`, as the server asks; a later time in force stays."""
        self.refused_until = max(self.refused_until, moment)
        self._not_before = max(self._not_before, moment)

    def probe_sent(self, now: float) -> None:
        """Record that a probe is sent."""
        self._probe_at = now

    def is_probe(self, at: float) -> bool:
        """Return whether the request that was sent at `at` is the probe in flight."""
        return self._probe_at == at

    def probe_failed(self, now: float, company_id: str | None = None) -> None:
        """Record that the probe failed: the next one waits longer."""
        if company_id is not None and len(self.companies) < _COMPANIES_KNOWN:
            self.companies.add(company_id)
        self._probe_at = None
        self.interval = min(_GROWTH * self.interval, self.cause.longest)
        self.pause_until(now)
        self._not_before = max(self._not_before, now + self.interval)

    def seems_only_cells(self, now: float) -> bool:
        """Return whether, with no new cell left, the failing cells themselves seem the cause."""
        companies = len(self.companies)
        is_rate = self.cause is not Cause.FAILING and companies > _REFUSED_COMPANIES
        return not is_rate and now - self.since >= _TAIL_PATIENCE * companies

    def probe_released(self) -> None:
        """Record that the probe was not sent after all: another one may be sent at once."""
        self._probe_at = None


_IN_A_ROW: Final = 8
_COMPANIES: Final = 3

_FLAPPING: Final = 30.0
"""An outage that begins within so many seconds of the last one continues with its interval."""


class CircuitBreaker:
    """Counts failures in a row; 8 of them, of 3 companies or more, are an outage.

    Only first tries count: a cell that has failed before may be broken itself, and at the end of a
    run only such cells are left. A connection failure counts for retries too, because it does not
    depend on the cell. If a fifth of all requests fail by chance, 8 in a row occur once in 400,000
    requests.
    """

    def __init__(self, companies: int) -> None:
        self._companies_needed = min(_COMPANIES, companies)
        self._in_a_row = 0
        self._companies: set[str] = set()
        self._ended_at = -inf
        self._interval = Cause.FAILING.first

    @property
    def is_doubtful(self) -> bool:
        """Whether there may be an outage: 2 or more failures in a row."""
        return self._in_a_row > 1

    def succeeded(self) -> None:
        """Record that the service answers."""
        if self._in_a_row:
            self._in_a_row = 0
            self._companies.clear()

    def failed(self, company_id: str) -> bool:
        """Record a failure that is evidence of an outage; return whether there is an outage."""
        self._in_a_row += 1
        if len(self._companies) < self._companies_needed:
            self._companies.add(company_id)
        return self._in_a_row >= _IN_A_ROW and len(self._companies) >= self._companies_needed

    def outage_ended(self, now: float, interval: float) -> None:
        """Record when an outage ended, and the interval (seconds) between its last probes."""
        self._ended_at, self._interval = now, interval

    def first_interval(self, now: float) -> float:
        """Return the seconds before the first probe of an outage that begins now."""
        return self._interval if now - self._ended_at < _FLAPPING else Cause.FAILING.first
