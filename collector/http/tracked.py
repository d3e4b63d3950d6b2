"""One request with its permit, its token and its time limit, as a middleware of aiohttp's."""

import asyncio
from collections.abc import Callable
from typing import Final

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from collector.core.confirmation import ConnectionUse
from collector.http.gate import Gate
from collector.http.in_flight import InFlight
from collector.http.lease import Lease, PooledRequest
from collector.http.time_limit import TimeLimit
from collector.http.token import Token, TokenSource
from collector.pace import Permit
from collector.telemetry.stats import RunStats

__all__ = ["TrackedRequest"]

_NOT_CONNECTED: Final = (
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorCertificateError,
)
_CONNECTION_LOST: Final = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)


class _DeadConnectionError(aiohttp.ClientError):
    """A connection that broke before it served any request; aiohttp resends nothing after it."""


class TrackedRequest:
    """A request with its permit, its time limit and its counters: a middleware of aiohttp's.

    aiohttp calls it for each attempt: for the request, and for a resend when a kept-alive
    connection turns out to be dead (RFC 9110, section 9.2.2). The time limit begins when the permit
    is issued, and the token is chosen then: one that was chosen before could expire during the
    wait. A resend acquires a new permit.

    * `gate`: issues the permits.
    * `stats`: counts what is sent and what is in flight.
    * `limit`: the time limit of all requests.
    * `in_flight`: admits requests to the gate.
    * `tokens`: provides the token; None for an urgent request that needs none.
    * `concurrency`: requests in flight at most; a late request at this number counts as held up.
    * `loop`: the event loop that runs the task of this request.
    * `use`: chooses how it uses its connection; called when it is sent.
    * `is_final`: it is sent also after the gate was closed, as the last one on its connection.

    Headers for a proxy that belong to the request itself are set as `proxy_headers`.
    """

    __slots__ = (
        *("_concurrency", "_gate", "_in_flight", "_is_admitted", "_is_final", "_limit", "_stats"),
        *("_task", "_tokens", "_use"),
        *("lease", "permit", "proxy_headers", "requests", "token"),
    )

    def __init__(  # noqa: PLR0913, PLR0917 - one for each request, by position
        self,
        gate: Gate,
        stats: RunStats,
        limit: TimeLimit,
        in_flight: InFlight,
        tokens: TokenSource | None,
        use: Callable[[], ConnectionUse],
        is_final: bool,  # noqa: FBT001 - by position, as the others
        concurrency: int,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        # With the loop given, asyncio need not ask the system whether the process has forked.
        task = asyncio.current_task(loop)
        assert task is not None, "requests are sent by tasks"  # noqa: S101 - for the type checker
        self._task = task
        self._gate = gate
        self._stats = stats
        self._limit = limit
        self._in_flight = in_flight
        self._tokens = tokens
        self._concurrency = concurrency
        self._is_admitted = False
        self._use = use
        self._is_final = is_final
        self.requests = 0
        self.permit: Permit | None = None
        self.token: Token | None = None
        self.lease: Lease | None = None
        self.proxy_headers: dict[str, str] | None = None

    async def __call__(self, request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        """Send one attempt, with a permit and the current token."""
        token = await self._start()
        if token is not None:
            request.headers["Authorization"] = token.authorization
        if self.proxy_headers is not None:
            request.headers.update(self.proxy_headers)
        assert isinstance(request, PooledRequest), "the session makes no others"  # noqa: S101
        if self.permit is not None:
            request.sent_at = self.permit.at
        use = self._use()
        if use is ConnectionUse.ALONE or self.proxy_headers is not None:
            # Some proxies take their credentials out of the first request on a connection only.
            request.alone()
        else:
            request.is_last = self._is_final or use is ConnectionUse.LAST
        try:
            return await send(request)
        except _CONNECTION_LOST as error:
            lease = request.lease
            if lease is None or lease.sent > 1:
                raise
            # Not a server that closes idle connections: the usual retry follows, with a delay.
            raise _DeadConnectionError from error
        finally:
            if self.lease is not None:
                self.lease.failed()
            self.lease = request.lease

    async def _start(self) -> Token | None:
        """Acquire a permit and start the time limit; return the token to send, if any."""
        if self.requests:
            # A resend: the wait for a permit is not part of the time limit, and the result of the
            # first request is unknown.
            self._limit.pause(self._task)
            self._stats.resent += 1
            self.release_permit()
        elif self._tokens is None:
            await self._in_flight.pause()
        else:
            await self._in_flight.enter()
            self._is_admitted = True
        permit = self.permit = await self._gate.acquire(
            is_urgent=self._tokens is None, is_final=self._is_final
        )
        if self._tokens is not None:
            while (token := self._tokens.cached()) is None:
                permit = self.permit = await self._wait_for_token(self._tokens)
            self.token = token
        self._limit.begin(self._task, permit.at)
        if not self.requests:
            self._stats.in_flight += 1
        if not permit.is_paced and self._stats.in_flight >= self._concurrency:
            self._stats.held_up += 1
        self.requests += 1
        self._stats.request_sent()
        return self.token

    async def _wait_for_token(self, tokens: TokenSource) -> Permit:
        """Wait for a token without a permit and without a place in flight; return a new permit.

        The request that tries a new token needs a place, and all others wait for its result.
        """
        self.release_permit()
        self._in_flight.leave()
        self._is_admitted = False
        await tokens.current()
        await self._in_flight.enter()
        self._is_admitted = True
        # All requests waited for the token: they must not be sent all at once.
        return await self._gate.acquire(is_final=self._is_final)

    @property
    def is_connecting(self) -> bool:
        """Whether it was sent, and had no connection yet when it ended."""
        return self.requests > 0 and self.lease is None

    def timed_out(self) -> bool:
        """Return whether the time limit cancelled the task, and if so take that back."""
        return self._limit.ended(self._task)

    def release_permit(self) -> None:
        """Release the permit: its request has no result to report."""
        if self.permit is not None:
            self._gate.release(self.permit)
            self.permit = None

    def break_off(self) -> None:
        """Record that the request gets no whole answer."""
        if self.lease is not None:
            self.lease.failed()

    def finish(self) -> None:
        """Stop the time limit, whatever the result."""
        self._limit.ended(self._task)
        if self.requests:
            self._stats.in_flight -= 1
        if self._is_admitted:
            self._in_flight.leave()
