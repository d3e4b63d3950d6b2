"""The access token: asked for once, shared by all, renewed before it ends."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

from multidict import CIMultiDict

from collector.core.errors import CollectorError, CredentialsError, StoppedError
from collector.core.secrets import Redactor, Secret
from collector.http.gate import Gate

__all__ = ["Token", "TokenProvider", "TokenSource"]

_REJECTED_IN_A_ROW: Final = 10
"""Companies; all windows of one company count once."""

_BEARER: Final = "Bearer "

_BETWEEN_RENEWALS: Final = 5.0
"""Seconds after a renewal that failed while the old token was still good."""


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """A token with the ready-made headers.

    It can be used until `ends_at`, and is to be renewed from `renew_at` on (monotonic seconds).
    """

    headers: CIMultiDict[str]
    renew_at: float
    ends_at: float

    @property
    def secret(self) -> Secret:
        """The token itself, for another process that sends requests of the same run."""
        return Secret(self.headers["Authorization"].removeprefix(_BEARER))

    def __repr__(self) -> str:
        """Leave the headers out, for they hold the secret."""
        return f"Token(renew_at={self.renew_at})"

    @classmethod
    def of(cls, secret: Secret, renew_at: float = math.inf, ends_at: float = math.inf) -> "Token":
        """Make the headers once; every request shares them."""
        headers = CIMultiDict(
            {
                "Authorization": f"{_BEARER}{secret.reveal()}",
                "Content-Type": "application/json",
            }
        )
        return cls(headers, renew_at, ends_at)


class TokenProvider(Protocol):
    """Another source of tokens than credentials, such as the process that hands out shards."""

    def issue(self, gate: Gate, redact: Redactor) -> Awaitable[Token]:
        """Return a newer token than the last time. Raises `StoppedError` once the gate is shut."""


class TokenSource:
    """Hands the current token to everyone, and asks for a new one once, whoever needs it first.

    A token is renewed early and in the background, while the old one is still good; so an issuer
    that is out of reach for a moment is noticed by nobody. Knows also when a 401 means that the
    credentials themselves are no longer good. Use it as an async context manager: it owns the
    task that renews.
    """

    def __init__(
        self,
        issue: Callable[[], Awaitable[Token]] | None,
        token: Token | None = None,
        *,
        on_refused: Callable[[CredentialsError], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take a way to get tokens, or one token that is used as it is.

        `on_refused` hears at once when a renewal in the background was refused.
        """
        self._issue = issue
        self._on_refused = on_refused
        self._clock = clock
        self._token = token
        self._lock = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None
        self._no_renewal_before = -math.inf
        self._refusal: CredentialsError | None = None
        self._was_accepted = False
        self._rejected: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])

    def at_hand(self) -> Token | None:
        """Return a token that can be used now, or None when one has to be asked for first.

        Begins the renewal of one that is about to end. Raises `CredentialsError` when a renewal was
        refused: the old token may be good for a while, but whoever watches should know now.
        """
        if self._refusal is not None:
            raise self._refusal
        token = self._token
        if token is None or (now := self._clock()) >= token.ends_at:
            return None
        if now >= max(token.renew_at, self._no_renewal_before) and not self._is_renewing():
            self._renewal = asyncio.create_task(self._renew_early(token), name="renew token")
        return token

    def _is_renewing(self) -> bool:
        return self._renewal is not None and not self._renewal.done()

    async def current(self) -> Token:
        """Return a token that is good for a while, asking for one if need be."""
        token = self._token
        if token is not None and self._clock() < token.renew_at:
            return token
        return await self._replace(token)

    async def renewed(self, refused: Token) -> Token | None:
        """Return a newer token than the one that met a 401, or None when there cannot be one."""
        if self._issue is None:
            return None
        return await self._replace(refused)

    async def _renew_early(self, old: Token) -> None:
        try:
            await self._replace(old)
        except CredentialsError as refusal:
            self._refusal = refusal
            self._on_refused(refusal)
        except (CollectorError, StoppedError):
            # The old one is still good. Whoever needs a token after its end asks again, and is
            # told then.
            self._no_renewal_before = self._clock() + _BETWEEN_RENEWALS

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
        if self._rejected:
            self._rejected.clear()

    def rejected(self, company_id: str) -> None:
        """Take note of a 401 that no new token could cure.

        Raises `CredentialsError` when that says something about the credentials, not about one
        company: no token was ever accepted, or ten companies in a row met it.
        """
        self._rejected.add(company_id)
        if self._was_accepted and len(self._rejected) < _REJECTED_IN_A_ROW:
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
