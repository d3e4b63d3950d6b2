"""Access token: requested once, shared by all requests, renewed before it expires."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

from collector.core.errors import CollectorError, CredentialsError, StoppedError
from collector.core.secrets import Redactor, Secret
from collector.http.gate import Gate

__all__ = ["Token", "TokenProvider", "TokenSource"]

_REJECTED_IN_A_ROW: Final = 10
"""Companies in a row that get a 401; all windows of one company count once."""

_BEARER: Final = "Bearer "

_BETWEEN_RENEWALS: Final = 5.0
"""Seconds between a failed early renewal and the next one."""


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """A token, as the value of the header that carries it.

    It is valid until `ends_at`, and is renewed from `renew_at` on (monotonic seconds).
    """

    authorization: str
    renew_at: float
    ends_at: float

    @property
    def secret(self) -> Secret:
        """The token itself, to pass to another process of the same run."""
        return Secret(self.authorization.removeprefix(_BEARER))

    def __repr__(self) -> str:
        """Omit the header, because it holds the secret."""
        return f"Token(renew_at={self.renew_at})"

    @classmethod
    def of(cls, secret: Secret, renew_at: float = math.inf, ends_at: float = math.inf) -> "Token":
        """Return a token with its header value, which all requests share."""
        return cls(f"{_BEARER}{secret.reveal()}", renew_at, ends_at)


class TokenProvider(Protocol):
    """Source of tokens other than credentials, such as the scheduler of a cluster run."""

    def issue(self, gate: Gate, redact: Redactor) -> Awaitable[Token]:
        """Return a newer token than the last call. Raises `StoppedError` if the gate is closed."""


class TokenSource:
    """Provides the current token to all requests, and requests a new one only once.

    It renews a token early and in the background, while the old one is still valid; so a short
    outage of the issuer delays no request. It also decides when a 401 means that the credentials
    themselves are rejected. Use it as an async context manager: it owns the task that renews.
    """

    def __init__(
        self,
        issue: Callable[[], Awaitable[Token]] | None,
        token: Token | None = None,
        *,
        on_refused: Callable[[CredentialsError], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take a function that requests tokens, or one token that is used as is.

        `on_refused` is called at once when the issuer rejects the credentials in a background
        renewal.
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

    def cached(self) -> Token | None:
        """Return a token that is valid now, or None when one must be requested first.

        Begins the renewal of a token that is about to expire. Raises `CredentialsError` when the
        issuer rejected a renewal: the old token may be valid for a while, but the user should know
        now.
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
        """Return a token that is not due for renewal; request one if necessary."""
        token = self._token
        if token is not None and self._clock() < token.renew_at:
            return token
        return await self._replace(token)

    async def renewed(self, refused: Token) -> Token | None:
        """Return a newer token than the one that got a 401, or None if tokens cannot be renewed."""
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
            # The old token is still valid. A request after its end requests a token again, and
            # gets the error then.
            self._no_renewal_before = self._clock() + _BETWEEN_RENEWALS

    async def _replace(self, old: Token | None) -> Token:
        async with self._lock:
            # A later caller finds the token that the first one has requested.
            if self._token is old or self._token is None:
                assert self._issue is not None, "a token that is used as it is has no end"  # noqa: S101
                self._token = await self._issue()
            return self._token

    def accepted(self) -> None:
        """Record an answer other than 401: the server accepts the token."""
        self._was_accepted = True
        if self._rejected:
            self._rejected.clear()

    def rejected(self, company_id: str) -> None:
        """Record a 401 that a new token did not resolve.

        Raises `CredentialsError` when the cause is the credentials, not one company: the server
        never accepted a token, or rejected it for ten companies in a row.
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
