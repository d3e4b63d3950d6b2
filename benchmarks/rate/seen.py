"""What a server saw of a run, and the figures computed from it."""

from bisect import bisect_left
from dataclasses import dataclass, field

__all__ = ["Seen"]


@dataclass(slots=True)
class Seen:
    """Arrivals at the server, in seconds since the first one, in order.

    `refused` is the rate-limited part of `sent`. `latencies` are pairs (arrival, seconds until the
    answer), as the collector measured them. `window_offset` is how many seconds of the server's
    window had passed when the run began.
    """

    sent: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    latencies: list[tuple[float, float]] = field(default_factory=list)
    seconds: float = 0.0
    cells: int = 0
    failed_cells: int = 0
    retried: int = 0
    tokens: int = 0
    window_offset: float = 0.0

    def sent_between(self, begin: float, end: float) -> int:
        """Count the requests that arrived from `begin` until before `end`."""
        return bisect_left(self.sent, end) - bisect_left(self.sent, begin)

    def refused_between(self, begin: float, end: float) -> int:
        """Count the rate-limited requests from `begin` until before `end`."""
        return bisect_left(self.refused, end) - bisect_left(self.refused, begin)

    def accepted_between(self, begin: float, end: float) -> int:
        """Count the accepted requests from `begin` until before `end`."""
        return self.sent_between(begin, end) - self.refused_between(begin, end)

    def used(self, limit: float, begin: float, end: float) -> float:
        """Return the share of a limit (requests per second) that was used."""
        return self.accepted_between(begin, end) / (limit * (end - begin))

    def refused_share(self, begin: float, end: float) -> float:
        """Return the share of the requests that was rate-limited."""
        return self.refused_between(begin, end) / max(1, self.sent_between(begin, end))

    def busiest(self, seconds: float = 0.1) -> int:
        """Return the most requests that arrived in any slice of `seconds`."""
        return max(
            (bisect_left(self.sent, at + seconds, i) - i for i, at in enumerate(self.sent)),
            default=0,
        )

    def back_after(self, moment: float, until: float, rate: float, span: float = 5.0) -> float:
        """Return the seconds after `moment` from which on at least `rate` was accepted.

        Checked in every stretch of `span` seconds until `until`; `inf` if the last one falls short.
        """
        after = float("inf")
        begin = until - span
        while begin >= moment and self.accepted_between(begin, begin + span) >= rate * span:
            after = begin - moment
            begin -= 0.5
        return after

    def typical_latency(self, begin: float, end: float) -> float:
        """Return the median latency of requests that arrived from `begin` until before `end`."""
        values = sorted(latency for at, latency in self.latencies if begin <= at < end)
        return values[len(values) // 2] if values else float("nan")
