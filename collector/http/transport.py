"""One HTTP request through the gate, and once more if it went into a dead connection.

aiohttp's exceptions end here; what comes out is a `Response` or a `TransportFailure`.
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
from collector.http.exchange import Exchange
from collector.http.gate import Gate
from collector.http.time_limit import TimeLimit
from collector.http.token import Token, TokenSource
from collector.pace import Permit
from collector.telemetry.stats import RunStats

__all__ = ["MAX_ANSWER_BYTES", "Response", "Transport", "TransportFailure"]

MAX_ANSWER_BYTES: Final = 1024 * 1024
"""Largest answer, after decompression; real ones have about 200 bytes."""


class Response(msgspec.Struct, frozen=True):
    """A whole HTTP answer; `requests` counts resends too. The gate wants to hear of `permit`.

    `seconds` is how long the answer took, without what went before: the gate, a broken connection.
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
    """No whole answer came: a timeout or a broken connection.

    `permit` is None if it broke before anything was sent.
    """

    kind: FailureKind
    message: str
    permit: Permit | None
    requests: int


_NOT_CONNECTED: Final = (
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorCertificateError,
)
_DEAD: Final = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)


class _Message(NamedTuple):
    """What is sent to an address."""

    method: str
    headers: CIMultiDict[str]
    body: bytes | None


_GET: Final = _Message("GET", CIMultiDict(), None)


class Transport:
    """Sends requests; owns the connections. Use it as an async context manager."""

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
        # One more for the token: it must not wait for a statistics request to end.
        self._exchange = Exchange(concurrency + 1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._limit.close()
        await self._exchange.close()

    def get(self, url: URL, tokens: TokenSource) -> Awaitable[Response | TransportFailure]:
        """Get what is at an address, with the token that is current when the request leaves."""
        return self._ask(self._try(tokens), url, _GET)

    def send(
        self, method: str, url: URL, headers: CIMultiDict[str], body: bytes | None = None
    ) -> Awaitable[Response | TransportFailure]:
        """Send a request that needs no token; it passes the gate as an urgent one."""
        return self._ask(self._try(None), url, _Message(method, headers, body))

    async def _ask(
        self, this: "_Try", url: URL, message: "_Message"
    ) -> Response | TransportFailure:
        """Send a request and read its whole answer, `MAX_ANSWER_BYTES` at most.

        Redirects are not followed: the token belongs to the given origin only.
        """
        try:
            response = await self._exchanged(this, url, message)
            body, is_cut = _whole(response) or await _read(response)
        except asyncio.CancelledError:
            if not this.is_out_of_time():
                this.give_up()
                raise
            text = f"no whole answer within {self._limit.seconds:g} seconds"
            return self._broken(FailureKind.TIMEOUT, text, this)
        except (aiohttp.ClientError, OSError) as error:
            return self._broken(FailureKind.CONNECTION, _describe(error), this)
        except BaseException:
            this.give_up()
            raise
        finally:
            this.end()
        permit = this.permit
        assert permit is not None, "what has an answer has left"  # noqa: S101 - for the type checker
        seconds = self._clock() - permit.at
        self._stats.answered(response.status, seconds)
        return Response(
            response.status,
            response.headers,
            body,
            is_cut,
            permit,
            this.requests,
            seconds,
            this.token,
        )

    async def _exchanged(self, this: "_Try", url: URL, message: "_Message") -> ClientResponse:
        """Send a request, and once more if its connection turns out to be dead.

        A server may close a connection that is kept just when a request leaves. Then a GET is sent
        again (RFC 9110, section 9.2.2), as `aiohttp.ClientSession` does it; that request passes the
        gate and is counted like any other.
        """
        while True:
            token = await this.leave()
            if token is None:
                request = self._exchange.request(message.method, url, message.headers, message.body)
            else:
                request = self._exchange.get(url, token)
            try:
                return await self._exchange.send(request)
            except _NOT_CONNECTED:
                raise
            except _DEAD:
                if message.method != _GET.method or this.requests > 1:
                    raise

    def _try(self, tokens: TokenSource | None) -> "_Try":
        return _Try(self._gate, self._stats, self._limit, tokens, self._concurrency, self._loop)

    def _broken(self, kind: FailureKind, message: str, this: "_Try") -> TransportFailure:
        self._stats.broken[kind] += 1
        return TransportFailure(kind, message, this.permit, this.requests)


class _Try:
    """One try on its way: at the gate, in time, counted.

    The time limit begins behind the gate, and the token is chosen there: one that was chosen before
    could end while it waits. A request that is sent again passes the gate again.
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
        # Told which loop it is, asyncio need not ask the system whether this is still the process.
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

    async def leave(self) -> Token | None:
        """Pass the gate and begin the time; return the token to be sent along, if there is one."""
        if self.requests:
            # A resend: waiting at the gate is no part of the time limit, and what became of the
            # first one nobody knows.
            self._limit.pause(self._task)
            self._stats.resent += 1
            self.give_up()
        self.permit = permit = await self._gate.acquire(is_urgent=self._tokens is None)
        if self._tokens is not None:
            while (token := self._tokens.at_hand()) is None:
                self.give_up()
                await self._tokens.current()
                # Everybody waited for the token: they must not leave all at once.
                self.permit = permit = await self._gate.acquire()
            self.token = token
        # The clock of the gate is that of the event loop, which the limit goes by.
        self._limit.begin(self._task, permit.at)
        if not self.requests:
            self._stats.in_flight += 1
        if not permit.is_paced and self._stats.in_flight >= self._concurrency:
            self._stats.held_up += 1
        self.requests += 1
        self._stats.request_sent(permit.at)
        return self.token

    def is_out_of_time(self) -> bool:
        """Say whether a cancellation came from the time limit, and take it back if so."""
        return self._limit.ended(self._task)

    def give_up(self) -> None:
        """Tell the gate that there will be no outcome of what has left."""
        if self.permit is not None:
            self._gate.release(self.permit)
            self.permit = None

    def end(self) -> None:
        """Stop the time, whatever came of the try."""
        self._limit.ended(self._task)
        if self.requests:
            self._stats.in_flight -= 1


def _whole(response: ClientResponse) -> tuple[bytes, Literal[False]] | None:
    """Return the body if all of it is there, and within the limit: nearly always it is."""
    content = response.content
    if content.is_eof() and content.total_bytes <= MAX_ANSWER_BYTES:
        return content.read_nowait(), False
    return None


async def _read(response: ClientResponse) -> tuple[bytes, bool]:
    """Read the body up to the limit; True when there would have been more.

    At the end of the body the connection goes back to the pool by itself; in every other case it
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


def _describe(error: Exception) -> str:
    """Name an error for people. aiohttp's texts carry addresses, but neither headers nor bodies."""
    return f"{type(error).__name__}: {error}".rstrip(": ")
