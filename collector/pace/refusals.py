"""How a refusal is read: as one of the rate, of one company, or as an error.

`Status503Classifier` reads a 503 without `Retry-After`. `CompanyThrottling` finds companies that
are refused while others are accepted. `Hints` reads what rate headers say is left.
"""

from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from typing import Final

__all__ = ["CompanyThrottling", "Hints", "Reading", "Status503Classifier", "ThrottledScope"]

_TOGETHER: Final = (2.0, 60, 15.0)
_CLOSE: Final = (10.0, 200, 60.0)
"""Seconds, or the time of so many requests if that is longer, and the most seconds."""

_CUTS_IN_A_ROW: Final = 6
_FIRST_DISTRUST: Final = 60.0
_LONGEST_DISTRUST: Final = 3600.0


class Reading(Enum):
    """How a 503 is to be read."""

    ERROR = auto()
    """As the failure of one request."""
    REFUSAL = auto()
    """As a refusal because of the rate."""
    FALSE_ALARM = auto()
    """As an error, and so were those that were taken for refusals before."""


class Status503Classifier:
    """Reads 503s that follow the rate as refusals, and others as errors. Time is passed in.

    nginx's `limit_req` answers 503 unless it is told otherwise. A limiter that is met refuses again
    within moments, and not any more once the rate is below it. So a single 503 is an error, and a
    second within 2 seconds (or 60 requests) is a refusal. But when six cuts of the rate in a row
    were each followed by the next such pair within 10 seconds (or 200 requests), the rate is not
    what it is about: then 503s are errors for a minute, and twice as long each time.
    """

    __slots__ = ("_cut_at", "_cuts", "_distrust", "_distrust_until", "_last", "rate_before")

    def __init__(self) -> None:
        self.rate_before = 0.0
        """The rate (requests a second) before the first of the cuts in a row."""
        self._last = -inf
        self._cut_at = -inf
        self._cuts = 0
        self._distrust_until = -inf
        self._distrust = _FIRST_DISTRUST

    def heard(self, now: float, rate: float) -> Reading:
        """Read a 503 that came while others were let in, at a rate (requests a second)."""
        if now < self._distrust_until:
            return Reading.ERROR
        before, self._last = self._last, now
        if now - before > _span(_TOGETHER, rate):
            return Reading.ERROR
        self._cuts = self._cuts + 1 if now - self._cut_at < _span(_CLOSE, rate) else 1
        if self._cuts == 1:
            self.rate_before = rate
        self._cut_at = now
        if self._cuts <= _CUTS_IN_A_ROW:
            return Reading.REFUSAL
        self._cuts = 0
        self._distrust_until = now + self._distrust
        self._distrust = min(2.0 * self._distrust, _LONGEST_DISTRUST)
        return Reading.FALSE_ALARM

    def waits_until(self, rate: float) -> float:
        """Return until when a second 503 would be a refusal: that is no time to go faster."""
        return self._last + _span(_TOGETHER, rate)


def _span(limits: tuple[float, int, float], rate: float) -> float:
    least, requests, most = limits
    return min(max(least, requests / rate), most)


_TIMES: Final = 2
_REMEMBERED: Final = 1024


class ThrottledScope(Enum):
    """Whom a refusal is about."""

    EVERYBODYS = auto()
    """All: the rate is too high."""
    JUST_FOUND = auto()
    """This company, and so were its refusals before, for which the rate came down."""
    ITS_OWN = auto()
    """This company, as is known."""


@dataclass(slots=True)
class _Record:
    times: int
    epoch: int
    rate_before: float


class CompanyThrottling:
    """Tells a limit for everybody from a company that is always refused.

    After a cut of the rate a retry passes. A company that is refused again, after others were let
    in, is refused for itself: that says nothing about the rate. Once it is let in it is like any
    other. Memory is bounded.
    """

    __slots__ = ("_records", "rate_before")

    def __init__(self) -> None:
        self.rate_before = 0.0
        """The rate (requests a second) before the first refusal of the one just found."""
        self._records: dict[str, _Record] = {}

    def accepted(self, company_id: str) -> None:
        """Take note that a company was let in."""
        if self._records:
            self._records.pop(company_id, None)

    def refused(self, company_id: str, epoch: int, rate: float) -> ThrottledScope:
        """Read a refusal that came when `epoch` blockades had been, at a rate."""
        record = self._records.get(company_id)
        if record is None:
            if len(self._records) >= _REMEMBERED:
                del self._records[next(iter(self._records))]
            self._records[company_id] = _Record(1, epoch, rate)
            return ThrottledScope.EVERYBODYS
        if record.times >= _TIMES:
            return ThrottledScope.ITS_OWN
        if epoch == record.epoch:
            return ThrottledScope.EVERYBODYS
        record.times += 1
        record.epoch = epoch
        if record.times < _TIMES:
            return ThrottledScope.EVERYBODYS
        self.rate_before = record.rate_before
        return ThrottledScope.JUST_FOUND


_LONGEST: Final = 60.0
_CONTRADICTIONS: Final = 20


class Hints:
    """Says whether the allowance looks used up, and when it begins anew; time is passed in.

    A hint may stop growth, and tell when to look again after a refusal; it never raises the rate,
    lowers it, or holds anything back by itself, for such headers are often of another limit, of
    one node among many, or wrong. A server that let a request in 20 times although nothing was
    left, or had no less left than before, is not listened to any more.
    """

    __slots__ = ("_contradictions", "_remaining", "_used_up_until")

    def __init__(self) -> None:
        self._used_up_until = -inf
        self._remaining = 0
        self._contradictions = 0

    def heard(self, now: float, rate: float, remaining: int, reset_seconds: float) -> None:
        """Take note of what is left for the next `reset_seconds` at a rate (requests a second)."""
        if now < self._used_up_until and remaining >= self._remaining:
            self._contradictions += 1
        self._remaining = remaining
        is_used_up = remaining <= rate * reset_seconds
        self._used_up_until = now + min(reset_seconds, _LONGEST) if is_used_up else -inf

    def refused(self) -> None:
        """Take note that a request was refused: hints that are still believed may be right."""
        if self._contradictions < _CONTRADICTIONS:
            self._contradictions = 0

    def used_up_until(self) -> float:
        """Return until when there is no room for a higher rate."""
        return self._used_up_until if self._contradictions < _CONTRADICTIONS else -inf
