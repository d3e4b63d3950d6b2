"""The access token: asked for once, shared by all, renewed before it ends."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from multidict import CIMultiDict

from collector.errors import CredentialsError
from collector.secrets import Secret

__all__ = ["Token", "TokenSource"]

_REJECTIONS_IN_A_ROW: Final = 10


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """A token with the ready-made header; `renew_at` is monotonic seconds."""

    headers: CIMultiDict[str]
    renew_at: float

    def __repr__(self) -> str:
        """Leave the header out, for it holds the secret."""
        return f"Token(renew_at={self.renew_at})"

    @classmethod
    def of(cls, secret: Secret, renew_at: float = math.inf) -> "Token":
        """Make the headers once; every request shares them."""
        headers = CIMultiDict(
            {
                "Authorization": f"Bearer {secret.reveal()}",
                "Content-Type": "application/json",
            }
        )
        return cls(headers, renew_at)


class TokenSource:
    """Hands the current token to everyone, and asks for a new one once, whoever needs it first.

    Knows also when a 401 means that the credentials themselves are no longer good.
    """

    def __init__(
        self, issue: Callable[[], Awaitable[Token]] | None, token: Token | None = None
    ) -> None:
        """Take a way to get tokens, or one token that is used as it is."""
        self._issue = issue
        self._token = token
        self._lock = asyncio.Lock()
        self._was_accepted = False
        self._rejections = 0

    async def current(self) -> Token:
        """Return a token that is good for a while, asking for one if need be."""
        token = self._token
        if token is not None and time.monotonic() < token.renew_at:
            return token
        return await self._replace(token)

    async def renewed(self, refused: Token) -> Token | None:
        """Return a newer token than the one that met a 401, or None when there cannot be one."""
        if self._issue is None:
            return None
        return await self._replace(refused)

    async def _replace(self, old: Token | None) -> Token:
        async with self._lock:
            # Whoever comes second finds the token that the first one has brought.
            if self._token is old or self._token is None:
                assert self._issue is not None, "a token that is used as it is has no end"  # noqa: S101
                self._token = await self._issue()
            return self._token

    def accepted(self) -> None:
        """Take note of an answer other than 401: the token is good."""
        self._was_accepted = True
        self._rejections = 0

    def rejected(self) -> None:
        """Take note of a 401 that no new token could cure.

        Raises `CredentialsError` when that says something about the credentials, not about one
        company: no token was ever accepted, or ten such answers came in a row.
        """
        self._rejections += 1
        if self._was_accepted and self._rejections < _REJECTIONS_IN_A_ROW:
            return
        if self._issue is None:
            raise CredentialsError(
                "the API refuses TRUST_ACCESS_TOKEN (HTTP 401): it is wrong or has ended; "
                "what was collected so far is kept; get a new one, or give TRUST_CLIENT_ID and "
                "TRUST_CLIENT_SECRET, with which tokens are renewed"
            )
        raise CredentialsError(
            "the API refuses tokens that have just been issued (HTTP 401); what was collected so "
            "far is kept; check that --base-url and --token-url belong to the same environment"
        )
