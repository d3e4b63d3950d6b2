"""Confirmation that the answers of a connection belong to the requests they were taken for."""

from collections.abc import Callable
from enum import Enum, auto

__all__ = ["CONFIRMED", "Confirmation", "ConnectionUse", "alone", "shared"]


class ConnectionUse(Enum):
    """How a request uses its connection."""

    SHARED = auto()
    """Other requests may follow on it."""
    LAST = auto()
    """No request follows on it. Its answer confirms the earlier answers of the connection."""
    ALONE = auto()
    """The request has a connection of its own."""


def shared() -> ConnectionUse:
    """Choose `SHARED`. Such functions are called when a request leaves."""
    return ConnectionUse.SHARED


def alone() -> ConnectionUse:
    """Choose `ALONE`."""
    return ConnectionUse.ALONE


class Confirmation:
    """Shared by all answers that one connection brought.

    An HTTP/1.1 connection carries answers in the order of the requests, and nothing else tells them
    apart. So an answer is certain only when its connection is known to have brought one answer for
    each request.

    * `is_confirmed`: None until it is known; then it does not change.
    * `is_idle`: the connection is open and no request is outstanding on it. One more request can
      confirm its answers.
    * `is_watched`: it will be known within a second or so, without another request.
    """

    __slots__ = ("_callbacks", "is_confirmed", "is_idle", "is_watched")

    def __init__(self, *, is_confirmed: bool | None = None) -> None:
        self.is_confirmed = is_confirmed
        self.is_idle = False
        self.is_watched = False
        self._callbacks: list[Callable[[Confirmation], None]] = []

    def when_known(self, callback: Callable[["Confirmation"], None]) -> None:
        """Call `callback` with this confirmation as soon as it is known, at once if it is."""
        if self.is_confirmed is None:
            self._callbacks.append(callback)
        else:
            callback(self)

    def resolve(self, *, is_confirmed: bool) -> None:
        """Record the result. Only the first call counts."""
        self.is_idle = False
        if self.is_confirmed is None:
            self.is_confirmed = is_confirmed
            callbacks, self._callbacks = self._callbacks, []
            for callback in callbacks:
                callback(self)


CONFIRMED = Confirmation(is_confirmed=True)
"""Of an outcome that does not depend on a connection."""
