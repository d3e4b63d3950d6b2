"""Values exchanged between the rate controller and its callers."""

from math import inf
from typing import Final, NamedTuple

import msgspec

from collector.pace.circuit import Cause

__all__ = ["AUTO_START", "PaceView", "Permit", "Share"]


class Permit(msgspec.Struct, frozen=True, gc=False):
    """Permission to send one request; the sender reports its result to the controller.

    `at` is the time of sending, in seconds of the controller's clock; `number` is how many requests
    were sent before. `epoch` counts how often the circuit has opened so far: a request sent before
    it opened says nothing new about it. `is_paced` says that the request was sent as soon as the
    rate allowed; a later one does not show whether the rate is right.
    """

    at: float
    number: int
    epoch: int
    is_paced: bool


AUTO_START: Final = 10.0
"""Requests per second at which the search for a limit begins when the user sets no rate."""


class Share(NamedTuple):
    """The part of the rate that one of `senders` senders may use, in requests per second.

    `ceiling` is the highest rate (`inf` for none), `start` the first rate if there is no ceiling,
    `limit` this sender's part of the server's limit, if any sender has found it.
    """

    ceiling: float
    start: float = AUTO_START
    limit: float | None = None
    senders: int = 1

    @classmethod
    def of(cls, rate: float, senders: int = 1, limit: float | None = None) -> "Share":
        """Return the share of one of `senders` senders, of a rate and of the limit for all."""
        share = None if limit is None else limit / senders
        return cls(rate / senders, AUTO_START / senders, share, senders)

    def first_after(self, number: int) -> float:
        """Return the seconds after which the sender with this number may begin.

        The senders begin one after the other, evenly spaced: so they keep the common rate from the
        first request on, also when one replaces another.
        """
        known = self.ceiling if self.limit is None else min(self.ceiling, self.limit)
        rate = self.start if known == inf else known
        return 0.0 if self.senders == 1 else (number % self.senders + 1) / self.senders / rate


class PaceView(NamedTuple):
    """The rate of a run at one moment, for displays, logs and metrics.

    `rate` is the one in force, `ceiling` the highest allowed (`inf` if there is none), and `limit`
    the server's limit found last; all in requests per second. While the circuit is open,
    `open_cause` says why, `next_probe_in` is the seconds until the next probe may be sent, and
    `last_error` names the service and its last failure; that of the token service is shown while
    it issues no token.
    """

    rate: float
    ceiling: float
    limit: float | None = None
    open_cause: Cause | None = None
    next_probe_in: float = 0.0
    last_error: str | None = None
