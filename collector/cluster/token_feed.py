"""Tokens that another process requests and sends to this one."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from collector.cluster.messages import Orders
from collector.core.secrets import Redactor
from collector.http.gate import Gate
from collector.http.token import Token

__all__ = ["TokenFeed"]

_POLL_SECONDS: Final = 0.1

_RENEWAL_GRACE_SECONDS: Final = 5.0
"""How much later than due this process asks for a renewal: the other process renews by itself."""

_TRANSIT_SECONDS: Final = 0.6
"""The age of a token when it arrives, at most: its times are written down twice per second."""


class TokenFeed:
    """A `TokenProvider` that issues the newest token of the `orders`. `clock` returns seconds."""

    def __init__(self, orders: Orders, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.stale: int | None = None
        """The number of a token that has to be replaced: the server refused it, or it is about to
        end; None if there is none."""
        self._clock = clock
        self._number = self._issued = 0
        self._token: Token
        self.put(orders)

    def put(self, orders: Orders) -> None:
        """Take the token of these orders, if it is a new one."""
        if orders.token_number <= self._number:
            return
        self._number = orders.token_number
        self.stale = None
        now = self._clock()
        token = orders.token.moved(now)
        ends_at = max(now, token.ends_at - _TRANSIT_SECONDS)
        renew_at = min(token.renew_at + _RENEWAL_GRACE_SECONDS, ends_at)
        self._token = replace(token, renew_at=renew_at, ends_at=ends_at)

    async def issue(self, gate: Gate, redact: Redactor) -> Token:
        """Return a newer token than the last time, as soon as there is one.

        Raises `StoppedError` once the gate is closed.
        """
        if self._number <= self._issued:
            self.stale = self._issued
        while self._number <= self._issued:
            await gate.sleep(_POLL_SECONDS)
        self._issued = self._number
        redact.learn_token(self._token.secret)
        return self._token
