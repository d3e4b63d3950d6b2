"""What the server's rate headers say is left: a hint, never more."""

from math import inf
from typing import Final

__all__ = ["Hints"]

_LONGEST: Final = 60.0
_CONTRADICTIONS: Final = 20


class Hints:
    """Says whether the allowance looks used up, and when it begins anew; time is passed in.

    A hint may stop growth, and tell when to look again after a refusal; it never raises the rate,
    lowers it, or holds anything back by itself, for such headers are often of another limit, of
    one node among many, or wrong. A server that let a request in 20 times although nothing was
    left, or had no less left than before, is not listened to any more.
    """

    __slots__ = ("_contradictions", "_remaining", "_used_up_until")

    def __init__(self) -> None:
        self._used_up_until = -inf
        self._remaining = 0
        self._contradictions = 0

    def heard(self, now: float, rate: float, remaining: int, reset_seconds: float) -> None:
        """Take note of what is left for the next `reset_seconds` at a rate (requests a second)."""
        if now < self._used_up_until and remaining >= self._remaining:
            self._contradictions += 1
        self._remaining = remaining
        is_used_up = remaining <= rate * reset_seconds
        self._used_up_until = now + min(reset_seconds, _LONGEST) if is_used_up else -inf

    def refused(self) -> None:
        """Take note that a request was refused: hints that are still believed may be right."""
        if self._contradictions < _CONTRADICTIONS:
            self._contradictions = 0

    def used_up_until(self) -> float:
        """Return until when there is no room for a higher rate."""
        return self._used_up_until if self._contradictions < _CONTRADICTIONS else -inf
