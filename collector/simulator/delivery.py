"""Sends a reply, whole or broken in the way that a fault asks for."""

import asyncio
import contextlib
import socket
import struct
from typing import Final

from aiohttp import web

from collector.simulator.faults import Fault
from collector.simulator.replies import Reply

__all__ = ["deliver", "pause", "respond"]

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""`struct linger`: on, for 0 seconds; closing then sends RST in place of FIN."""


def respond(reply: Reply) -> web.Response:
    """Make the response of a reply that is sent whole."""
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


async def pause(seconds: float | None, stopping: asyncio.Event) -> None:
    """Wait for `seconds`, without end if None; return early when the server is `stopping`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()


async def deliver(
    request: web.BaseRequest, reply: Reply, fault: Fault | None, stopping: asyncio.Event
) -> web.StreamResponse:
    """Send `reply`, or what `fault` leaves of it."""
    if fault is Fault.TRUNCATED:
        return await _send_half(request, reply)
    if fault is Fault.RESET:
        _break_off(request, reset=True)
    elif fault is Fault.HANG:
        await pause(None, stopping)
        _break_off(request, reset=False)
    # aiohttp wants a response even when there is nobody left to send it to, and drops it then.
    return respond(reply)


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
