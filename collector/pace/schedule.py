"""Even departures: when the next request may leave."""

from typing import Final

__all__ = ["Schedule"]

_CREDIT_SECONDS: Final = 0.03
_CREDIT_REQUESTS: Final = 3.0
_LEAST_CREDIT_SECONDS: Final = 0.01
_FEWEST: Final = 10
_MARGIN: Final = 0.998
"""So much of the rate is used. Requests take longer to arrive one time than another, the first of a
connection most of all; exactly at the rate a server counts one too many now and then. With this
much no 20 seconds hold more departures than the rate says, credit included, up to 75 a second."""


class Schedule:
    """Spaces departures evenly at 0.998 of `rate` (requests a second), which may change any time.

    This is the generic cell rate algorithm (ITU-T I.371) as a sender: in any t seconds at most 1 +
    rate * (t + credit) requests leave. The credit makes up for lateness, for the timers of an event
    loop are late by a millisecond and more, and without any the rate given would never be reached.
    It is 30 ms at most, so that a machine that stood still does not send all at once what it
    missed, and the time of 3 requests from 100 a second on, so that a shallow bucket at the other
    end does not spill (10 ms at the least). At 50 a second 2 may leave together, and 7 in any 100
    ms.

    Time is passed in, in seconds.
    """

    __slots__ = ("_count", "_credit", "_interval", "_last", "_rate", "_since", "achieved")

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.achieved = float("inf")
        """How many left a second, over the last second or 10 departures, what is longer."""
        self._since: float | None = None
        self._count = 0
        self._last = float("-inf")

    @property
    def rate(self) -> float:
        """The rate, in requests a second."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        # It changes with every answer at most, and not at all once the search has come to its end.
        self._rate = rate
        self._interval = 1.0 / (_MARGIN * rate)
        credit = max(_CREDIT_REQUESTS * self._interval, _LEAST_CREDIT_SECONDS)
        self._credit = min(_CREDIT_SECONDS, credit)

    def hold(self, until: float) -> None:
        """Let the first request leave then."""
        self._last = until - self._interval

    def restart(self) -> None:
        """Begin another second: in the one before there was a blockade."""
        self.achieved = float("inf")
        self._since = None
        self._count = 0

    @property
    def next_at(self) -> float:
        """When the next request may leave."""
        return self._last + self._interval

    def depart(self, now: float) -> bool:
        """Take note of a departure, and say whether it left when it might, within the credit.

        If not, the sender had nothing to send, or waited for something else than the rate; what it
        missed is forfeited.
        """
        if self._since is None:
            self._since = now
        self._count += 1
        if now - self._since >= 1.0 and self._count > _FEWEST:
            self.achieved = (self._count - 1) / max(now - self._since, 1e-9)
            self._since, self._count = now, 1
        planned = self._last + self._interval
        if planned < now - self._credit:
            self._last = now
            return False
        self._last = planned
        return True
