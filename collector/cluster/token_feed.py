"""Tokens that another process asks for, and hands to this one."""

import time
from collections.abc import Callable
from math import inf
from typing import Final

from collector.core.secrets import Redactor, Secret
from collector.http.gate import Gate
from collector.http.token import Token

__all__ = ["HandedToken", "TokenFeed"]

_LOOK_EVERY: Final = 0.1
"""Seconds."""

_LATER: Final = 5.0
"""Seconds after which this process misses the renewal: whoever asks for tokens renews by itself."""


_ON_ITS_WAY: Final = 0.6
"""Seconds that it may have lain about before it came: orders are given and heard twice a second."""


class HandedToken:
    """A token on its way: its number, one more than that of the one before, and how long it lives.

    It is to be renewed in `renew_in` seconds, and cannot be used any more in `ends_in`.
    """

    __slots__ = ("ends_in", "number", "renew_in", "secret")

    def __init__(self, number: int, secret: Secret, renew_in: float, ends_in: float) -> None:
        self.number = number
        self.secret = secret
        self.renew_in = renew_in
        self.ends_in = ends_in


class TokenFeed:
    """Has the newest token that was handed over; it issues tokens as `TokenIssuer` does.

    `want` is called with the number of a token when a newer one is needed: it was refused, or it
    ends. `clock` gives seconds.
    """

    def __init__(
        self,
        first: HandedToken,
        want: Callable[[int], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._newest = first
        self._issued = 0
        self._want = want
        self._clock = clock
        self._came_at = clock()

    def put(self, token: HandedToken) -> bool:
        """Take a token; return whether it is a new one."""
        if token.number <= self._newest.number:
            return False
        self._newest = token
        self._came_at = self._clock()
        return True

    async def issue(self, gate: Gate, redact: Redactor) -> Token:
        """Return a newer token than the last time, as soon as there is one.

        Raises `StoppedError` when the gate is shut meanwhile.
        """
        if self._newest.number <= self._issued:
            self._want(self._issued)
        while self._newest.number <= self._issued:
            await gate.sleep(_LOOK_EVERY)
        token = self._newest
        self._issued = token.number
        redact.learn(token.secret)
        renew_at = inf if token.renew_in == inf else self._came_at + token.renew_in + _LATER
        ends_at = self._came_at + max(0.0, token.ends_in - _ON_ITS_WAY)
        return Token.of(token.secret, min(renew_at, ends_at), ends_at)
