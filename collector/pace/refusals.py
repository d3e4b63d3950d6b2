"""Meaning of a throttled request: the rate is too high, one company is throttled, or an error.

`Status503Classifier` classifies 503s without `Retry-After`. `CompanyThrottling` finds companies
that are throttled while others are accepted. `Hints` evaluates what rate headers say is left.
"""

from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from typing import Final

__all__ = ["CompanyThrottling", "Hints", "Reading", "Status503Classifier", "ThrottledScope"]

_PAIR_SPAN: Final = (2.0, 60, 15.0)
_CUT_SPAN: Final = (10.0, 200, 60.0)
"""Least seconds; requests whose time counts instead if it is longer; most seconds."""

_CUTS_IN_A_ROW: Final = 6
_FIRST_DISTRUST: Final = 60.0
_LONGEST_DISTRUST: Final = 3600.0


class Reading(Enum):
    """What a 503 means."""

    ERROR = auto()
    """The failure of one request."""
    REFUSAL = auto()
    """The server throttles because of the rate."""
    FALSE_ALARM = auto()
    """An error, and earlier 503s that were classified as rate limiting were errors too."""


class Status503Classifier:
    """Classify 503s that depend on the rate as rate limiting, others as errors. Times come in.

    nginx's `limit_req` answers 503 unless configured otherwise. A limiter that is exceeded
    throttles again at once, and stops once the rate is below its limit. So a single 503 is an
    error, and a second within 2 seconds (or 60 requests) is rate limiting. But when six cuts of the
    rate in a row were each followed by the next such pair within 10 seconds (or 200 requests), the
    rate is not the cause: then 503s are errors for a minute, and for twice as long each time. A cut
    after which the server accepted nothing for seconds does not count: that is a ban or an outage,
    and afterwards the rate returns to where it was.
    """

    __slots__ = ("_cut_at", "_cuts", "_distrust", "_distrust_until", "_last", "rate_before")

    def __init__(self) -> None:
        self.rate_before = 0.0
        """The rate (requests per second) before the first of the cuts in a row."""
        self._last = -inf
        self._cut_at = -inf
        self._cuts = 0
        self._distrust_until = -inf
        self._distrust = _FIRST_DISTRUST

    def classify(self, now: float, rate: float) -> Reading:
        """Classify a 503 that came while the circuit was closed, at a rate per second."""
        if now < self._distrust_until:
            return Reading.ERROR
        before, self._last = self._last, now
        if now - before > _span(_PAIR_SPAN, rate):
            return Reading.ERROR
        self._cuts = self._cuts + 1 if now - self._cut_at < _span(_CUT_SPAN, rate) else 1
        if self._cuts == 1:
            self.rate_before = rate
        self._cut_at = now
        if self._cuts <= _CUTS_IN_A_ROW:
            return Reading.REFUSAL
        self._cuts = 0
        self._distrust_until = now + self._distrust
        self._distrust = min(2.0 * self._distrust, _LONGEST_DISTRUST)
        return Reading.FALSE_ALARM

    def accepted_nothing(self) -> None:
        """Record that after the last cut nothing was accepted for seconds: it does not count."""
        self._cuts = max(0, self._cuts - 1)

    def may_be_limited_until(self, rate: float) -> float:
        """Return until when a second 503 would be rate limiting: the rate must not grow before."""
        return self._last + _span(_PAIR_SPAN, rate)


def _span(limits: tuple[float, int, float], rate: float) -> float:
    least, requests, most = limits
    return min(max(least, requests / rate), most)


_THROTTLED_TIMES: Final = 3
_ENOUGH_ACCEPTED: Final = 20
_REMEMBERED: Final = 1024


class ThrottledScope(Enum):
    """Whom the server throttles."""

    ALL_COMPANIES = auto()
    """All companies: the rate is too high."""
    NEW_COMPANY = auto()
    """This company alone, found just now: its earlier 429s lowered the rate without need."""
    KNOWN_COMPANY = auto()
    """This company alone, as found before."""


@dataclass(slots=True)
class _CompanyRecord:
    times: int
    epoch: int
    rate_before: float
    accepted_before: int


class CompanyThrottling:
    """Tells a limit for all companies from a company that the server always throttles.

    After a cut of the rate the server accepts a retry. A company that is throttled again, after 20
    requests of others were accepted, is throttled alone: that says nothing about the rate. After
    fewer it may have met the limit by chance a second time, because one cut is not always enough;
    then the third time tells. Once accepted, it is like any other. Memory is bounded.
    """

    __slots__ = ("_accepted", "_records", "rate_before")

    def __init__(self) -> None:
        self.rate_before = 0.0
        """The rate (requests per second) before the company just found was first throttled."""
        self._accepted = 0
        self._records: dict[str, _CompanyRecord] = {}

    def accepted(self, company_id: str, *, is_current: bool = True) -> None:
        """Record that the server accepted a request of a company.

        `is_current` says that it was sent since the circuit last opened: an earlier one was sent
        at the rate before the cut.
        """
        self._accepted += is_current
        if self._records:
            self._records.pop(company_id, None)

    def refused(self, company_id: str, epoch: int, rate: float) -> ThrottledScope:
        """Classify a throttled request after the circuit has opened `epoch` times, at a rate."""
        record = self._records.get(company_id)
        if record is None:
            if len(self._records) >= _REMEMBERED:
                del self._records[next(iter(self._records))]
            self._records[company_id] = _CompanyRecord(1, epoch, rate, self._accepted)
            return ThrottledScope.ALL_COMPANIES
        if record.times >= _THROTTLED_TIMES:
            return ThrottledScope.KNOWN_COMPANY
        if epoch == record.epoch:
            return ThrottledScope.ALL_COMPANIES
        record.times += 1
        record.epoch = epoch
        is_enough = self._accepted - record.accepted_before >= _ENOUGH_ACCEPTED
        if record.times < _THROTTLED_TIMES and not is_enough:
            return ThrottledScope.ALL_COMPANIES
        record.times = _THROTTLED_TIMES
        self.rate_before = record.rate_before
        return ThrottledScope.NEW_COMPANY


_LONGEST: Final = 60.0
_CONTRADICTIONS: Final = 20


class Hints:
    """Whether the allowance seems used up, and when it is renewed; time is passed in.

    A hint may stop growth, and set the time of the next probe after a throttled request. It never
    raises the rate, lowers it, or delays a request by itself, because such headers are often those
    of another limit, of one node among many, or wrong. They are ignored once the server has
    contradicted them 20 times: it stated no less than before although the allowance was used up.
    """

    __slots__ = ("_contradictions", "_remaining", "_used_up_until")

    def __init__(self) -> None:
        self._used_up_until = -inf
        self._remaining = 0
        self._contradictions = 0

    def update(self, now: float, rate: float, remaining: int, reset_seconds: float) -> None:
        """Record what is left for the next `reset_seconds` at a rate (requests per second)."""
        if now < self._used_up_until and remaining >= self._remaining:
            self._contradictions += 1
        self._remaining = remaining
        is_used_up = remaining <= rate * reset_seconds
        self._used_up_until = now + min(reset_seconds, _LONGEST) if is_used_up else -inf

    def refused(self) -> None:
        """Record a throttled request: hints that are still in use may be right."""
        if self._contradictions < _CONTRADICTIONS:
            self._contradictions = 0

    def used_up_until(self) -> float:
        """Return until when the rate must not grow; `-inf` if it may."""
        return self._used_up_until if self._contradictions < _CONTRADICTIONS else -inf
