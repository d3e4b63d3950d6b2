"""HTTP transport: sends a request with a permit, and resends it if its connection was dead.

aiohttp's exceptions are translated here; the result is a `Response` or a `TransportFailure`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Final, Literal, NamedTuple, Self

import aiohttp
import msgspec
from aiohttp import ClientResponse
from multidict import CIMultiDict
from yarl import URL

from collector.core.outcome import FailureKind
from collector.http.exchange import ConnectionPool
from collector.http.faults import Fault, Nature, fault_of
from collector.http.gate import Gate
from collector.http.time_limit import TimeLimit
from collector.http.token import Token, TokenSource
from collector.pace import Permit
from collector.telemetry.stats import RunStats

__all__ = ["MAX_ANSWER_BYTES", "Response", "Transport", "TransportFailure"]

MAX_ANSWER_BYTES: Final = 1024 * 1024
"""Largest answer in bytes, after decompression; real ones have about 200."""


class Response(msgspec.Struct, frozen=True):
    """A whole HTTP answer. The caller reports the result of `permit` to the gate.

    `requests` includes resends. `seconds` is how long the answer took, from the permit of the last
    request on: without the wait at the gate and without a request on a dead connection.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool
    permit: Permit
    requests: int
    seconds: float
    token: Token | None = None


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


_NOT_CONNECTED: Final = (
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorCertificateError,
)
_CONNECTION_LOST: Final = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)


class _Message(NamedTuple):
    """Method, headers and body of a request."""

    method: str
    headers: CIMultiDict[str]
    body: bytes | None


_GET: Final = _Message("GET", CIMultiDict(), None)


class Transport:
    """Sends requests and owns the connections. Use it as an async context manager.

    * `gate`: issues a permit for each request.
    * `stats`: counts requests, answers and failures.
    * `concurrency`: requests in flight at most, beside the one for a token.
    * `timeout`: seconds from the permit to the end of the answer.
    * `clock`: monotonic seconds, the same clock as that of the gate.
    """

    def __init__(
        self,
        gate: Gate,
        stats: RunStats,
        *,
        concurrency: int,
        timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gate = gate
        self._stats = stats
        self._clock = clock
        self._concurrency = concurrency
        self._limit = TimeLimit(timeout)
        self._loop = asyncio.get_running_loop()
        # One more for the token request: it must not wait for a statistics request to end.
        self._pool = ConnectionPool(concurrency + 1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._limit.close()
        await self._pool.close()

    def get(self, url: URL, tokens: TokenSource) -> Awaitable[Response | TransportFailure]:
        """Send a GET with the token that is current when the permit is issued."""
        return self._request(self._track(tokens), url, _GET)

    def send(
        self, method: str, url: URL, headers: CIMultiDict[str], body: bytes | None = None
    ) -> Awaitable[Response | TransportFailure]:
        """Send a request that needs no token, with an urgent permit."""
        return self._request(self._track(None), url, _Message(method, headers, body))

    async def _request(
        self, tracked: "_TrackedRequest", url: URL, message: "_Message"
    ) -> Response | TransportFailure:
        """Send a request and read its whole answer, `MAX_ANSWER_BYTES` at most.

        Redirects are not followed: the token is only for the given origin.
        """
        try:
            response = await self._send(tracked, url, message)
            body, is_cut = _complete_body(response) or await _read_body(response)
        except asyncio.CancelledError:
            if not tracked.timed_out():
                tracked.release_permit()
                raise
            text = f"no whole answer within {self._limit.seconds:g} seconds"
            fault = Fault(text, Nature.TRANSIENT)
            return self._failure(FailureKind.TIMEOUT, fault, tracked)
        except (aiohttp.ClientError, OSError) as error:
            return self._failure(FailureKind.CONNECTION, fault_of(error, url), tracked)
        except BaseException:
            tracked.release_permit()
            raise
        finally:
            tracked.finish()
        permit = tracked.permit
        assert permit is not None, "what has an answer has left"  # noqa: S101 - for the type checker
        seconds = self._clock() - permit.at
        self._stats.answered(response.status, seconds)
        return Response(
            response.status,
            response.headers,
            body,
            is_cut,
            permit,
            tracked.requests,
            seconds,
            tracked.token,
        )

    async def _send(
        self, tracked: "_TrackedRequest", url: URL, message: "_Message"
    ) -> ClientResponse:
        """Send a request, and resend it once if its connection turns out to be dead.

        A server may close an idle connection just when a request is sent. Then a GET is sent again
        (RFC 9110, section 9.2.2), as `aiohttp.ClientSession` does; that request acquires its own
        permit and is counted like any other.
        """
        while True:
            token = await tracked.start()
            if token is None:
                request = self._pool.request(message.method, url, message.headers, message.body)
            else:
                request = self._pool.get(url, token)
            try:
                return await self._pool.send(request)
            except _NOT_CONNECTED:
                raise
            except _CONNECTION_LOST:
                if message.method != _GET.method or tracked.requests > 1:
                    raise

    def _track(self, tokens: TokenSource | None) -> "_TrackedRequest":
        return _TrackedRequest(
            self._gate, self._stats, self._limit, tokens, self._concurrency, self._loop
        )

    def _failure(
        self, kind: FailureKind, fault: Fault, tracked: "_TrackedRequest"
    ) -> TransportFailure:
        self._stats.broken[kind] += 1
        return TransportFailure(kind, fault.text, tracked.permit, tracked.requests, fault.nature)


class _TrackedRequest:
    """A request with its permit, its time limit and its counters.

    The time limit begins when the permit is issued, and the token is chosen then: one that was
    chosen before could expire during the wait. A resend acquires a new permit.

    * `gate`: issues the permits.
    * `stats`: counts what is sent and what is in flight.
    * `limit`: the time limit of all requests.
    * `tokens`: provides the token; None for an urgent request that needs none.
    * `concurrency`: requests in flight at most; a late request at this number counts as held up.
    * `loop`: the event loop that runs the task of this request.
    """

    __slots__ = (
        *("_concurrency", "_gate", "_limit", "_stats", "_task", "_tokens"),
        *("permit", "requests", "token"),
    )

    def __init__(  # noqa: PLR0913, PLR0917 - one for each request, by position
        self,
        gate: Gate,
        stats: RunStats,
        limit: TimeLimit,
        tokens: TokenSource | None,
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
        self._tokens = tokens
        self._concurrency = concurrency
        self.requests = 0
        self.permit: Permit | None = None
        self.token: Token | None = None

    async def start(self) -> Token | None:
        """Acquire a permit and start the time limit; return the token to send, if any."""
        if self.requests:
            # A resend: the wait for a permit is not part of the time limit, and the result of the
            # first request is unknown.
            self._limit.pause(self._task)
            self._stats.resent += 1
            self.release_permit()
        self.permit = permit = await self._gate.acquire(is_urgent=self._tokens is None)
        if self._tokens is not None:
            while (token := self._tokens.cached()) is None:
                self.release_permit()
                await self._tokens.current()
                # All requests waited for the token: they must not be sent all at once.
                self.permit = permit = await self._gate.acquire()
            self.token = token
        # The gate and the event loop, whose clock the limit uses, have the same clock.
        self._limit.begin(self._task, permit.at)
        if not self.requests:
            self._stats.in_flight += 1
        if not permit.is_paced and self._stats.in_flight >= self._concurrency:
            self._stats.held_up += 1
        self.requests += 1
        self._stats.request_sent(permit.at)
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


def _complete_body(response: ClientResponse) -> tuple[bytes, Literal[False]] | None:
    """Return the body if all of it has arrived and is within the limit, as nearly always."""
    content = response.content
    if content.is_eof() and content.total_bytes <= MAX_ANSWER_BYTES:
        return content.read_nowait(), False
    return None


async def _read_body(response: ClientResponse) -> tuple[bytes, bool]:
    """Read the body up to the limit; return it, and whether it was cut.

    At the end of the body the connection returns to the pool by itself; in every other case it
    cannot serve another request, and is closed.
    """
    content = response.content
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
