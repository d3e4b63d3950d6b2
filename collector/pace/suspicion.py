"""Reads a 503 without `Retry-After`: a limiter's refusal, or an error like any other."""

from enum import Enum, auto
from math import inf
from typing import Final

__all__ = ["Reading", "Suspicion"]

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


class Suspicion:
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
