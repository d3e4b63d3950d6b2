"""Latency: whether the server queues requests, and how much concurrency a rate needs."""

from collections import deque
from enum import Enum, auto
from math import ceil, inf
from typing import Final

__all__ = ["Advice", "LatencyWatch", "in_flight_needed"]

_SECONDS_KEPT: Final = 60
_FEWEST: Final = 3
_SAMPLES: Final = 101
_SHORTEST: Final = 0.1
_RATIO: Final = 1.5
_MIN_QUEUE: Final = 4.0
_LEAST_DECREASE: Final = 0.01
"""Least decrease of the latency (seconds per second) while the rate is below what the server
processes and its queue shrinks: at 0.97 times that rate it is 0.03."""

_BETWEEN_CUTS: Final = 5.0
"""Seconds that a queue gets to shrink before the next cut of the rate."""

_USELESS_CUTS: Final = 2


class Advice(Enum):
    """What the latency of the last second says about the rate."""

    NOTHING = auto()
    LESS = auto()
    """Lower the rate: a queue does not shrink."""
    NO_QUEUE = auto()
    """Restore the rate: there is no queue, the service has become slower for another reason."""


class LatencyWatch:
    """Compares the median latency of each second with the least median of the last minute.

    A server that delays excess requests instead of throttling them (nginx's `limit_req` without
    `nodelay`) has one symptom: at the same rate, every answer takes longer than the previous one.
    The requests in its queue are about rate * (latency - base latency), as TCP Vegas estimates
    them (Brakmo and Peterson, 1995). The median of a second is used because single answers, slow
    or quick, are no evidence; the base comes from seconds without a queue. A queue that does not
    shrink requires a lower rate; when two cuts have not helped, there is no queue, and the current
    latency is the new base. Time is passed in.
    """

    __slots__ = (
        *("_before", "_second_began", "_count", "_cuts", "_last", "_medians"),
        *("_next_cut", "_samples", "answered", "is_queueing", "rate_before"),
    )

    def __init__(self) -> None:
        self.is_queueing = False
        """Whether requests waited in a queue of the server in the last second."""
        self.answered = 0.0
        """Answers per second, in the last second."""
        self.rate_before = 0.0
        """The rate (requests per second) before the first of the cuts in a row."""
        self._medians: deque[float] = deque(maxlen=_SECONDS_KEPT)
        self._samples: list[float] = []
        self._before = inf
        self._cuts = 0
        self._next_cut = -inf
        self._second_began = self._last = -inf
        self._count = 0

    def restart(self) -> None:
        """Begin a new second: the circuit was open in the last one."""
        self._second_began = self._last = -inf
        self._count = 0
        self._samples.clear()
        self.is_queueing = False

    def add(self, now: float, latency: float, rate: float) -> Advice:
        """Record the latency of an answer (seconds) at a rate (requests per second)."""
        advice = Advice.NOTHING
        if now - self._second_began >= 1.0:
            if self._count >= _FEWEST:
                # From the first answer to the last: a pause after that does not count.
                self.answered = (self._count - 1) / max(_SHORTEST, self._last - self._second_began)
                advice = self._judge(now, sorted(self._samples)[len(self._samples) // 2], rate)
            else:
                self.is_queueing = False
            self._second_began, self._count = now, 0
            self._samples.clear()
        if len(self._samples) < _SAMPLES:
            self._samples.append(latency)
        self._last = now
        self._count += 1
        return advice

    def _judge(self, now: float, median: float, rate: float) -> Advice:
        base = min(self._medians, default=median)
        was_queueing, before = self.is_queueing, self._before
        self._before = median
        self.is_queueing = median > base * _RATIO and self.answered * (median - base) > _MIN_QUEUE
        if not self.is_queueing:
            self._medians.append(median)
            self._cuts = 0
            return Advice.NOTHING
        if not was_queueing or median < before - _LEAST_DECREASE or now < self._next_cut:
            return Advice.NOTHING
        self._next_cut = now + _BETWEEN_CUTS
        if self._cuts == _USELESS_CUTS:
            self._medians.clear()
            self._cuts = 0
            return Advice.NO_QUEUE
        if self._cuts == 0:
            self.rate_before = rate
        self._cuts += 1
        return Advice.LESS


_HEADROOM: Final = 1.2


def in_flight_needed(rate: float, latency: float) -> int:
    """Return how many requests are in flight at a rate (requests per second) and latency (seconds).

    Little's law, L = lambda * W (John Little, 1961), plus a fifth, because some answers take
    longer than others.
    """
    return max(1, ceil(rate * latency * _HEADROOM))
