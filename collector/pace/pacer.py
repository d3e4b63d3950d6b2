"""How fast requests leave while nobody is kept out: the rate, its growth, and who leaves when."""

from math import inf
from typing import Any, Final, Protocol

from collector.pace.departure import Departure
from collector.pace.latency_watch import Advice, LatencyWatch
from collector.pace.schedule import Schedule
from collector.pace.search import RateSearch
from collector.pace.share import Share

__all__ = ["Notify", "Pacer"]

_AHEAD: Final = 3.0
"""The rate grows to no more than this many times what really leaves: beyond, it is not the rate
that holds requests back. In slow start it is 1.8 times what left in the second before."""


class Notify(Protocol):
    """Takes news, as the methods of a structured logger do."""

    def __call__(self, event: str, **fields: Any) -> object:  # noqa: ANN401 - values of any type
        """Take the name of an event and its fields."""


class Pacer:
    """Keeps the rate (`RateSearch`) and spaces departures by it (`Schedule`).

    `ceiling` is the highest rate, in requests a second; `inf` for none, and then `start` is the one
    to begin with. Moments are seconds of the controller's clock.
    """

    def __init__(self, ceiling: float, start: float, notify: Notify) -> None:
        self._search = RateSearch(start if ceiling == inf else ceiling, ceiling)
        self._schedule = Schedule(self._search.rate)
        self._latency = LatencyWatch()
        self._notify = notify

    @property
    def rate(self) -> float:
        """The rate in force, in requests a second."""
        return self._search.rate

    @property
    def ceiling(self) -> float:
        """The highest rate, in requests a second; `inf` if there is none."""
        return self._search.ceiling

    @property
    def limit(self) -> float | None:
        """The limit of the server that was found last, in requests a second."""
        return self._search.limit

    @property
    def next_at(self) -> float:
        """When the next request may leave."""
        return self._schedule.next_at

    def depart(self, now: float) -> bool:
        """Take note that a request leaves; True if it left as soon as the rate allowed."""
        return self._schedule.depart(now)

    def answered(self, departure: Departure, now: float) -> None:
        """Take note of an answer to a request that left as soon as the rate allowed."""
        advice = self._latency.add(now, now - departure.at, self.rate)
        if advice is Advice.LESS:
            # Below what the server works off, so that its queue becomes shorter.
            self.found(self._latency.answered, now)
            self._notify("server_queues", rate=round(self.rate, 2))
        elif advice is Advice.NO_QUEUE:
            self.restore(self._latency.rate_before)

    @property
    def may_grow(self) -> bool:
        """Whether there is room below the ceiling, and nothing seen that speaks against it."""
        search = self._search
        return (
            search.rate < search.ceiling
            and not self._latency.is_queueing
            and search.rate < _AHEAD * self._schedule.achieved
        )

    def grow(self, now: float) -> None:
        """Let the rate grow by the share of one answer."""
        self._search.answered(now)
        self._apply_rate()

    def found(self, limit: float, now: float, *, is_quota: bool = False) -> None:
        """Come down below a limit (requests a second) that was found."""
        self._search.found(limit, now, is_quota=is_quota)
        self._apply_rate()

    def hold(self, until: float) -> None:
        """Let the first request leave then."""
        self._schedule.hold(until)

    def share(self, share: Share, now: float) -> None:
        """Take another share of what several send together."""
        self._search.share(share.ceiling, share.limit, now)
        self._apply_rate()

    def restore(self, rate: float) -> None:
        """Go back to a rate that came down for nothing."""
        self._search.restore(rate)
        self._apply_rate()

    def restart(self) -> None:
        """Begin the search anew, for nothing is known of a limit."""
        self._search.restart()
        self._apply_rate()

    def resume(self) -> None:
        """Go on after nobody has left for a while."""
        self._latency.restart()
        self._schedule.restart()

    def _apply_rate(self) -> None:
        self._schedule.rate = self._search.rate
