"""One request with its permit, its token and its time limit, as a middleware of aiohttp's."""

import asyncio
from collections.abc import Callable
from typing import Final

import aiohttp
import msgspec
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, hdrs

from collector.core.confirmation import ConnectionUse
from collector.http.gate import Gate
from collector.http.in_flight import InFlight
from collector.http.lease import Lease, PooledRequest
from collector.http.time_limit import TimeLimit
from collector.http.token import Token, TokenSource
from collector.pace import Permit
from collector.telemetry.stats import RunStats

__all__ = ["Shared", "TrackedRequest"]

_NOT_CONNECTED: Final = (
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorCertificateError,
)
_CONNECTION_LOST: Final = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)


class _DeadConnectionError(aiohttp.ClientError):
    """A connection that broke before it served any request; aiohttp resends nothing after it."""


class Shared(msgspec.Struct, frozen=True):
    """What all requests of a transport share.

    * `gate`: issues the permits.
    * `stats`: counts what is sent and what is in flight.
    * `limit`: the time limit of all requests.
    * `in_flight`: admits requests to the gate.
    * `concurrency`: requests in flight at most; a late request at this number counts as held up.
    """

    gate: Gate
    stats: RunStats
    limit: TimeLimit
    in_flight: InFlight
    concurrency: int


class TrackedRequest(msgspec.Struct):
    """A request with its permit, its time limit and its counters: a middleware of aiohttp's.

    aiohttp calls it for each attempt: for the request, and for a resend when a kept-alive
    connection turns out to be dead (RFC 9110, section 9.2.2). The time limit begins when the permit
    is issued, and the token is chosen then: one that was chosen before could expire during the
    wait. A resend acquires a new permit.

    * `task`: the task that sends it.
    * `tokens`: provides the token; None for an urgent request that needs none.
    * `use`: chooses how it uses its connection; called when it is sent.
    * `is_final`: it is sent also after the gate was closed, as the last one on its connection.
    * `proxy_headers`: headers for a proxy that belong to the request itself.
    * `requests`: how often it was sent so far; `permit`, `token` and `lease` are those of the last
      time.
    """

    shared: Shared
    task: asyncio.Task[object]
    tokens: TokenSource | None
    use: Callable[[], ConnectionUse]
    is_final: bool
    proxy_headers: dict[str, str] | None = None
    requests: int = 0
    permit: Permit | None = None
    token: Token | None = None
    lease: Lease | None = None
    is_admitted: bool = False

    async def __call__(self, request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        """Send one attempt, with a permit and the current token."""
        permit = await self._start()
        if self.token is not None:
            request.headers[hdrs.AUTHORIZATION] = self.token.authorization
        if self.proxy_headers is not None:
            request.headers.update(self.proxy_headers)
        assert isinstance(request, PooledRequest), "the session makes no others"  # noqa: S101
        request.sent_at = permit.at
        use = self.use()
        if use is ConnectionUse.ALONE or self.proxy_headers is not None:
            # Some proxies take their credentials out of the first request on a connection only.
            request.alone()
        else:
            request.is_last = self.is_final or use is ConnectionUse.LAST
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

    async def _start(self) -> Permit:
        """Acquire a permit and start the time limit; choose the token to send, if any."""
        shared, tokens = self.shared, self.tokens
        stats = shared.stats
        if self.requests:
            # A resend: the wait for a permit is not part of the time limit, and the result of the
            # first request is unknown.
            shared.limit.pause(self.task)
            stats.resent += 1
            self.release_permit()
        elif tokens is None:
            await shared.in_flight.pause()
        else:
            await shared.in_flight.enter()
            self.is_admitted = True
        permit = self.permit = await shared.gate.acquire(
            is_urgent=tokens is None, is_final=self.is_final
        )
        if tokens is not None:
            while (token := tokens.cached()) is None:
                permit = self.permit = await self._wait_for_token(tokens)
            self.token = token
        shared.limit.begin(self.task, permit.at)
        if not self.requests:
            stats.in_flight += 1
        if not permit.is_paced and stats.in_flight >= shared.concurrency:
            stats.held_up += 1
        self.requests += 1
        stats.request_sent()
        return permit

    async def _wait_for_token(self, tokens: TokenSource) -> Permit:
        """Wait for a token without a permit and without a place in flight; return a new permit.

        The request that tries a new token needs a place, and all others wait for its result.
        """
        self.release_permit()
        in_flight = self.shared.in_flight
        in_flight.leave()
        self.is_admitted = False
        await tokens.current()
        await in_flight.enter()
        self.is_admitted = True
        # All requests waited for the token: they must not be sent all at once.
        return await self.shared.gate.acquire(is_final=self.is_final)

    @property
    def is_connecting(self) -> bool:
        """Whether it was sent, and had no connection yet when it ended."""
        return self.requests > 0 and self.lease is None

    def timed_out(self) -> bool:
        """Return whether the time limit cancelled the task, and if so take that back."""
        return self.shared.limit.ended(self.task)

    def release_permit(self) -> None:
        """Release the permit: its request has no result to report."""
        if self.permit is not None:
            self.shared.gate.release(self.permit)
            self.permit = None

    def break_off(self) -> None:
        """Record that the request gets no whole answer."""
        if self.lease is not None:
            self.lease.failed()

    def finish(self) -> None:
        """Stop the time limit, whatever the result."""
        shared = self.shared
        shared.limit.ended(self.task)
        if self.requests:
            shared.stats.in_flight -= 1
        if self.is_admitted:
            shared.in_flight.leave()
