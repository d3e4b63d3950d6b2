"""A witness: a request that was answered before, sent again when another one is refused."""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import NamedTuple

from yarl import URL

__all__ = ["Witness", "WitnessAnswer"]


class WitnessAnswer(NamedTuple):
    """Whether a request that was sent at `at` was answered (seconds of the gate's clock)."""

    at: float
    is_answered: bool


class Witness:
    """Tells whether the service refuses one company or all of them.

    A 403 alone may mean either. If a request that was sent later is answered, or that of the
    witness is, the service works, and the refusal is about that company.
    """

    def __init__(self) -> None:
        self._address: tuple[URL, str] | None = None
        self._answered_at = -inf
        self._refused_at = -inf
        # One question at a time: its answer is enough for all that wait.
        self._lock = asyncio.Lock()

    def answered(self, url: URL, company_id: str, sent_at: float) -> None:
        """Record a good answer to a request that was sent at `sent_at`; the newest is the witness.

        `-inf` stands for an earlier process.
        """
        if sent_at >= self._answered_at:
            self._address, self._answered_at = (url, company_id), sent_at

    def is_of_other(self, company_id: str) -> bool:
        """Return whether the request that would be sent is for another company."""
        return self._address is not None and self._address[1] != company_id

    @property
    def address(self) -> tuple[URL, str] | None:
        """The request that was answered last, and its company; None before the first."""
        return self._address

    async def is_service_working(
        self, since: float, ask: Callable[[URL, str], Awaitable[WitnessAnswer]]
    ) -> bool | None:
        """Return whether a request that was sent after `since` was answered; ask if necessary.

        `ask` sends the request of the witness again: an address and its company. None if no
        request was answered before. Raises what `ask` raises.
        """
        async with self._lock:
            if self._address is None:
                return None
            if self._answered_at > since:
                return True
            if self._refused_at > since:
                return False
            at, is_answered = await ask(*self._address)
            if is_answered:
                self._answered_at = max(self._answered_at, at)
            else:
                self._refused_at = max(self._refused_at, at)
            return is_answered
