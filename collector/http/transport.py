"""HTTP transport: sends each request with a permit, through one `aiohttp.ClientSession`.

aiohttp's exceptions are translated here; the result is a `Response` or a `TransportFailure`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from math import inf
from types import TracebackType
from typing import Final, Self

import aiohttp
import msgspec
from aiohttp import (
    ClientHandlerType,
    ClientHttpProxyError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
)
from yarl import URL

from collector.core.confirmation import CONFIRMED, Confirmation, ConnectionUse, alone, shared
from collector.core.errors import AttributionError
from collector.core.outcome import FailureKind
from collector.http.connector import Connector, Lease, PooledRequest
from collector.http.faults import MAX_HEADER_LINE_BYTES, Fault, Nature, by_way_of, fault_of
from collector.http.gate import Gate
from collector.http.in_flight import InFlight
from collector.http.network import DIRECT, Network
from collector.http.reuse import ReusePolicy
from collector.http.time_limit import TimeLimit
from collector.http.token import Token, TokenSource
from collector.pace import LocalLimit, Permit
from collector.telemetry.stats import RunStats

__all__ = ["MAX_ANSWER_BYTES", "Response", "Transport", "TransportFailure"]

MAX_ANSWER_BYTES: Final = 1024 * 1024
"""Largest answer in bytes, after decompression; real ones have about 200."""


class Response(msgspec.Struct, frozen=True):
    """A whole HTTP answer. The caller reports the result of `permit` to the gate.

    `requests` includes resends. `seconds` is how long the answer took, from the permit of the last
    request on: without the wait at the gate and without a request on a dead connection.
    `confirmation` says whether the answer belongs to the request.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool
    permit: Permit
    requests: int
    seconds: float
    token: Token | None = None
    confirmation: Confirmation = CONFIRMED


class TransportFailure(msgspec.Struct, frozen=True):
    """A request without a whole answer: a timeout or a broken connection.

    `message` and `nature` are those of a `Fault`. `permit` is None if it failed before anything was
    sent.
    """

    kind: FailureKind
    message: str
    permit: Permit | None
    requests: int
    nature: Nature = Nature.TRANSIENT


_NOT_ATTRIBUTED: Final = (
    "the answers of {origin} cannot be attributed to requests: it sends more than was requested, "
    "even on connections with a single request; nothing doubtful was written; check what stands "
    "between the collector and the API, such as a proxy or a load balancer"
)

_NOT_CONNECTED: Final = (
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorCertificateError,
)
_CONNECTION_LOST: Final = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)


class Transport:
    """Sends requests and owns the connections. Use it as an async context manager.

    * `gate`: issues a permit for each request.
    * `stats`: counts requests, answers and failures.
    * `concurrency`: requests in flight at most, beside the one for a token.
    * `timeout`: seconds from the permit to the end of the answer.
    * `network`: through which proxy an address is reached, and which certificates are trusted.
    * `in_flight`: admits requests, as many at a time as this machine can make.
    * `notify`: called with a reason and a number of answers when answers cannot be attributed to
      requests; see `collector.http.connector.Connector`.
    * `reuse`: decides how many requests a connection serves.
    * `clock`: seconds in which the process was awake, the same clock as that of the gate.
    * `slept_since`: returns whether sleep may have broken connections in use since such a moment.
    """

    def __init__(  # noqa: PLR0913 - one collaborator each
        self,
        gate: Gate,
        stats: RunStats,
        *,
        concurrency: int,
        timeout: float,
        network: Network = DIRECT,
        in_flight: InFlight | None = None,
        notify: Callable[[str, int], None] = lambda _reason, _answers: None,
        reuse: ReusePolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        slept_since: Callable[[float], bool] = lambda _: False,
    ) -> None:
        self._gate = gate
        self._stats = stats
        self._clock = clock
        self._slept_since = slept_since
        self._concurrency = concurrency
        self._in_flight = in_flight or InFlight(LocalLimit(inf), gate)
        self._limit = TimeLimit(timeout, clock=self._clock)
        self._loop = asyncio.get_running_loop()
        self._reuse = reuse or ReusePolicy(self._clock())
        # One more for the token request: it must not wait for a statistics request to end.
        self._connector = Connector(
            self._reuse,
            limit=concurrency + 1,
            verify=network.verification(),
            notify=notify,
            clock=self._clock,
        )
        self._network = network
        self._session = ClientSession(
            connector=self._connector,
            cookie_jar=DummyCookieJar(),
            max_field_size=MAX_HEADER_LINE_BYTES,
            max_line_size=MAX_HEADER_LINE_BYTES,
            request_class=PooledRequest,
            # The network has read the proxies already, and a netrc is not ours.
            trust_env=False,
            # The time limit of this transport applies, which begins after the permit.
            timeout=ClientTimeout(total=None, sock_connect=None),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._limit.close()
        self._connector.end()
        await self._session.close()

    def get(
        self, url: URL, tokens: TokenSource, use: Callable[[], ConnectionUse] = shared
    ) -> Awaitable[Response | TransportFailure]:
        """Send a GET with the token that is current when the permit is issued.

        `use` chooses how it uses its connection; it is called before and after the wait at the
        gate. Raises `AttributionError` when the answers of this server cannot be attributed to
        requests.
        """
        if self._reuse.is_hopeless:
            raise AttributionError(_NOT_ATTRIBUTED.format(origin=url.origin()))
        return self._request(self._track(tokens, use), "GET", url)

    def post(self, url: URL, body: bytes) -> Awaitable[Response | TransportFailure]:
        """Send a POST that needs no token, with an urgent permit and a connection of its own."""
        return self._request(self._track(None, alone), "POST", url, body)

    async def _request(
        self, tracked: "_TrackedRequest", method: str, url: URL, body: bytes | None = None
    ) -> Response | TransportFailure:
        """Send a request and read its whole answer, `MAX_ANSWER_BYTES` at most.

        Redirects are not followed: the token is only for the given origin.
        """
        proxy = self._network.proxy_for(url)
        proxy_url = None if proxy is None else proxy.url
        if proxy is None:
            proxy_headers = None
        else:
            tracked.proxy_headers, proxy_headers = proxy.headers_for(url)
        try:
            response = await self._session.request(
                method,
                url,
                data=body,
                allow_redirects=False,
                proxy=proxy_url,
                proxy_headers=proxy_headers,
                middlewares=(tracked,),
            )
            if proxy is not None:
                _check_proxy_accepts(response)
            content, is_cut = await _read_body(response)
        except asyncio.CancelledError:
            if not tracked.timed_out():
                tracked.release_permit()
                raise
            text = f"no whole answer within {self._limit.seconds:g} seconds{by_way_of(proxy_url)}"
            fault = Fault(text, Nature.TRANSIENT)
            return self._failure(FailureKind.TIMEOUT, fault, tracked)
        except (aiohttp.ClientError, OSError, MemoryError) as error:
            return self._failure(FailureKind.CONNECTION, fault_of(error, url, proxy_url), tracked)
        except BaseException:
            tracked.release_permit()
            raise
        finally:
            tracked.finish()
        permit = tracked.permit
        assert permit is not None, "what has an answer has left"  # noqa: S101 - for the type checker
        seconds = self._clock() - permit.at
        self._stats.answered(response.status, seconds)
        self._in_flight.worked()
        if (lease := tracked.lease) is not None:
            self._connector.answered(lease, response, is_cut=is_cut)
        return Response(
            response.status,
            response.headers,
            content,
            is_cut,
            permit,
            tracked.requests,
            seconds,
            tracked.token,
            CONFIRMED if lease is None else lease.confirmation,
        )

    def _track(
        self, tokens: TokenSource | None, use: Callable[[], ConnectionUse]
    ) -> "_TrackedRequest":
        return _TrackedRequest(
            self._gate,
            self._stats,
            self._limit,
            self._in_flight,
            tokens,
            use,
            self._concurrency,
            self._loop,
        )

    def _failure(
        self, kind: FailureKind, fault: Fault, tracked: "_TrackedRequest"
    ) -> TransportFailure:
        self._stats.broken[kind] += 1
        permit, nature = tracked.permit, fault.nature
        if nature is Nature.LOCAL:
            self._in_flight.lacked(fault.text, self._stats.in_flight - 1)
        else:
            self._in_flight.worked()
            if permit is not None and self._slept_since(permit.at):
                nature = Nature.SUSPENDED
        return TransportFailure(kind, fault.text, permit, tracked.requests, nature)


class _DeadConnectionError(aiohttp.ClientError):
    """A connection that broke before it served any request; aiohttp resends nothing after it."""


class _TrackedRequest:
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
    * `use`: chooses how it uses its connection.

    Headers for a proxy that belong to the request itself are set as `proxy_headers`.
    """

    __slots__ = (
        *("_concurrency", "_gate", "_in_flight", "_is_admitted", "_limit", "_stats", "_task"),
        *("_tokens", "_use"),
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
        use = self._use()
        if use is ConnectionUse.ALONE or self.proxy_headers is not None:
            # Some proxies take their credentials out of the first request on a connection only.
            request.alone()
        elif use is not ConnectionUse.SHARED:
            request.is_last = True
        try:
            return await send(request)
        except _CONNECTION_LOST as error:
            lease = request.lease
            if lease is None or lease.sent > 1:
                raise
            # Not a server that closes idle connections: the usual retry follows, with a delay.
            raise _DeadConnectionError(str(error)) from error
        finally:
            self.lease = request.lease

    async def _start(self) -> Token | None:
        """Acquire a permit and start the time limit; return the token to send, if any."""
        if self.requests:
            # A resend: the wait for a permit is not part of the time limit, and the result of the
            # first request is unknown.
            self._limit.pause(self._task)
            self._stats.resent += 1
            self.release_permit()
        elif self._tokens is not None:
            await self._in_flight.enter()
            self._is_admitted = True
        else:
            await self._in_flight.pause()
        is_final = self._use() is ConnectionUse.CONFIRMING
        self.permit = permit = await self._gate.acquire(
            is_urgent=self._tokens is None, is_final=is_final
        )
        if self._tokens is not None:
            while (token := self._tokens.cached()) is None:
                self.release_permit()
                await self._tokens.current()
                # All requests waited for the token: they must not be sent all at once.
                self.permit = permit = await self._gate.acquire(is_final=is_final)
            self.token = token
        self._limit.begin(self._task, permit.at)
        if not self.requests:
            self._stats.in_flight += 1
        if not permit.is_paced and self._stats.in_flight >= self._concurrency:
            self._stats.held_up += 1
        self.requests += 1
        self._stats.request_sent()
        return self.token

    def timed_out(self) -> bool:
        """Return whether the time limit cancelled the task, and if so take that back."""
        return self._limit.ended(self._task)

    def release_permit(self) -> None:
        """Release the permit: its request has no result to report."""
        if self.permit is not None:
            self._gate.release(self.permit)
            self.permit = None

    def finish(self) -> None:
        """Stop the time limit, whatever the result."""
        self._limit.ended(self._task)
        if self.requests:
            self._stats.in_flight -= 1
        if self._is_admitted:
            self._in_flight.leave()


def _check_proxy_accepts(response: ClientResponse) -> None:
    """Raise for a proxy that requires other credentials what aiohttp raises for its CONNECT.

    Plain http is sent to the proxy without a CONNECT.
    """
    if response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        response.close()
        raise ClientHttpProxyError(response.request_info, (), status=response.status)


async def _read_body(response: ClientResponse) -> tuple[bytes, bool]:
    """Read the body up to the limit; return it, and whether it was cut.

    At the end of the body the connection returns to the pool by itself; in every other case it
    cannot serve another request, and is closed.
    """
    content = response.content
    if content.is_eof() and content.total_bytes <= MAX_ANSWER_BYTES:
        return content.read_nowait(), False
    try:
        body = b"" if content.at_eof() else await content.readany()
        while not content.at_eof() and len(body) <= MAX_ANSWER_BYTES:
            body += await content.readany()
    except BaseException:
        response.close()
        raise
    if len(body) <= MAX_ANSWER_BYTES:
        return body, False
    response.close()
    return body[:MAX_ANSWER_BYTES], True
