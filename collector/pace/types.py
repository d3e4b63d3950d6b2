"""Values that travel between the rate controller and its callers."""

from math import inf
from typing import Final, NamedTuple

import msgspec

from collector.pace.circuit import Cause

__all__ = ["AUTO_START", "PaceView", "Permit", "Share"]


class Permit(msgspec.Struct, frozen=True, gc=False):
    """A request that has left; whoever sent it tells the controller what became of it.

    `at` is seconds of the controller's clock, `number` how many had left before. `epoch` counts the
    blockades so far: what was sent before one began says nothing new about it. `is_paced` says that
    the request left as soon as the rate allowed; one that left later says nothing about whether
    the rate is right.
    """

    at: float
    number: int
    epoch: int
    is_paced: bool


AUTO_START: Final = 10.0
"""Requests a second with which the search for a limit that nobody has stated begins."""


class Share(NamedTuple):
    """What one of several may send, in requests a second.

    `ceiling` is the most (`inf` for no limit), `start` the rate to begin with if there is none,
    `limit` the part of the server's limit that the others have found, if they have. There are
    `senders` of them.
    """

    ceiling: float
    start: float = AUTO_START
    limit: float | None = None
    senders: int = 1

    @classmethod
    def of(cls, rate: float, senders: int = 1, limit: float | None = None) -> "Share":
        """Return the share of one sender of so many, of a rate and of the limit found for all."""
        share = None if limit is None else limit / senders
        return cls(rate / senders, AUTO_START / senders, share, senders)

    def first_after(self, number: int) -> float:
        """Return the seconds after which the sender of this number may begin.

        All of them begin one after the other, as evenly as they go on: together, and whenever one
        takes the place of another, they keep the rate of all from the first request on.
        """
        known = self.ceiling if self.limit is None else min(self.ceiling, self.limit)
        rate = self.start if known == inf else known
        return 0.0 if self.senders == 1 else (number % self.senders + 1) / self.senders / rate


class PaceView(NamedTuple):
    """The rate of a run at one moment, for displays, logs and metrics.

    `rate` is the one in force, `ceiling` the highest that is allowed (`inf` if there is none), and
    `limit` the server's limit as it was found last; all in requests per second. While the circuit
    is open, `open_cause` says why, and `closed_for` is the seconds until the next probe may leave.
    """

    rate: float
    ceiling: float
    limit: float | None = None
    open_cause: Cause | None = None
    closed_for: float = 0.0
