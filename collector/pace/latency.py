"""Latency and the rate: whether the server queues, and how much concurrency a rate takes."""

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
_QUEUED: Final = 4.0
_SHORTER: Final = 0.01
"""Seconds of latency that a queue loses each second at the least when the rate is below what the
server works off: at 0.97 times it is 0.03."""

_BETWEEN_CUTS: Final = 5.0
"""Seconds that a queue has to become shorter before it is taken for one that does not."""

_USELESS_CUTS: Final = 2


class Advice(Enum):
    """What the latency of the last second says about the rate."""

    NOTHING = auto()
    LESS = auto()
    """The rate has to come down: a queue does not become shorter."""
    NO_QUEUE = auto()
    """It has come down for nothing: the service has become slower, for whatever reason."""


class LatencyWatch:
    """Compares the median latency of each second with the least median of the last minute.

    A server that delays what is too much instead of refusing it (nginx's `limit_req` without
    `nodelay`) shows in one thing only: the same rate, and every answer later than the one before.
    The requests in its queue are about rate * (latency - base latency), as TCP Vegas reckons
    (Brakmo and Peterson, 1995). The median of a second, because single answers, slow or quick, mean
    nothing; the base is taken from seconds without a queue. A queue that does not become shorter
    wants a lower rate; when two cuts have not helped, there is none, and what the service takes now
    is the new base. Time is passed in.
    """

    __slots__ = (
        *("_before", "_began", "_count", "_cuts", "_last", "_medians"),
        *("_next_cut", "_samples", "answered", "is_queueing", "rate_before"),
    )

    def __init__(self) -> None:
        self.is_queueing = False
        """Whether requests have been waiting in a queue in the last second."""
        self.answered = 0.0
        """Answers a second, in the last one."""
        self.rate_before = 0.0
        """The rate (requests a second) before the first of the cuts in a row."""
        self._medians: deque[float] = deque(maxlen=_SECONDS_KEPT)
        self._samples: list[float] = []
        self._before = inf
        self._cuts = 0
        self._next_cut = -inf
        self._began = self._last = -inf
        self._count = 0

    def restart(self) -> None:
        """Begin another second: in the one before there was a blockade."""
        self._began = self._last = -inf
        self._count = 0
        self._samples.clear()
        self.is_queueing = False

    def add(self, now: float, latency: float, rate: float) -> Advice:
        """Take the latency of an answer (seconds) at a rate (requests a second)."""
        advice = Advice.NOTHING
        if now - self._began >= 1.0:
            if self._count >= _FEWEST:
                # From the first to the last of them: a pause after that is no part of it.
                self.answered = (self._count - 1) / max(_SHORTEST, self._last - self._began)
                advice = self._judge(now, sorted(self._samples)[len(self._samples) // 2], rate)
            else:
                self.is_queueing = False
            self._began, self._count = now, 0
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
        self.is_queueing = median > base * _RATIO and self.answered * (median - base) > _QUEUED
        if not self.is_queueing:
            self._medians.append(median)
            self._cuts = 0
            return Advice.NOTHING
        if not was_queueing or median < before - _SHORTER or now < self._next_cut:
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
    """Return how many requests in flight a rate (requests a second) takes at a latency (seconds).

    Little's law, L = lambda * W (John Little, 1961), and a fifth more, because some answers take
    longer than others.
    """
    return max(1, ceil(rate * latency * _HEADROOM))
