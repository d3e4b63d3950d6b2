"""Tokens that another process requests and sends to this one."""

import time
from collections.abc import Callable
from math import inf
from typing import Final

from collector.core.secrets import Redactor, Secret
from collector.http.gate import Gate
from collector.http.token import Token

__all__ = ["ReceivedToken", "TokenFeed"]

_POLL_SECONDS: Final = 0.1

_RENEWAL_GRACE_SECONDS: Final = 5.0
"""How much later than due this process asks for a renewal: the other process renews by itself."""

_TRANSIT_SECONDS: Final = 0.6
"""The age of a token when it arrives, at most: its times are written down twice per second."""


class ReceivedToken:
    """A token in a message.

    `number` is one more than that of the previous token. The token is due for renewal in `renew_in`
    seconds, and unusable in `ends_in` seconds; it was issued `issued_ago` seconds before. All were
    counted when it was sent.
    """

    __slots__ = ("ends_in", "issued_ago", "number", "renew_in", "secret")

    def __init__(
        self, number: int, secret: Secret, renew_in: float, ends_in: float, issued_ago: float
    ) -> None:
        self.number = number
        self.secret = secret
        self.renew_in = renew_in
        self.ends_in = ends_in
        self.issued_ago = issued_ago


class TokenFeed:
    """A `TokenProvider` that issues the newest token that another process has sent.

    `first` is the first token. `request_newer` is called with the number of a token that has to be
    replaced: the server refused it, or it is about to end. `clock` returns seconds.
    """

    def __init__(
        self,
        first: ReceivedToken,
        request_newer: Callable[[int], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._newest = first
        self._issued = 0
        self._request_newer = request_newer
        self._clock = clock
        self._arrived_at = clock()

    def put(self, token: ReceivedToken) -> bool:
        """Take a token; return whether it is new."""
        if token.number <= self._newest.number:
            return False
        self._newest = token
        self._arrived_at = self._clock()
        return True

    async def issue(self, gate: Gate, redact: Redactor) -> Token:
        """Return a newer token than the last time, as soon as there is one.

        Raises `StoppedError` once the gate is closed.
        """
        if self._newest.number <= self._issued:
            self._request_newer(self._issued)
        while self._newest.number <= self._issued:
            await gate.sleep(_POLL_SECONDS)
        token = self._newest
        self._issued = token.number
        redact.learn_token(token.secret)
        renew_at = (
            inf
            if token.renew_in == inf
            else self._arrived_at + token.renew_in + _RENEWAL_GRACE_SECONDS
        )
        ends_at = self._arrived_at + max(0.0, token.ends_in - _TRANSIT_SECONDS)
        issued_at = self._arrived_at - token.issued_ago
        return Token.of(token.secret, min(renew_at, ends_at), ends_at, issued_at)
