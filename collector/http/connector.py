"""Connections in step: each answer belongs to the request that it was taken for."""

import asyncio
import ssl
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Final

from aiohttp import (
    ClientConnectionError,
    ClientRequest,
    ClientResponse,
    ClientTimeout,
    HttpVersion10,
    TCPConnector,
    hdrs,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError
from aiohttp.tracing import Trace

from collector.core.confirmation import Confirmation
from collector.http.lease import Lease, PooledRequest
from collector.http.limits import BurstLimit
from collector.http.resolver import Resolver
from collector.http.reuse import ReusePolicy

__all__ = ["Connector", "is_confirmed"]

_LINGER_SECONDS: Final = 1.0
"""How long a connection is watched that the server neither closes nor declares to close."""


class Connector(TCPConnector):
    """Connection pool that lends a connection only while it is in step.

    aiohttp's own pool does not check whether an idle connection has brought bytes that were not
    requested; they would be the answer to the next request (RFC 9112, section 9.2).

    * `policy`: decides which request is the last one on a connection.
    * `limit`: connections in use, at most.
    * `burst`: limits the requests that are sent together.
    * `verify`: verifies certificates; True is aiohttp's default.
    * `notify`: called with the reason (`surplus`, `lost` or `undeclared`) and the number of answers
      when answers of a connection cannot be attributed.
    """

    def __init__(  # noqa: PLR0913 - one collaborator each
        self,
        policy: ReusePolicy,
        *,
        limit: int,
        burst: BurstLimit,
        verify: ssl.SSLContext | bool,
        notify: Callable[[str, int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(limit=limit, ssl=verify, resolver=Resolver())
        self._policy = policy
        self._burst = burst
        self._notify = notify
        self._clock = clock
        self._leases: dict[ResponseHandler, Lease] = {}
        self._is_ending = False
        self.lingering = 0
        """Connections that are watched after their only answer."""

    def end(self) -> None:
        """Stop judging connections: they are about to be closed."""
        self._is_ending = True

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp's parameter
    ) -> Connection:
        """Return a connection from the pool, or a new one, when the request may be sent."""
        assert isinstance(req, PooledRequest), "the session makes no others"  # noqa: S101
        if self._policy.is_single:
            req.alone()
        while True:
            connection = await super().connect(req, traces, timeout)
            if not self._burst.take_now():
                # It waits without a connection: what idle ones bring is seen by the pool.
                connection.release()
                await self._burst.take()
                connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            assert protocol is not None, "it is open"  # noqa: S101 - for the type checker
            lease = self._leases.get(protocol) or self._begin(protocol)
            if not protocol.should_close:
                break
            # Bytes have arrived that no request has asked for.
            self._out_of_step(lease)
            connection.close()
            if not lease.sent:
                raise ClientConnectionError("the server sent bytes before the request")
        req.lease = lease
        if req.is_last or self._policy.is_last(
            lease.sent, req.sent_at, lease.held_until, lease.held_bytes
        ):
            lease.is_last = True
            req.headers[hdrs.CONNECTION] = "close"
        lease.sent += 1
        lease.is_busy = True
        lease.confirmation.is_idle = False
        return connection

    def answered(self, lease: Lease, response: ClientResponse, *, size: int, is_cut: bool) -> None:
        """Judge the connection after an answer of `size` bytes.

        One that `is_cut` was not read to its end.
        """
        lease.is_busy = False
        if self._is_ending:
            return
        protocol, declares_close = lease.protocol, _declares_close(response)
        if declares_close or is_cut or lease.is_last:
            # A server may send a 408 on its own account, also while a request is on its way.
            is_confirmed = (
                declares_close and not is_cut and response.status != HTTPStatus.REQUEST_TIMEOUT
            )
            self._judge_last(lease, is_confirmed=is_confirmed, is_over=is_cut or declares_close)
        elif len(protocol):
            self._out_of_step(lease)
        elif not protocol.is_connected():
            self._ended(lease)
        elif self._policy.is_single:
            lease.held += 1
            self._refute(lease, "surplus")
            protocol.close()
        else:
            if not lease.held:
                lease.held_until = self._policy.hold_until(self._clock())
            lease.held += 1
            lease.held_bytes += size
            lease.confirmation.is_idle = True

    def _judge_last(self, lease: Lease, *, is_confirmed: bool, is_over: bool) -> None:
        """Judge a connection after an answer that no other one should follow.

        `is_confirmed` says that the answer declares the close, `is_over` that the connection cannot
        serve another request.
        """
        if (lease.is_last and is_confirmed) or (lease.sent == 1 and is_over):
            self._confirm(lease)
        elif len(lease.protocol):
            self._out_of_step(lease)
        elif is_over or not lease.protocol.is_connected():
            self._ended(lease)
        else:
            self._policy.undeclared()
            if lease.sent == 1:
                self._linger(lease)
            else:
                lease.held += 1
                self._refute(lease, "undeclared")
                lease.protocol.close()
            self._give_up_idle()

    def _ended(self, lease: Lease) -> None:
        """Judge a connection that ended before the server was asked to close it, or undeclared."""
        if lease.sent == 1 and not lease.protocol.is_connected():
            # The end of the connection is the end of the answer.
            self._confirm(lease)
        else:
            # Nothing shows that there are as many answers as requests.
            lease.held += 1
            self._lost(lease)

    def _begin(self, protocol: ResponseHandler) -> Lease:
        lease = self._leases[protocol] = Lease(protocol, self._judge)
        closed = protocol.closed
        if closed is not None:
            closed.add_done_callback(partial(self._judge_closed, lease))
        return lease

    def _judge_closed(self, lease: Lease, closed: asyncio.Future[None]) -> None:
        """Judge a closed connection; its answers are lost unless they are confirmed.

        If a request is outstanding, its result comes first: the end of the connection may be that
        of the answer.
        """
        if not closed.cancelled():
            closed.exception()  # Read here; the request in flight gets an error of its own.
        self._leases.pop(lease.protocol, None)
        lease.is_closed = True
        if not lease.is_busy:
            self._judge(lease)

    def _judge(self, lease: Lease) -> None:
        if self._is_ending or lease.confirmation.is_confirmed is not None:
            return
        if lease.is_lingering:
            self._end_linger(lease)
        elif lease.held and _has_surplus(lease):
            self._out_of_step(lease)
        else:
            self._lost(lease)

    def _linger(self, lease: Lease) -> None:
        """Watch a connection that served one request, until it is closed or a second has passed."""
        lease.held = 1
        lease.is_lingering = lease.confirmation.is_watched = True
        self.lingering += 1
        timer = asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._end_linger, lease)
        lease.confirmation.when_known(lambda _: timer.cancel())

    def _end_linger(self, lease: Lease) -> None:
        self.lingering -= 1
        if _has_surplus(lease):
            self._out_of_step(lease)
        else:
            self._confirm(lease)
        lease.protocol.close()

    def _confirm(self, lease: Lease) -> None:
        self._policy.confirmed(self._clock())
        lease.confirmation.resolve(is_confirmed=True)

    def _out_of_step(self, lease: Lease) -> None:
        self._policy.out_of_step(was_alone=lease.sent == 0 or (lease.sent == 1 and lease.is_last))
        self._refute(lease, "surplus")
        self._give_up_idle()

    def _give_up_idle(self) -> None:
        """Refute the answers of idle connections: no request will confirm them any more."""
        for lease in list(self._leases.values()):
            if lease.held and lease.confirmation.is_idle:
                self._refute(lease, "surplus")
                lease.protocol.close()

    def _lost(self, lease: Lease) -> None:
        if lease.held:
            self._policy.lost(lease.sent, self._clock())
        self._refute(lease, "lost")

    def _refute(self, lease: Lease, reason: str) -> None:
        if lease.held or reason == "surplus":
            self._notify(reason, lease.held)
        lease.confirmation.resolve(is_confirmed=False)


async def is_confirmed(confirmation: Confirmation) -> bool:
    """Wait until it is known whether an answer belongs to its request, and return that."""
    if confirmation.is_confirmed is None:
        known = asyncio.Event()
        confirmation.when_known(lambda _: known.set())
        await known.wait()
    return confirmation.is_confirmed is True


def _has_surplus(lease: Lease) -> bool:
    """Return whether a connection has brought an answer that was not requested, or rubbish.

    The answer to a request that was given up is not among that, nor is the end of the connection.
    """
    protocol = lease.protocol
    is_rubbish = isinstance(protocol.exception(), HttpProcessingError)
    return is_rubbish or len(protocol) > lease.is_given_up


def _declares_close(response: ClientResponse) -> bool:
    """Return whether an answer says that its connection is closed after it (RFC 9112, 9.6)."""
    text = response.headers.get(hdrs.CONNECTION)
    if text == "keep-alive":
        return False
    is_http10 = response.version == HttpVersion10
    if text is None:
        return is_http10
    options = [
        option.strip().lower()
        for value in response.headers.getall(hdrs.CONNECTION)
        for option in value.split(",")
    ]
    return "close" in options or (is_http10 and "keep-alive" not in options)
