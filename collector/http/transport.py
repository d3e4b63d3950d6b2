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
    ClientHttpProxyError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
)
from yarl import URL

from collector.core.confirmation import CONFIRMED, Confirmation, ConnectionUse, alone, shared
from collector.core.errors import AttributionError
from collector.core.outcome import FailureKind
from collector.core.text import span_text
from collector.http.body import read_body
from collector.http.connector import Connector, is_confirmed
from collector.http.faults import MAX_HEADER_LINE_BYTES, Fault, Nature, fault_of, through_proxy
from collector.http.gate import Gate
from collector.http.in_flight import InFlight
from collector.http.lease import PooledRequest
from collector.http.network import DIRECT, Network
from collector.http.reuse import ReusePolicy
from collector.http.time_limit import TimeLimit
from collector.http.token import Token, TokenSource
from collector.http.tracked import Shared, TrackedRequest
from collector.pace import LocalLimit, Permit
from collector.telemetry.stats import RunStats

__all__ = ["Response", "Transport", "TransportFailure"]


class Response(msgspec.Struct, frozen=True, gc=False):
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


class TransportFailure(msgspec.Struct, frozen=True, gc=False):
    """A request without a whole answer: a timeout or a broken connection.

    `message` and `nature` are those of a `Fault`. `permit` is None if it failed before anything was
    sent.
    """

    kind: FailureKind
    message: str
    permit: Permit | None
    requests: int
    nature: Nature = Nature.TRANSIENT


_MOST_LINGERING: Final = 64
"""Connections that are watched after their only answer. If there are more, requests wait."""


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
        self._stats = stats
        self._clock = clock
        self._slept_since = slept_since
        self._in_flight = in_flight or InFlight(LocalLimit(inf), gate)
        self._limit = TimeLimit(timeout, clock=clock)
        self._shared = Shared(gate, stats, self._limit, self._in_flight, concurrency)
        self._loop = asyncio.get_running_loop()
        self._reuse = reuse or ReusePolicy(clock())
        # One more for the token request: it must not wait for a statistics request to end.
        self._connector = Connector(
            self._reuse,
            limit=concurrency + 1,
            burst=gate.burst,
            verify=network.verification(),
            notify=notify,
            clock=clock,
        )
        # Without any proxy, the origin of each address need not be looked up.
        self._network = network if any(network.routes.values()) else DIRECT
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
        self,
        url: URL,
        tokens: TokenSource,
        use: Callable[[], ConnectionUse] = shared,
        *,
        is_final: bool = False,
    ) -> Awaitable[Response | TransportFailure]:
        """Send a GET with the token that is current when the permit is issued.

        `use` chooses how it uses its connection; it is called when the request leaves. A final
        request is the last one on its connection, and is sent also after the gate was closed.
        Raises `AttributionError` when the answers of this server cannot be attributed to requests.
        """
        if self._reuse.is_hopeless:
            raise AttributionError.of(str(url.origin()))
        return self._request(self._track(tokens, use, is_final), "GET", url)

    def post(self, url: URL, body: bytes) -> Awaitable[Response | TransportFailure]:
        """Send a POST that needs no token, with an urgent permit and a connection of its own."""
        return self._request(self._track(None, alone, False), "POST", url, body)  # noqa: FBT003

    async def _request(
        self, tracked: TrackedRequest, method: str, url: URL, body: bytes | None = None
    ) -> Response | TransportFailure:
        """Send a request and read its whole answer, 1 MiB at most.

        Redirects are not followed: the token is only for the given origin.
        """
        proxy = self._network.proxy_for(url)
        if proxy is None:
            proxy_url = proxy_headers = None
        else:
            proxy_url = proxy.url
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
            content, is_cut = await read_body(response)
        except asyncio.CancelledError:
            if not tracked.timed_out():
                tracked.break_off()
                tracked.release_permit()
                raise
            what = "connection" if tracked.is_connecting else "whole answer"
            text = f"no {what} within {span_text(self._limit.seconds)}{through_proxy(proxy_url)}"
            fault = Fault(text, Nature.TRANSIENT)
            return self._failure(FailureKind.TIMEOUT, fault, tracked)
        except (aiohttp.ClientError, OSError, MemoryError) as error:
            return self._failure(FailureKind.CONNECTION, fault_of(error, url, proxy_url), tracked)
        except BaseException:
            tracked.break_off()
            tracked.release_permit()
            raise
        finally:
            tracked.finish()
        permit = tracked.permit
        assert permit is not None, "what has an answer has left"  # noqa: S101 - for the type checker
        seconds = self._clock() - permit.at
        status = response.status
        self._stats.answered(status, seconds)
        self._in_flight.worked()
        confirmation = CONFIRMED
        if (lease := tracked.lease) is not None:
            confirmation = lease.confirmation
            self._connector.answered(lease, response, size=len(content), is_cut=is_cut)
            if self._connector.lingering >= _MOST_LINGERING:
                await is_confirmed(confirmation)
        return Response(
            status,
            response.headers,
            content,
            is_cut,
            permit,
            tracked.requests,
            seconds,
            tracked.token,
            confirmation,
        )

    def _track(
        self,
        tokens: TokenSource | None,
        use: Callable[[], ConnectionUse],
        is_final: bool,  # noqa: FBT001 - by position, once for each request
    ) -> TrackedRequest:
        # With the loop given, asyncio need not ask the system whether the process has forked.
        task = asyncio.current_task(self._loop)
        assert task is not None, "requests are sent by tasks"  # noqa: S101 - for the type checker
        return TrackedRequest(self._shared, task, tokens, use, is_final)

    def _failure(
        self, kind: FailureKind, fault: Fault, tracked: TrackedRequest
    ) -> TransportFailure:
        tracked.break_off()
        self._stats.broken[kind] += 1
        permit, nature = tracked.permit, fault.nature
        if nature is Nature.LOCAL:
            self._in_flight.lacked(fault.text, self._stats.in_flight - 1)
        else:
            self._in_flight.worked()
            if permit is not None and self._slept_since(permit.at):
                nature = Nature.SUSPENDED
        return TransportFailure(kind, fault.text, permit, tracked.requests, nature)


def _check_proxy_accepts(response: ClientResponse) -> None:
    """Raise for a proxy that requires other credentials what aiohttp raises for its CONNECT.

    Plain http is sent to the proxy without a CONNECT.
    """
    if response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        response.close()
        raise ClientHttpProxyError(response.request_info, (), status=response.status)
