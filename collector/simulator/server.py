"""The HTTP server of the embedded API: it sends replies, whole or broken by a fault."""

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import struct
import time
from collections.abc import Callable
from datetime import date
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from collector.core.errors import InputError
from collector.simulator.faults import Fault
from collector.simulator.records import Counts, RequestKind, RequestRecord
from collector.simulator.replies import Reply
from collector.simulator.service import EmbeddedService, StatisticsRequest
from collector.simulator.settings import SimulatorSettings

__all__ = ["Simulator"]

_BEFORE_ID: Final = "/campaigns/api/v1/company/"
_AFTER_ID: Final = "/statistics"
_OAUTH_PATHS: Final[dict[str, RequestKind]] = {
    "/oauth/token": "token",
    "/oauth/revoke": "revoke",
}

_BACKLOG: Final = 1024
"""Connections that may wait to be accepted: more than a collector opens at once."""

_STOP_GRACE: Final = 0.25
"""Seconds that a stop waits for a request still being read; it may wait twice."""


class Simulator:
    """An embedded API that serves both endpoints while it is entered as a context manager.

    `clock` gives epoch seconds (life of tokens, fixed windows), `monotonic` seconds (token
    bucket, queue, records) and `today` the day that default ranges end with unless the settings
    name one. With `record_requests` every request is kept in `requests`; without, memory stays
    bounded and there are only `counts`.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        today: Callable[[], date] = date.today,
        record_requests: bool = False,
    ) -> None:
        self._service = EmbeddedService(
            settings,
            clock=clock,
            monotonic=monotonic,
            today=today,
            record_requests=record_requests,
        )
        self._runner: web.ServerRunner | None = None
        self._stopping = asyncio.Event()
        self._address: tuple[str, int] | None = None

    @property
    def settings(self) -> SimulatorSettings:
        """The settings in force."""
        return self._service.settings

    @property
    def counts(self) -> Counts:
        """How many requests arrived so far."""
        return self._service.counts

    @property
    def requests(self) -> list[RequestRecord]:
        """The requests in the order of their decisions; empty without `record_requests`."""
        return self._service.requests

    @property
    def port(self) -> int:
        """The port on which the server listens; `RuntimeError` before the first start."""
        return self._bound()[1]

    @property
    def base_url(self) -> str:
        """Where the statistics are, without a trailing slash; `RuntimeError` before the start."""
        host, port = self._bound()
        return f"http://{_reachable(host)}:{port}"

    @property
    def token_url(self) -> str:
        """Where tokens are issued."""
        return f"{self.base_url}/oauth/token/"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen. Raises `InputError` if the address is not available.

        After a stop the port is the same again, also if any free one was requested, so that a
        server can go down and come back for its clients.
        """
        if self._runner is not None:
            raise RuntimeError("the embedded API is already running")
        self._stopping = asyncio.Event()
        server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=_STOP_GRACE)
        await runner.setup()
        host, port = self.settings.host, self.settings.port
        if port == 0 and self._address is not None:
            port = self._address[1]
        try:
            await web.TCPSite(runner, host, port, backlog=_BACKLOG).start()
        except OSError as error:
            await runner.cleanup()
            raise InputError(_cannot_listen(host, port, error)) from error
        self._address = runner.addresses[0][:2]
        self._runner = runner

    async def stop(self) -> None:
        """Close the port and every connection, within a second; does nothing if not running."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        self._stopping.set()
        await runner.cleanup()
        # Transports close their sockets in the next iteration of the loop.
        await asyncio.sleep(0)

    def reconfigure(self, settings: SimulatorSettings) -> None:
        """Apply other settings to the requests to come, without a restart.

        The rate limit starts anew, with a full bucket, an empty queue or a window uncounted, as
        do the draws of faults and jitter; tokens and counts stay. Earlier requests keep their
        decision, and their turn in a queue. Raises `ValueError` if host or port differ: those
        are bound.
        """
        if (settings.host, settings.port) != (self.settings.host, self.settings.port):
            raise ValueError("host and port cannot be changed at run time: start another Simulator")
        self._service.configure(settings)

    def issue_token(self) -> str:
        """Issue a token without a request, for tests that are about something else."""
        settings = self.settings
        fields = {
            "grant_type": "client_credentials",
            "client_id": settings.client_id,
            "client_secret": settings.client_secret,
        }
        return str(self._service.tokens.issue(settings, fields).body["access_token"])

    def revoke_all(self) -> None:
        """Revoke every token issued so far, as an administrator of the service could."""
        self._service.tokens.revoke_all()

    def _bound(self) -> tuple[str, int]:
        if self._address is None:
            raise RuntimeError("the embedded API has no address before it is started")
        return self._address

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Route by the raw path: only there is `%2F` in an id told from a slash."""
        path = request.rel_url.raw_path
        raw_id = path.removeprefix(_BEFORE_ID).removesuffix(_AFTER_ID)
        if path == f"{_BEFORE_ID}{raw_id}{_AFTER_ID}" and raw_id and "/" not in raw_id:
            if request.method == "GET":
                return await self._statistics(request, raw_id)
        elif kind := _OAUTH_PATHS.get(path.removesuffix("/")):
            if request.method == "POST":
                body = await request.read()
                return _respond(self._service.oauth(kind, body, request.content_type))
        else:
            return _respond(self._service.misdirected(404, f"there is nothing at {path}"))
        reason = f"{request.method} is not possible at {path}"
        return _respond(self._service.misdirected(405, reason))

    async def _statistics(self, request: web.BaseRequest, raw_id: str) -> web.StreamResponse:
        query = request.rel_url.query
        decision = self._service.statistics(
            StatisticsRequest(
                raw_id,
                request.headers.get("Authorization"),
                query.getall(self.settings.from_param, []),
                query.getall(self.settings.until_param, []),
            )
        )
        try:
            if decision.delay:
                await _pause(decision.delay, self._stopping)
            return await _deliver(request, decision.reply, decision.fault, self._stopping)
        finally:
            decision.ended()


def _reachable(host: str) -> str:
    """Return an address for a URL from the one that is bound; "every address" becomes loopback."""
    address = ipaddress.ip_address(host)
    if isinstance(address, ipaddress.IPv6Address):
        return "[::1]" if address.is_unspecified else f"[{address}]"
    return "127.0.0.1" if address.is_unspecified else str(address)


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    """Return which address is not available, why, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return (
            f"The embedded API cannot listen on {host} port {port}: another program does."
            " Choose another --port, or --port 0 for any free one."
        )
    why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    return (
        f"The embedded API cannot listen on {host} port {port}: {why}."
        " Choose an address of this machine with --host (127.0.0.1 always works) and a --port"
        " above 1023, or --port 0 for any free one."
    )


_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""`struct linger`: on, for 0 seconds; closing then sends RST in place of FIN."""


def _respond(reply: Reply) -> web.Response:
    """Make the response of a reply that is sent whole."""
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


async def _pause(seconds: float | None, stopping: asyncio.Event) -> None:
    """Wait for `seconds`, without end if None; return early when the server is `stopping`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()


async def _deliver(
    request: web.BaseRequest, reply: Reply, fault: Fault | None, stopping: asyncio.Event
) -> web.StreamResponse:
    """Send `reply`, or what `fault` leaves of it."""
    if fault is Fault.TRUNCATED:
        return await _send_half(request, reply)
    if fault is Fault.RESET:
        _break_off(request, reset=True)
    elif fault is Fault.HANG:
        await _pause(None, stopping)
        _break_off(request, reset=False)
    # aiohttp needs a response even when the client is gone, and drops it then.
    return _respond(reply)


def _break_off(request: web.BaseRequest, *, reset: bool) -> None:
    """Close the connection at once, without an answer; with RST if `reset`."""
    transport = request.transport
    if transport is None:
        return
    if reset:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


async def _send_half(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """Announce the whole body, send its first half; aiohttp closes the connection after it."""
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    response.force_close()
    await response.prepare(request)
    await response.write(reply.body[: len(reply.body) // 2])
    return response
