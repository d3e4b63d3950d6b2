"""Access token: requested once, shared by all requests, renewed before it expires."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

from collector.core.errors import CollectorError, CredentialsError, StoppedError
from collector.core.secrets import Redactor, Secret
from collector.http.gate import Gate

__all__ = ["Token", "TokenProvider", "TokenSource"]

_BEARER: Final = "Bearer "

_BETWEEN_RENEWALS: Final = 5.0
"""Seconds between a failed early renewal and the next one."""


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """A token, as the value of the header that carries it.

    It was issued at `issued_at`, is renewed from `renew_at` on, and valid until `ends_at`, which is
    not before `renew_at` (monotonic seconds).
    """

    authorization: str
    renew_at: float
    ends_at: float
    issued_at: float = -math.inf

    @property
    def secret(self) -> Secret:
        """The token itself, to pass to another process of the same run."""
        return Secret(self.authorization.removeprefix(_BEARER))

    def __repr__(self) -> str:
        """Omit the header, because it holds the secret."""
        return f"Token(renew_at={self.renew_at})"

    @classmethod
    def of(
        cls,
        secret: Secret,
        renew_at: float = math.inf,
        ends_at: float = math.inf,
        issued_at: float = -math.inf,
    ) -> "Token":
        """Return a token with its header value, which all requests share."""
        return cls(f"{_BEARER}{secret.reveal()}", renew_at, ends_at, issued_at)

    def moved(self, seconds: float) -> "Token":
        """Return the token with its times on a clock that is so many seconds ahead."""
        times = self.renew_at + seconds, self.ends_at + seconds, self.issued_at + seconds
        return Token(self.authorization, *times)


class TokenProvider(Protocol):
    """Source of tokens other than credentials, such as the scheduler of a cluster run."""

    def issue(self, gate: Gate, redact: Redactor) -> Awaitable[Token]:
        """Return a newer token than the last call. Raises `StoppedError` if the gate is closed."""


class TokenSource:
    """Provides the current token to all requests, and requests a new one only once.

    It renews a token early and in the background, while the old one is still valid; so a short
    outage of the issuer delays no request. A new token that the server does not know yet is held
    back for a while (`on_trial`): the previous one is provided then, as long as it is valid. What
    a 401 means is decided in `collector.http.unauthorized`. Use it as an async context manager: it
    owns the task that renews.
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
        self._before: Token | None = None
        self._accepted_at = -math.inf
        self._trial: asyncio.Event | None = None
        self._is_unused = True

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
        if token is None:
            return None
        now = self._clock()
        if self._trial is not None:
            token = self._before
            return None if token is None or now >= token.ends_at else token
        if now >= token.renew_at:
            # Each token is used once at least: one that ends before its first permit would be
            # replaced by the next one, without end.
            if now >= token.ends_at and not self._is_unused:
                return None
            if now >= self._no_renewal_before and not self._is_renewing():
                self._renewal = asyncio.create_task(self._renew_early(token), name="renew token")
        self._is_unused = False
        return token

    def _is_renewing(self) -> bool:
        return self._renewal is not None and not self._renewal.done()

    async def current(self) -> Token:
        """Return a token that is not due for renewal; request one if necessary.

        It waits for the end of a trial.
        """
        while self._trial is not None:
            await self._trial.wait()
        token = self._token
        if token is not None and self._clock() < token.renew_at:
            return token
        return await self._replace(token)

    @property
    def can_renew(self) -> bool:
        """Whether tokens can be requested, and are not given."""
        return self._issue is not None

    async def renewed(self, refused: Token) -> Token:
        """Return a newer token than one that the server does not accept, and forget that one."""
        token = await self._replace(refused)
        if self._before is refused:
            self._before = None
        return token

    def is_newest(self, token: Token) -> bool:
        """Return whether no newer token was issued; an older one that was refused is forgotten."""
        if token is self._before:
            self._before = None
        return token is self._token

    def accepted(self, token: Token | None, sent_at: float) -> None:
        """Record that the server accepted a token with a request sent at `sent_at`.

        That is in seconds of the gate's clock.
        """
        if token is self._token and sent_at > self._accepted_at:
            self._accepted_at = sent_at

    def was_accepted(self, since: float = -math.inf) -> bool:
        """Return whether the server accepted the newest token in a request sent after `since`."""
        return self._accepted_at > since

    @contextmanager
    def on_trial(self) -> Iterator[None]:
        """Hold back the newest token until the context ends."""
        self._trial = asyncio.Event()
        try:
            yield
        finally:
            self._trial.set()
            self._trial = None

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
                token = await self._issue()
                self._before, self._token, self._accepted_at = self._token, token, -math.inf
                self._is_unused = True
            return self._token
