"""Is the server queueing? Watches latency, second by second."""

from collections import deque
from math import inf
from typing import Final

__all__ = ["LatencyWatch"]

_SECONDS_KEPT: Final = 60
_FEWEST: Final = 3
_SHORTEST: Final = 0.1
_RATIO: Final = 1.5
_QUEUED: Final = 4.0
_SHORTER: Final = 0.01
"""Seconds of latency that a queue loses each second at the least when the rate is below what the
server works off: at 0.97 times it is 0.03."""

_BETWEEN_CUTS: Final = 5.0
"""Seconds that a queue has to become shorter before it is taken for one that does not."""

_USELESS_CUTS: Final = 2


class LatencyWatch:
    """Compares the least latency of each second with the least of the last minute without a queue.

    A server that delays what is too much instead of refusing it (nginx's `limit_req` without
    `nodelay`) shows in one thing only: the same rate, and every answer later than the one before.
    The requests in its queue are about rate * (latency - base latency), as TCP Vegas reckons
    (Brakmo and Peterson, 1995). The least of a second, because single slow answers mean nothing. A
    queue that does not become shorter wants a lower rate; when two cuts have not helped, the
    service has become slower, and what it takes now is the new base. Time is passed in.
    """

    __slots__ = (
        *("_began", "_before", "_count", "_cuts", "_last", "_least", "_minima"),
        *("_next_cut", "answered", "is_queueing"),
    )

    def __init__(self) -> None:
        self.is_queueing = False
        """Whether requests have been waiting in a queue in the last second."""
        self.answered = 0.0
        """Answers a second, in the last one."""
        self._minima: deque[float] = deque(maxlen=_SECONDS_KEPT)
        self._before = inf
        self._cuts = 0
        self._next_cut = -inf
        self._began = self._last = -inf
        self._least = inf
        self._count = 0

    def restart(self) -> None:
        """Begin another second: in the one before there was a blockade."""
        self._began = self._last = -inf
        self._count = 0
        self.is_queueing = False

    def add(self, now: float, latency: float) -> bool:
        """Take the latency of an answer (seconds); True when the rate has to come down."""
        wants_less = False
        if now - self._began >= 1.0:
            if self._count >= _FEWEST:
                # From the first to the last of them: a pause after that is no part of it.
                self.answered = (self._count - 1) / max(_SHORTEST, self._last - self._began)
                wants_less = self._judge(now, self._least)
            else:
                self.is_queueing = False
            self._began, self._least, self._count = now, inf, 0
        self._least = min(self._least, latency)
        self._last = now
        self._count += 1
        return wants_less

    def _judge(self, now: float, least: float) -> bool:
        base = min(self._minima, default=least)
        was_queueing, before = self.is_queueing, self._before
        self._before = least
        self.is_queueing = least > base * _RATIO and self.answered * (least - base) > _QUEUED
        if not self.is_queueing:
            self._minima.append(least)
            self._cuts = 0
            return False
        if not was_queueing or least < before - _SHORTER or now < self._next_cut:
            return False
        self._next_cut = now + _BETWEEN_CUTS
        if self._cuts == _USELESS_CUTS:
            self._minima.clear()
            self._cuts = 0
            return False
        self._cuts += 1
        return True
