"""Policy for the reuse of connections: how many requests one may serve. Pure decisions."""

from math import inf
from typing import Final

__all__ = ["ReusePolicy"]

_MOST_REQUESTS: Final = 256
_MOST_HELD_BYTES: Final = 1024 * 1024
_FIRST_HELD: Final = 1.0
_LONGEST_HELD: Final = 10.0
_HELD_SHARE: Final = 0.1
"""An answer is held back for a tenth of the time that the session has lasted, within the two limits
above, in seconds. So a killed process loses at most a tenth of its time, and a second more. Each
connection costs a handshake; docs/decisions.md has the counts."""
_SPREAD: Final = 0.25
_GOLDEN_RATIO: Final = 0.618034
"""Connections that begin together are replaced over the last quarter of that time: multiples of the
golden ratio, modulo 1, are spread evenly. Replaced all at once, 64 of them held up every request
for 40 ms."""

_FORGET_SECONDS: Final = 30.0
_HOPELESS: Final = 10


class ReusePolicy:
    """Limits how many requests a connection serves before its answers are confirmed.

    The last request on a connection asks the server to close it (`Connection: close`). If the
    answer to that request declares the close, it is the answer to the last request, and so every
    earlier answer belongs to its own request. Until then the answers are held back.

    The limit begins with 1, doubles with each connection that is confirmed, and falls when a
    connection is lost with answers that are not confirmed: they must be requested again.

    Times are in seconds of one clock; `began` is the time at which the session began. `limit` is
    the first limit.
    """

    def __init__(self, began: float, *, limit: int = 1) -> None:
        self._began = began
        self._limit = limit
        self._ceiling = _MOST_REQUESTS
        self._lost_at = began
        self._in_a_row = 0
        self._phase = 0.0
        self._may_share = True
        self.is_single = limit == 1
        """Whether each request gets a connection of its own.

        That holds until a server has shown that it declares the close, and again, for the rest of
        the session, when a server does not, or sends more than was requested.
        """

    @property
    def is_hopeless(self) -> bool:
        """Whether ten answers in a row could not be attributed, each alone on its connection."""
        return self._in_a_row >= _HOPELESS

    def hold_until(self, now: float) -> float:
        """Return until when the first answer of a connection may be held back; it came at `now`.

        Each call is for another connection.
        """
        longest = min(_FIRST_HELD + (now - self._began) * _HELD_SHARE, _LONGEST_HELD)
        self._phase = (self._phase + _GOLDEN_RATIO) % 1
        return now + longest * (1 - _SPREAD * self._phase)

    def is_last(self, sent: int, now: float, held_until: float = inf, held_bytes: int = 0) -> bool:
        """Return whether the next request is the last one on its connection.

        `sent` is the number of requests sent on it so far. Its answers that are not confirmed may
        be held back until `held_until`, and all together have `held_bytes`.
        """
        return (
            sent + 1 >= self._limit
            or now >= held_until
            or held_bytes >= _MOST_HELD_BYTES
            or self.is_single
        )

    def confirmed(self, now: float) -> None:
        """Record a connection whose answers are confirmed."""
        self._in_a_row = 0
        self.is_single = not self._may_share
        if now - self._lost_at >= _FORGET_SECONDS:
            self._ceiling = min(self._ceiling * 2, _MOST_REQUESTS)
            self._lost_at = now
        self._limit = min(self._limit * 2, self._ceiling)

    def lost(self, sent: int, now: float) -> None:
        """Record a connection that ended after `sent` requests, with unconfirmed answers."""
        self._lost_at = now
        self._limit = self._ceiling = max(1, min(self._limit, sent - 1))

    def undeclared(self) -> None:
        """Record an answer to a last request that does not declare the close."""
        self._give_up_sharing()

    def out_of_step(self, *, was_alone: bool) -> None:
        """Record a connection that brought more than was requested.

        `was_alone` says that it was meant for a single request.
        """
        self._give_up_sharing()
        self._in_a_row += was_alone

    def _give_up_sharing(self) -> None:
        self._may_share = False
        self.is_single = True
